"""From a parsed JSON document to fields: its arrays of numbers, in any of their three forms, become tensors."""

from __future__ import annotations

import binascii
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar, NoReturn

import numpy as np
import pybase64

from service.codec.chunks import LongString, Text
from service.codec.fields import DTYPES, Array, Buffer, Caps, Form, Malformed, Step, Unfit, checked_elements, checked_shape

FLAT_KEYS = {"shape", "data"}
BASE64_KEYS = {"shape", "dtype", "base64"}
TENSOR_KEYS = FLAT_KEYS | BASE64_KEYS
OUTSIDE = re.compile(rb"[^A-Za-z0-9+/]")
MOST_NAMES = 256  # of one object
MOST_ITEMS = 1024  # of one list that is not of numbers
MOST_ROWS = 1024 * 1024  # of all nested tensors: each row is an object of Python's on the way
LONG = 32 * 1024  # bytes
BLOCK = 512 * 1024  # bytes that are counted at a time: 40 us
SATURATED = 0xFFFFFF  # pysimdjson counts no further than this


class GiveUp(Exception):
    """The walk met something that it cannot name."""


class Walk(ABC):
    """Turns a parsed document into fields. The parsers differ in the types of their lists and objects, and in how they give numbers."""

    an_array: Any  # Any: values are of the parser's own types
    an_object: Any
    readers: ClassVar[dict[type, Any]]  # the methods for values of each type; numbers, booleans and null need none
    form: Form | None = None
    rows = cuts = 0  # cuts: texts that were read
    names = 0  # of all objects
    brackets = 0  # how many [ the document should have, were it as regular as it seems
    quoted = 0  # of them, those in strings, some of which may have been escapes

    def __init__(self, caps: Caps, texts: Mapping[str, Text | LongString]) -> None:
        self.caps, self.texts = caps, texts

    @abstractmethod
    def parse(self, text: bytes) -> Any:
        """Read one of the texts that were cut out of the document, or a piece of it."""

    @abstractmethod
    def numbers(self, value: Any, pointer: tuple[Step, ...], shape: tuple[int, ...] = ()) -> Array:
        """Return an array's numbers as a tensor of as many numbers, whatever the lengths of its rows; without a shape, flat."""

    def object(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        """Return the members of an object, or the tensor that it is; () points to the whole document."""
        if not isinstance(value, self.an_object):
            raise Unfit("the body: wrong type; expected a JSON object")
        if len(value) > MOST_NAMES:  # a look-up walks the object
            raise Unfit(f"too many members; expected at most {MOST_NAMES}, got {len(value)}", pointer)
        keys = list(value)
        self.names += len(keys)
        text = "".join(keys)
        self.quoted += text.count("[")
        if "\0" in text:  # pysimdjson looks a name up only as far as that
            raise Unfit("null character in a member's name; expected a name without", pointer)
        members: dict[str, Any] = dict(zip(keys, map(value.__getitem__, keys), strict=True))  # items() would make Python lists
        if len(members) != len(keys):
            raise Unfit("duplicate key; expected each name once", (*pointer, next(key for i, key in enumerate(keys) if key in keys[:i])))
        if "shape" in members and ("base64" in members or "data" in members) and TENSOR_KEYS.issuperset(members):
            if not pointer:
                raise Unfit("the body: wrong type; expected an object of named tensors and options, got one tensor")
            if members.keys() == BASE64_KEYS and isinstance(members["base64"], str) and members["dtype"]:
                return self.base64(members["shape"], members["dtype"], members["base64"], pointer)
            return self.flat(members, pointer) if members.keys() == FLAT_KEYS else self.compact(members, pointer)
        for key, item in members.items():
            if depth >= self.caps.depth:
                raise Malformed(f"too deep; expected at most {self.caps.depth} levels", (*pointer, key)[:8])
            if reader := self.readers.get(type(item)):
                members[key] = reader(self, item, (*pointer, key), depth + 1)
        return members

    def array(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        """Return a list, or the tensor that it is: its shape is that of its first elements, and every row must have it."""
        leaf, shape = value, []
        while isinstance(leaf, self.an_array):
            shape.append(len(leaf))
            leaf = leaf[0] if shape[-1] else 0.0
            if len(shape) > self.caps.depth:
                self._reject_axes(len(shape), pointer)
        if isinstance(leaf, (str, bool, self.an_object)):
            return self.items(value, type(leaf), pointer, depth)
        if len(shape) > self.caps.rank:
            self._reject_axes(len(shape), pointer)
        self.form = self.form or "nested"
        self.brackets += 1
        array = self.numbers(value, pointer, tuple(shape) if len(shape) > 1 else ())
        if len(shape) > 1:
            self._check_rows(value, shape, pointer)
        if not 0 < array.size <= self.caps.elements:
            checked_shape(array.shape, self.caps, pointer)
        return array

    def _reject_axes(self, axes: int, pointer: tuple[Step, ...]) -> NoReturn:
        if axes > self.caps.depth:
            raise Malformed(f"too deep; expected at most {self.caps.depth} levels", pointer)
        raise Unfit(f"too many axes; expected at most {self.caps.rank}, got {axes}", pointer)

    def _check_rows(self, rows: Any, shape: list[int], pointer: tuple[Step, ...]) -> None:
        count = 1
        for level in range(1, len(shape)):
            count *= shape[level - 1]
            self.brackets += count
            self.rows += count
            if self.rows > MOST_ROWS:
                raise Unfit(f"too many rows; expected at most {MOST_ROWS} in nested arrays, or shape and data", pointer)
            rows = list(chain.from_iterable(rows)) if level > 1 else rows
            if set(map(len, rows)) != {shape[level]}:  # TypeError where one is a number
                raise GiveUp

    def items(self, value: Any, kind: type, pointer: tuple[Step, ...], depth: int) -> list[Any]:
        """Return a list that has no numbers; one of booleans is the BOOL data of an inference request."""
        self.brackets += 1
        if kind is bool and set(map(type, items := list(value))) == {bool}:
            return items
        if len(value) > MOST_ITEMS:
            raise Unfit(f"too many items; expected at most {MOST_ITEMS} that are not numbers, got {len(value)}", pointer)
        if depth >= self.caps.depth:
            raise Malformed(f"too deep; expected at most {self.caps.depth} levels", (*pointer, 0)[:8])
        return [reader(self, item, (*pointer, i), depth + 1) if (reader := self.readers.get(type(item))) else item for i, item in enumerate(value)]

    def string(self, value: str, pointer: tuple[Step, ...], depth: int) -> Any:
        """Return a string, or the text or array that was cut out in its place."""
        text = self.texts.get(value) if self.texts else None
        if isinstance(text, Text):
            return self.pieced(text, "nested", pointer)
        if text is not None:
            self.cuts += 1
            return self.parse(text.quoted())
        self.quoted += value.count("[")
        return value

    def pieced(self, text: Text, form: Form, pointer: tuple[Step, ...]) -> Array | list[bool]:
        """An array that was cut out, put together from its pieces."""
        self.form = self.form or form
        self.cuts += 1
        before = self.brackets
        whole = self._joined(text, pointer)
        if brackets(text.view()) != self.brackets - before:
            raise GiveUp
        self.brackets = before
        checked_shape(whole.shape if isinstance(whole, np.ndarray) else (len(whole),), self.caps, pointer)
        return whole

    def _joined(self, text: Text, pointer: tuple[Step, ...]) -> Array | list[bool]:
        if text.rank > self.caps.rank:
            self._reject_axes(text.rank, pointer)
        parts: list[Any] = []
        self.brackets += 1
        for piece in text.pieces():
            if isinstance(piece, Text):
                parts.append(self._array_of(self._joined(piece, pointer))[None])
            else:
                parts.append(self.array(self.parse(piece), pointer, 1))
                self.brackets -= 1  # each piece has brackets of its own
        if all(isinstance(part, list) for part in parts):  # of booleans
            return list(chain.from_iterable(parts))
        if len({self._array_of(part).shape[1:] for part in parts}) > 1 or (len(parts) > 1 and not all(map(len, parts))):
            raise GiveUp
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _array_of(self, part: Array | list[bool]) -> Array:
        if not isinstance(part, np.ndarray):
            raise GiveUp
        return part

    def compact(self, members: dict[str, Any], pointer: tuple[Step, ...]) -> Array:
        """Read a tensor of either form: generated clients write the member that is not set as null or empty."""
        data, text, dtype = members.get("data"), members.get("base64"), members.get("dtype")
        if text is None or (text == "" and data is not None):
            if data is None:
                raise Unfit("no elements; expected data or base64, got neither", pointer)
            if dtype not in (None, "float64"):
                raise Unfit("not the type of data; expected float64 or nothing beside data", (*pointer, "dtype"))
            return self.flat(members, pointer)
        if data is not None:
            if not isinstance(data, self.an_array) or len(data):
                raise Unfit("two contents; expected data or base64, got both", pointer)
            self.brackets += 1
        return self.base64(members["shape"], "float64" if dtype is None else dtype, text, pointer)

    def flat(self, members: dict[str, Any], pointer: tuple[Step, ...]) -> Array:
        self.form = self.form or "flat"
        shape, data = self.shape(members["shape"], pointer), members["data"]
        text = self.texts.get(data) if isinstance(data, str) else None
        flat = self._pieced_data(text, pointer) if isinstance(text, Text) else self._data(data, (*pointer, "data"))
        if math.prod(shape) != flat.size:
            raise Unfit(f"wrong length; expected {math.prod(shape)} numbers for shape {list(shape)}, got {flat.size}", (*pointer, "data"))
        return flat.reshape(shape)

    def _pieced_data(self, text: Text, pointer: tuple[Step, ...]) -> Array:
        flat = self.pieced(text, "flat", (*pointer, "data"))
        if not isinstance(flat, np.ndarray):
            raise Unfit("wrong type; expected a list of numbers", (*pointer, "data"))
        if flat.ndim != 1:
            raise Unfit("nested; expected a flat list of numbers, got a list of lists", (*pointer, "data"))
        return flat

    def _data(self, data: Any, pointer: tuple[Step, ...]) -> Array:
        if not isinstance(data, self.an_array):
            raise Unfit("wrong type; expected a list of numbers", pointer)
        self.brackets += 1
        flat, length = self.numbers(data, pointer), len(data)
        if length < SATURATED and (length != flat.size or (length and isinstance(data[0], self.an_array))):
            raise Unfit("nested; expected a flat list of numbers, got a list of lists", pointer)
        return flat

    def shape(self, value: Any, pointer: tuple[Step, ...]) -> tuple[int, ...]:
        if not isinstance(value, self.an_array):
            raise Unfit("wrong type; expected a list of integers", (*pointer, "shape"))
        self.brackets += 1
        if len(value) > self.caps.rank:
            raise Unfit(f"too many axes; expected at most {self.caps.rank}, got {len(value)}", (*pointer, "shape"))
        shape = tuple(value)
        if set(map(type, shape)) != {int} or min(shape) < 1 or math.prod(shape) > self.caps.elements:
            shape = _whole(shape, (*pointer, "shape"))
            checked_shape(shape, self.caps, (*pointer, "shape"))
        return shape

    def base64(self, sizes: Any, name: Any, text: Any, pointer: tuple[Step, ...]) -> Array:
        self.form = self.form or "base64"
        shape = self.shape(sizes, pointer)
        if not isinstance(name, str) or name not in DTYPES:
            raise Unfit(f"unknown dtype; expected one of {', '.join(DTYPES)}", (*pointer, "dtype"))
        if not isinstance(text, str):
            raise Unfit("wrong type; expected a string of base64", (*pointer, "base64"))
        dtype = DTYPES[name]
        try:
            data = pybase64.b64decode_as_bytearray(self._cut(text) if self.texts else text, validate=True)  # argmax copies a read-only array
        except (binascii.Error, ValueError):
            data = self._escaped(text, (*pointer, "base64"))
        expected = math.prod(shape) * dtype.itemsize
        if len(data) != expected:
            raise Unfit(f"wrong length; expected {expected} bytes for shape {list(shape)} of {name}, got {len(data)}", (*pointer, "base64"))
        array: Array = np.ndarray(shape, dtype, data)  # half the time of frombuffer and reshape
        return checked_elements(array, pointer) if name == "bool" else array

    def _cut(self, text: str) -> str | memoryview:
        """Return the text that was cut out in place of a string, or the string."""
        found = self.texts.get(text)
        self.cuts += found is not None
        return found.view() if isinstance(found, LongString) else text

    def _escaped(self, text: str, pointer: tuple[Step, ...]) -> bytearray:
        """Decode base64 whose slashes JSON has escaped, or raise Unfit for its fault."""
        found = self.texts.get(text)
        text = self.parse(found.quoted()) if isinstance(found, LongString) else text
        try:
            return pybase64.b64decode_as_bytearray(text, validate=True)
        except (binascii.Error, ValueError):
            raise Unfit(_fault(text.encode("utf-8", "replace")), pointer) from None


def _whole(sizes: tuple[Any, ...], pointer: tuple[Step, ...]) -> tuple[int, ...]:
    """Return the sizes of axes as integers, which several languages write as 2.0."""
    if any((type(size) is not int and (type(size) is not float or not size.is_integer())) or size < 0 for size in sizes):
        raise Unfit("not a shape; expected integers of at least 0", pointer)
    return tuple(map(int, sizes))


def brackets(text: Buffer) -> int:
    """Count the [ of a text. With cold caches NumPy takes 13 us for any, and a third as long as `count` for long ones.

    NumPy releases the interpreter's lock. Released for a few microseconds between two pieces of an array, it restarts the timeout of each waiting
    thread (take_gil), so that other requests waited up to 24 ms. For a block the lock is free long enough for another thread to take it.
    """
    if not isinstance(text, memoryview) and len(text) < LONG:
        return text.count(b"[")
    numbers = np.frombuffer(text, np.uint8)
    return sum(int(np.count_nonzero(numbers[i : i + BLOCK] == ord("["))) for i in range(0, len(numbers), BLOCK))


def _fault(text: bytes) -> str:
    """Describe why a text is not base64."""
    outside = OUTSIDE.search(text.rstrip(b"="))
    if outside:
        return f"not base64; expected A-Z, a-z, 0-9, + and /, got another character at {outside.start()}"
    return f"not base64; expected a multiple of 4 characters, padded with =, got {len(text)} with {len(text) - len(text.rstrip(b'='))} of padding"
