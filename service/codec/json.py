"""JSON bodies. A tensor is a nested array of numbers, {"shape", "data"} or {"shape", "dtype", "base64"}, wherever one stands.

The fast path reads numbers straight into buffers with pysimdjson and gives up at the first thing that is not as it should be; the
exact path then says what it is, or, where pysimdjson has no wheel, does all the work through orjson. Both refuse the same bodies, but
for integers past 64 bits: pysimdjson knows none, the exact path reads the nearest double. JavaScript and Go write 1e20 as such.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import sys
import threading
from collections.abc import Callable
from itertools import chain
from typing import Any, NoReturn

import numpy as np
import orjson

from service.codec.tree import DTYPES, Array, Caps, Decoded, Form, Malformed, Step, TooMany, Unfit, checked_elements, checked_shape

try:
    import simdjson
except ImportError:  # no wheel for this Python yet
    simdjson = None  # type: ignore[assignment, unused-ignore]

EXACT_BYTES = 1024 * 1024  # refused bodies beyond this are not searched for the exact place: that would cost more than reading them
FLAT_KEYS = {"shape", "data"}
BASE64_KEYS = {"shape", "dtype", "base64"}
KEY = re.compile(rb'"(?:[^"\\]|\\.)*"(\s*:)?')
KINDS = {list: "a list", int: "a number", float: "a number", str: "a string", bool: "a boolean", type(None): "null", dict: "an object"}
PLAIN = {"per_sample"}  # a plain list in every form
MOST_NAMES = 256  # of one object
MOST_ITEMS = 1024  # of one list that is not of numbers
MOST_ROWS = 1024 * 1024  # of one nested tensor: each row is an object of Python's on the way
LARGEST_KEPT = 32 * 1024 * 1024
_KEPT = threading.local()
SATURATED = 0xFFFFFF  # pysimdjson counts no further than this


def decode(body: bytes, caps: Caps) -> Decoded:
    """The fields of a JSON object, its tensors as arrays of float64 (or of their dtype, from base64)."""
    if body[:3] == b"\xef\xbb\xbf":  # pysimdjson reads over it
        raise Malformed("the body begins with a byte order mark; JSON is plain UTF-8")
    if simdjson is not None:
        try:
            return _fast(body, caps)
        except (_GiveUp, ValueError, TypeError, RuntimeError, UnicodeDecodeError) as exc:
            if isinstance(exc, (Malformed, Unfit, TooMany)):
                raise
            if len(body) > EXACT_BYTES:
                _refuse_roughly(exc)
    return _exact(body, caps)


def encode(answer: dict[str, Any], form: Form) -> bytes:
    """The answer as JSON, its arrays in the given form, its numbers with the shortest digits that read back the same."""
    return orjson.dumps(answer if form == "nested" else _formed(answer, form), option=orjson.OPT_SERIALIZE_NUMPY, default=_formed_odd)


def _formed(value: Any, form: Form) -> Any:
    if isinstance(value, dict):
        return {key: item if key in PLAIN else _formed(item, form) for key, item in value.items()}
    if isinstance(value, list):
        return [_formed(item, form) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    if form == "base64":
        data = np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes()
        return {"shape": list(value.shape), "dtype": value.dtype.name, "base64": base64.b64encode(data).decode()}
    return {"shape": list(value.shape), "data": value.reshape(-1)}


def _formed_odd(value: Any) -> Any:
    """What orjson does not take as it stands: arrays with gaps, and element types without a JSON number of their own."""
    if not isinstance(value, np.ndarray):
        raise TypeError
    return np.ascontiguousarray(value, np.float64 if value.dtype == np.float64 else np.float32)


# ------------------------------------------------------------------ the walk, the same for both parsers


class _GiveUp(Exception):
    """The fast path met something that it cannot name."""


class _Walk:
    """Turns a parsed document into fields; the parsers differ in `flatten`, an array's numbers as one buffer."""

    def __init__(
        self, caps: Caps, arrays: tuple[type[Any], ...], objects: tuple[type[Any], ...], flatten: Callable[[Any, tuple[Step, ...]], Array]
    ) -> None:
        self.caps, self.flatten = caps, flatten
        self.arrays: Any = arrays  # Any: values are of the parser's own types
        self.objects: Any = objects
        self.form: Form | None = None
        self.names = 0  # of all objects
        self.brackets = 0  # how many [ the document should have, were it as regular as it seems

    def value(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        if depth > self.caps.depth:
            raise Malformed(f"nested deeper than {self.caps.depth}", pointer[:8])
        if isinstance(value, self.arrays):
            return self.array(value, pointer, depth)
        if isinstance(value, self.objects):
            return self.object(value, pointer, depth)
        if isinstance(value, str):
            self.brackets += value.count("[")
        return value

    def object(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        if len(value) > MOST_NAMES:  # a look-up walks the object
            raise Unfit(f"has more than {MOST_NAMES} names", pointer)
        keys = list(value.keys())
        self.names += len(keys)
        self.brackets += sum(key.count("[") for key in keys)
        if any("\0" in key for key in keys):  # pysimdjson looks a name up only as far as that
            raise Unfit("has a name with a null character", pointer)
        if len(set(keys)) != len(keys):
            raise Unfit("has the name twice", (*pointer, next(key for i, key in enumerate(keys) if key in keys[:i])))
        if set(keys) == FLAT_KEYS:
            return self.flat(value, pointer)
        if set(keys) == BASE64_KEYS:
            return self.base64(value, pointer)
        return {key: self.value(value[key], (*pointer, key), depth + 1) for key in keys}  # items() would make Python lists

    def array(self, value: Any, pointer: tuple[Step, ...], depth: int) -> Any:
        leaf: Any = value
        rank = 0
        while isinstance(leaf, self.arrays):
            rank += 1
            leaf = next(iter(leaf), 0.0)
            if rank > self.caps.depth:
                raise Malformed(f"nested deeper than {self.caps.depth}", pointer)
        if type(leaf) in (str, bool) or isinstance(leaf, self.objects):
            if len(value) > MOST_ITEMS:
                raise Unfit(f"is a list of more than {MOST_ITEMS} things that are not numbers", pointer)
            self.brackets += 1
            return [self.value(item, (*pointer, i), depth + 1) for i, item in enumerate(value)]
        return self.tensor(value, rank, pointer)

    def tensor(self, value: Any, rank: int, pointer: tuple[Step, ...]) -> Array:
        """A nested array: its shape is that of its first elements, and every row must have it."""
        self.form = self.form or "nested"
        if rank > self.caps.rank:
            raise Unfit(f"has {rank} axes; at most {self.caps.rank} are allowed", pointer)
        flat = self.flatten(value, pointer)
        rows, shape = [value], []
        for level in range(rank):
            length = len(rows[0]) if rows else 0
            if level == 0 and rank == 1 and length >= SATURATED:
                length = flat.size
            if any(len(row) != length for row in rows[1:]):
                raise _GiveUp
            shape.append(length)
            self.brackets += len(rows)
            if level + 1 < rank:
                if len(rows) * length > MOST_ROWS:
                    raise Unfit(f"is written as more than {MOST_ROWS} rows; write it as shape and data", pointer)
                rows = [item for row in rows for item in row]
                if not all(isinstance(item, self.arrays) for item in rows):
                    raise _GiveUp
        if math.prod(shape) != flat.size:
            raise _GiveUp
        return flat.reshape(checked_shape(tuple(shape), self.caps, pointer))

    def flat(self, value: Any, pointer: tuple[Step, ...]) -> Array:
        self.form = self.form or "flat"
        shape, data = self.shape(value["shape"], pointer), value["data"]
        if not isinstance(data, self.arrays):
            raise Unfit("expected a list of numbers", (*pointer, "data"))
        self.brackets += 1
        flat = self.flatten(data, (*pointer, "data"))
        if isinstance(next(iter(data), 0.0), self.arrays) or (len(data) != flat.size and len(data) < SATURATED):
            raise Unfit("expected a flat list of numbers, not a nested one", (*pointer, "data"))
        if math.prod(shape) != flat.size:
            raise Unfit(f"has {flat.size} numbers; shape {list(shape)} takes {math.prod(shape)}", (*pointer, "data"))
        return flat.reshape(shape)

    def shape(self, value: Any, pointer: tuple[Step, ...]) -> tuple[int, ...]:
        place = (*pointer, "shape")
        if not isinstance(value, self.arrays):
            raise Unfit("expected a list of integers", place)
        self.brackets += 1
        if len(value) > self.caps.rank:
            raise Unfit(f"has {len(value)} axes; at most {self.caps.rank} are allowed", place)
        sizes = list(value)
        for size in sizes:
            if type(size) not in (int, float) or size != int(size) or size < 0:
                raise Unfit("expected integers of 0 or more", place)
        return checked_shape(tuple(int(size) for size in sizes), self.caps, place)

    def base64(self, value: Any, pointer: tuple[Step, ...]) -> Array:
        self.form = self.form or "base64"
        shape, name, text = self.shape(value["shape"], pointer), value["dtype"], value["base64"]
        if not isinstance(name, str) or name not in DTYPES:
            raise Unfit(f"expected one of {', '.join(DTYPES)}", (*pointer, "dtype"))
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise Unfit("is not base64", (*pointer, "base64")) from None
        expected = math.prod(shape) * DTYPES[name].itemsize
        if len(data) != expected:
            raise Unfit(f"holds {len(data)} bytes; shape {list(shape)} of {name} takes {expected}", (*pointer, "base64"))
        return checked_elements(np.frombuffer(data, DTYPES[name]).reshape(shape), pointer)


def _decoded(walk: _Walk, root: Any) -> Decoded:
    if not isinstance(root, walk.objects):
        raise Unfit("the body should be a JSON object")
    if len(root) <= len(BASE64_KEYS) and set(root.keys()) in (FLAT_KEYS, BASE64_KEYS):  # a tensor in place of a request
        raise Unfit("the body should be an object of named tensors and options, not one tensor")
    return Decoded(walk.value(root, (), 1), walk.form or "nested")


# ------------------------------------------------------------------ the fast path


def _fast(body: bytes, caps: Caps) -> Decoded:
    def flatten(array: Any, pointer: tuple[Step, ...]) -> Array:
        return np.frombuffer(array.as_buffer(of_type="d"), np.float64)

    root = _parser(len(body)).parse(body)
    walk = _Walk(caps, (simdjson.Array,), (simdjson.Object,), flatten)
    decoded = _decoded(walk, root)
    if body.count(b"[") != walk.brackets:  # as_buffer flattens what it is given: a bracket too many hides in it
        raise _GiveUp
    return decoded


def _parser(size: int) -> Any:
    """A parser with buffers of its own. Those of a thread's last one are kept for the next body of its size: fresh pages cost half of
    the parsing. A parser that something still refers to (the traceback of a refused body) is left to it.
    """
    kept = getattr(_KEPT, "parser", None)
    if kept is None or size > LARGEST_KEPT or sys.getrefcount(kept) > 3:
        kept = simdjson.Parser()
        if size <= LARGEST_KEPT:
            _KEPT.parser = kept
    return kept


def _refuse_roughly(exc: Exception) -> NoReturn:
    if isinstance(exc, (_GiveUp, TypeError)):
        raise Unfit("a tensor here is ragged, or holds something that is not a number") from None
    if str(exc).startswith(("BIGINT_ERROR", "NUMBER_ERROR")):
        least = f"in bodies of more than {EXACT_BYTES} bytes an integer past 64 bits needs a decimal point or an exponent"
        raise Malformed(f"a number here is not one of JSON's, or is beyond float64; {least}") from None
    raise Malformed(f"not JSON that this service reads: {str(exc).partition(':')[0].lower().replace('_', ' ')}") from None


# ------------------------------------------------------------------ the exact path


def _exact(body: bytes, caps: Caps) -> Decoded:
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Malformed(f"not JSON that this service reads: {exc.msg}, line {exc.lineno}, column {exc.colno}") from None
    walk = _Walk(caps, (list,), (dict,), _numbers)
    decoded = _decoded(walk, root)
    if sum(1 for match in KEY.finditer(body) if match[1]) != walk.names:  # orjson keeps the last of two names
        _refuse_duplicates(body)
    return decoded


def _refuse_duplicates(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise Unfit(f"the name {name[:60]!r} stands twice in one object")
            seen.add(name)
        return dict(pairs)

    json.loads(body, object_pairs_hook=unique)


def _numbers(value: list[Any], pointer: tuple[Step, ...]) -> Array:
    """The numbers of a nested list in one buffer, or the place of the first thing that is none, or is of another length.

    Level by level, so that a body of a million short rows is refused as fast as it is read.
    """
    rows, sizes = [value], [len(value)]
    while True:
        items = list(chain.from_iterable(rows))
        if not items or not isinstance(items[0], list):
            _refuse_unless(items, {int, float}, "a number", pointer, sizes)
            return np.array(items, np.float64)
        _refuse_unless(items, {list}, "a list", pointer, sizes)
        size = len(items[0])
        if set(map(len, items)) != {size}:
            at = next(i for i, item in enumerate(items) if len(item) != size)
            raise Unfit(f"has length {len(items[at])}; the rows before it have {size}", (*pointer, *_steps(at, sizes)))
        rows = items
        sizes.append(size)


def _refuse_unless(items: list[Any], kinds: set[type], expected: str, pointer: tuple[Step, ...], sizes: list[int]) -> None:
    found = list(map(type, items))
    if wrong := set(found) - kinds:
        at = min(map(found.index, wrong))
        raise Unfit(f"expected {expected}, not {KINDS[type(items[at])]}", (*pointer, *_steps(at, sizes)))


def _steps(at: int, sizes: list[int]) -> tuple[int, ...]:
    """The indices of an item that stands at one place of the flat list."""
    return tuple(map(int, np.unravel_index(at, sizes)))
