"""From a parsed JSON document to fields: its arrays of numbers, in any of their three forms, become tensors."""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import numpy as np
import pybase64

from service.codec.chunks import LongString, Text
from service.codec.fields import DTYPES, Array, Caps, Form, Malformed, Step, Unfit, checked_elements, checked_shape

FLAT_KEYS = {"shape", "data"}
BASE64_KEYS = {"shape", "dtype", "base64"}
TENSOR_KEYS = FLAT_KEYS | BASE64_KEYS
CONTENT_KEYS = {"data", "base64"}
OUTSIDE = re.compile(rb"[^A-Za-z0-9+/]")
MOST_NAMES = 256  # of one object
MOST_ITEMS = 1024  # of one list that is not of numbers
MOST_ROWS = 1024 * 1024  # of all nested tensors: each row is an object of Python's on the way
SATURATED = 0xFFFFFF  # pysimdjson counts no further than this


class GiveUp(Exception):
    """The walk met something that it cannot name."""


class Walk:
    """Turns a parsed document into fields.

    The parsers differ in the types of their lists and objects, in `flatten`, an array's numbers as one buffer, and in `parse`, which
    reads a piece of one of the `texts` that were cut out of the document.
    """

    def __init__(
        self,
        caps: Caps,
        array: type[Any],
        object: type[Any],
        flatten: Callable[[Any, tuple[Step, ...]], Array],
        parse: Callable[[bytes], Any],
        texts: Mapping[str, Text | LongString],
    ) -> None:
        self.caps, self.flatten, self.parse, self.texts = caps, flatten, parse, texts
        self.an_array: Any = array  # Any: values are of the parser's own types
        self.an_object: Any = object
        self.form: Form | None = None
        self.rows = self.cuts = 0  # cuts: texts that were read
        self.names = 0  # of all objects
        self.brackets = 0  # how many [ the document should have, were it as regular as it seems

    def value(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        if depth > self.caps.depth:
            raise Malformed(f"too deep; expected at most {self.caps.depth} levels", pointer[:8])
        if isinstance(value, self.an_array):
            return self.array(value, pointer, depth)
        if isinstance(value, self.an_object):
            return self.object(value, pointer, depth)
        if isinstance(value, str):
            if value in self.texts:
                text = self.texts[value]
                if isinstance(text, Text):
                    return self.pieced(text, "nested", pointer)
                self.cuts += 1
                return self.parse(text.quoted())
            self.brackets += value.count("[")
        return value

    def object(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        """Return the members of an object, or the tensor that it is; () points to the whole document."""
        if not isinstance(value, self.an_object):
            raise Unfit("the body: wrong type; expected a JSON object")
        if len(value) > MOST_NAMES:  # a look-up walks the object
            raise Unfit(f"too many members; expected at most {MOST_NAMES}, got {len(value)}", pointer)
        keys = list(value.keys())
        self.names += len(keys)
        for key in keys:
            self.brackets += key.count("[")
            if "\0" in key:  # pysimdjson looks a name up only as far as that
                raise Unfit("null character in a member's name; expected a name without", pointer)
        names = set(keys)
        if len(names) != len(keys):
            raise Unfit("duplicate key; expected each name once", (*pointer, next(key for i, key in enumerate(keys) if key in keys[:i])))
        if "shape" in names and names <= TENSOR_KEYS and not names.isdisjoint(CONTENT_KEYS):
            if not pointer:
                raise Unfit("the body: wrong type; expected an object of named tensors and options, got one tensor")
            return self.flat(value, pointer) if names == FLAT_KEYS else self.compact(value, names, pointer)
        fields = {}
        for key in keys:  # items() would make Python lists
            item, place = value[key], (*pointer, key)
            if isinstance(item, self.an_array) and depth < self.caps.depth:
                fields[key] = self.array(item, place, depth + 1)
            else:
                fields[key] = self.value(item, place, depth + 1)
        return fields

    def array(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        leaf, rank = value, 0
        while isinstance(leaf, self.an_array):
            rank += 1
            leaf = next(iter(leaf), 0.0)
            if rank > self.caps.depth:
                raise Malformed(f"too deep; expected at most {self.caps.depth} levels", pointer)
        if type(leaf) is bool and rank == 1 and set(map(type, items := list(value))) == {bool}:  # BOOL data of an inference request
            self.brackets += 1
            return items
        if type(leaf) in (str, bool) or isinstance(leaf, self.an_object):
            if len(value) > MOST_ITEMS:
                raise Unfit(f"too many items; expected at most {MOST_ITEMS} that are not numbers, got {len(value)}", pointer)
            self.brackets += 1
            return [self.value(item, (*pointer, i), depth + 1) for i, item in enumerate(value)]
        self.form = self.form or "nested"
        return self.tensor(value, rank, pointer)

    def tensor(self, value: Any, rank: int, pointer: tuple[Step, ...]) -> Array:
        """A nested array: its shape is that of its first elements, and every row must have it."""
        if rank > self.caps.rank:
            raise Unfit(f"too many axes; expected at most {self.caps.rank}, got {rank}", pointer)
        flat = self.flatten(value, pointer)
        rows, shape = [value], []
        for level in range(rank):
            lengths = set(map(len, rows))
            if len(lengths) > 1:
                raise GiveUp
            length = lengths.pop() if lengths else 0
            if level == 0 and rank == 1 and length >= SATURATED:
                length = flat.size
            shape.append(length)
            self.brackets += len(rows)
            if level + 1 < rank:
                self.rows += len(rows) * length
                if self.rows > MOST_ROWS:
                    raise Unfit(f"too many rows; expected at most {MOST_ROWS} in nested arrays, or shape and data", pointer)
                rows = list(chain.from_iterable(rows))
                if not set(map(type, rows)) <= {self.an_array}:
                    raise GiveUp
        if math.prod(shape) != flat.size:
            raise GiveUp
        if not 0 < flat.size <= self.caps.elements:
            checked_shape(tuple(shape), self.caps, pointer)
        return flat.reshape(shape)

    def pieced(self, text: Text, form: Form, pointer: tuple[Step, ...]) -> Array:
        """An array that was cut out, put together from its pieces."""
        self.form = self.form or form
        self.cuts += 1
        parts = [self._piece(piece, pointer) for piece in text.pieces()]
        if len({part.shape[1:] for part in parts}) > 1 or (len(parts) > 1 and not all(map(len, parts))):
            raise GiveUp
        whole = np.concatenate(parts)
        checked_shape(whole.shape, self.caps, pointer)
        return whole

    def _piece(self, piece: bytes, pointer: tuple[Step, ...]) -> Array:
        leaf, rank, before = self.parse(piece), 0, self.brackets
        value = leaf
        while isinstance(leaf, self.an_array) and rank <= self.caps.rank:
            rank += 1
            leaf = next(iter(leaf), 0.0)
        part = self.tensor(value, rank, pointer)
        if np.count_nonzero(np.frombuffer(piece, np.uint8) == ord("[")) != self.brackets - before:  # a quarter of the time of piece.count
            raise GiveUp
        self.brackets = before
        return part

    def compact(self, value: Any, names: set[str], pointer: tuple[Step, ...]) -> Array:
        """Read a tensor of either form: generated clients write the member that is not set as null or empty."""
        data = value["data"] if "data" in names else None
        text = value["base64"] if "base64" in names else None
        dtype = value["dtype"] if "dtype" in names else None
        empty = isinstance(data, self.an_array) and len(data) == 0
        if text is None or (text == "" and data is not None):
            if data is None:
                raise Unfit("no elements; expected data or base64, got neither", pointer)
            if dtype not in (None, "float64"):
                raise Unfit("not the type of data; expected float64 or nothing beside data", (*pointer, "dtype"))
            return self.flat(value, pointer)
        if data is not None and not empty:
            raise Unfit("two contents; expected data or base64, got both", pointer)
        self.brackets += empty
        return self.base64(value, "float64" if dtype is None else dtype, pointer)

    def flat(self, value: Any, pointer: tuple[Step, ...]) -> Array:
        self.form = self.form or "flat"
        shape, data = self.shape(value["shape"], pointer), value["data"]
        text = self.texts.get(data) if isinstance(data, str) else None
        flat = self._pieced_data(text, pointer) if isinstance(text, Text) else self._data(data, (*pointer, "data"))
        if math.prod(shape) != flat.size:
            raise Unfit(f"wrong length; expected {math.prod(shape)} numbers for shape {list(shape)}, got {flat.size}", (*pointer, "data"))
        return flat.reshape(shape)

    def _pieced_data(self, text: Text, pointer: tuple[Step, ...]) -> Array:
        flat = self.pieced(text, "flat", (*pointer, "data"))
        if flat.ndim != 1:
            raise Unfit("nested; expected a flat list of numbers, got a list of lists", (*pointer, "data"))
        return flat

    def _data(self, data: Any, pointer: tuple[Step, ...]) -> Array:
        if not isinstance(data, self.an_array):
            raise Unfit("wrong type; expected a list of numbers", pointer)
        self.brackets += 1
        flat = self.flatten(data, pointer)
        if isinstance(next(iter(data), 0.0), self.an_array) or (len(data) != flat.size and len(data) < SATURATED):
            raise Unfit("nested; expected a flat list of numbers, got a list of lists", pointer)
        return flat

    def shape(self, value: Any, pointer: tuple[Step, ...]) -> tuple[int, ...]:
        place = (*pointer, "shape")
        if not isinstance(value, self.an_array):
            raise Unfit("wrong type; expected a list of integers", place)
        self.brackets += 1
        if len(value) > self.caps.rank:
            raise Unfit(f"too many axes; expected at most {self.caps.rank}, got {len(value)}", place)
        sizes = []
        for size in value:
            if type(size) not in (int, float) or size != int(size) or size < 0:
                raise Unfit("not a shape; expected integers of at least 0", place)
            sizes.append(int(size))
        return checked_shape(tuple(sizes), self.caps, place)

    def base64(self, value: Any, name: Any, pointer: tuple[Step, ...]) -> Array:
        self.form = self.form or "base64"
        shape, text = self.shape(value["shape"], pointer), value["base64"]
        if not isinstance(name, str) or name not in DTYPES:
            raise Unfit(f"unknown dtype; expected one of {', '.join(DTYPES)}", (*pointer, "dtype"))
        if not isinstance(text, str):
            raise Unfit("wrong type; expected a string of base64", (*pointer, "base64"))
        data = self._bytes(text, (*pointer, "base64"))
        expected = math.prod(shape) * DTYPES[name].itemsize
        if len(data) != expected:
            raise Unfit(f"wrong length; expected {expected} bytes for shape {list(shape)} of {name}, got {len(data)}", (*pointer, "base64"))
        array = np.frombuffer(data, DTYPES[name]).reshape(shape)
        return checked_elements(array, pointer) if name == "bool" else array

    def _bytes(self, text: str, pointer: tuple[Step, ...]) -> bytes:
        """Decode base64 from the text that was cut out or from the document; JSON may have escaped its slashes."""
        found = self.texts.get(text)
        self.cuts += found is not None
        try:
            return pybase64.b64decode(found.view() if isinstance(found, LongString) else text, validate=True)
        except (binascii.Error, ValueError):
            if isinstance(found, LongString):
                text = self.parse(found.quoted())
                return self._bytes(text, pointer)
            raise Unfit(_fault(text.encode("utf-8", "replace")), pointer) from None


def _fault(text: bytes) -> str:
    """Describe why a text is not base64."""
    outside = OUTSIDE.search(text.rstrip(b"="))
    if outside:
        return f"not base64; expected A-Z, a-z, 0-9, + and /, got another character at {outside.start()}"
    return f"not base64; expected a multiple of 4 characters, padded with =, got {len(text)} with {len(text) - len(text.rstrip(b'='))} of padding"
