"""safetensors bodies: tensors by name, everything else as a JSON object in `__metadata__` under `request`.

A body is the length of a JSON header in 8 bytes, the header, and the bytes of the tensors, which it names by offsets. Arrays are views
of the body; a response is its header and its arrays. Holes, overlaps, short and trailing bytes and duplicate names are rejected, as the format requires.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, NoReturn

import ml_dtypes
import numpy as np
import orjson

from service.codec.fields import Array, Buffer, Caps, Decoded, Malformed, Unfit, checked_elements, checked_shape

MAX_HEADER = 1024 * 1024
KNOWN_BYTES = 4096  # headers up to this size are remembered
COPIED_BYTES = 4096  # arrays up to this size are copied
KIND = attrgetter("shape", "dtype")
INDEX = re.compile("0|[1-9][0-9]{0,8}")  # a place in a list; isdigit() also takes digits that int() does not
DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Span:
    """A tensor of a header: its name, and what of the data it is."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True)
class Layout:
    """Parsed header: the text of the request's other fields, and the tensors, which are contiguous up to `end`."""

    request: str | None
    places: tuple[Span, ...]
    end: int
    nested: bool  # a name has a dot


def decode(body: Buffer, caps: Caps) -> Decoded:
    """The tensors as views of the body, and the fields of the metadata's `request`."""
    text = _header(body)
    layout = (_known if len(text) <= KNOWN_BYTES else _layout)(text, caps)
    fields = {} if layout.request is None else _request(layout.request)
    data, start = memoryview(body), 8 + len(text)
    if layout.end != len(data) - start:
        raise Malformed(f"the body: wrong length; expected {layout.end} bytes of tensors, got {len(data) - start}")
    for place in layout.places:
        if place.name in fields:
            raise Unfit("given twice; expected a tensor in the header or a member of request", (place.name,))
        array: Array = np.ndarray(place.shape, place.dtype, data, start + place.first)  # half the time of frombuffer and reshape
        if place.dtype.kind == "b":
            checked_elements(array, (place.name,))
        if "." in place.name:
            _nest(fields, place.name, array)
        else:
            fields[place.name] = array
    if layout.request is not None or layout.nested:
        _check_depth(fields, caps.depth)
    return Decoded(fields)


def _layout(text: bytes, caps: Caps) -> Layout:
    header = _strict_json(text, "header")
    if not isinstance(header, dict):
        raise Malformed("the header: wrong type; expected a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):  # by the format's rules
        raise Malformed("__metadata__: wrong type; expected an object of strings")
    places = tuple(_place(name, entry, caps) for name, entry in header.items())
    end = 0
    for first, last in sorted((place.first, place.last) for place in places):
        if first != end:
            raise Malformed(f"data_offsets: {'overlap' if first < end else 'gap'} at {min(first, end)}; expected tensors one after another")
        end = last
    return Layout(metadata.get("request"), places, end, any("." in name for name in header))


_known = lru_cache(maxsize=64)(_layout)  # callers send the same shapes again and again, and a header takes longer to read than a small tensor


def _check_depth(fields: dict[str, Any], most: int) -> None:
    """Both the request and the tensors' names nest; code that walks the fields relies on the limit."""
    level: list[Any] = [fields]
    for _ in range(most):
        level = [item for node in level for item in (node.values() if isinstance(node, dict) else node) if isinstance(item, (dict, list))]
        if not level:
            return
    raise Malformed(f"too deep; expected at most {most} levels")


def _header(body: Buffer) -> bytes:
    size = int.from_bytes(body[:8], "little") if len(body) >= 8 else MAX_HEADER + 1
    if size > min(len(body) - 8, MAX_HEADER):
        raise Malformed(f"the header: wrong length; expected at most {MAX_HEADER} bytes within the body")
    return bytes(body[8 : 8 + size])


def _request(text: str) -> dict[str, Any]:
    """The fields that are no tensors."""
    fields = _strict_json(text.encode("utf-8", "surrogatepass"), "request")
    if not isinstance(fields, dict):
        raise Malformed("__metadata__.request: wrong type; expected a JSON object")
    return fields


def _strict_json(text: bytes, what: str) -> Any:
    """Python's own parser: headers are small, and it alone shows duplicate names."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise Malformed(f"the {what}: duplicate key; expected each name once")
        return dict(pairs)

    def constant(token: str) -> NoReturn:
        raise Malformed(f"the {what}: not JSON; expected finite numbers, got {token}")

    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=unique, parse_constant=constant)
    except Malformed:
        raise
    except (ValueError, RecursionError):
        raise Malformed(f"the {what}: not JSON; expected an object in UTF-8") from None


def _place(name: str, entry: Any, caps: Caps) -> Span:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise Malformed("not a tensor; expected dtype, shape and data_offsets", (name,))
    dtype, shape, offsets = (entry[key] for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise Malformed(f"unknown dtype; expected one of {', '.join(DTYPES)}", (name,))
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2:
        raise Malformed("not a tensor; expected shape and data_offsets as lists of integers of at least 0", (name,))
    first, last = offsets
    if last - first != math.prod(checked_shape(tuple(shape), caps, (name,))) * DTYPES[dtype].itemsize:
        raise Malformed(f"wrong data_offsets; expected the bytes of shape {list(shape)} of {dtype}, got {last - first}", (name,))
    return Span(name, DTYPES[dtype], tuple(shape), first, last)


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**53 for item in value)


def _nest(fields: dict[str, Any], name: str, array: Array) -> None:
    """Put a tensor where its name says: `terms.0.inputs.predictions` goes into the first term of a combination."""
    *path, last = name.split(".")
    place: Any = fields
    for step in path:
        place = (
            place[int(step)]
            if isinstance(place, list) and INDEX.fullmatch(step) and int(step) < len(place)
            else place.setdefault(step, {})
            if isinstance(place, dict)
            else None
        )
        if not isinstance(place, (dict, list)):
            raise Unfit("unknown place; expected a member that the request can have", (name,))
    if not isinstance(place, dict) or last in place:
        raise Unfit("unknown or occupied place; expected a member that the request can have and lacks", (name,))
    place[last] = array


def encode(fields: dict[str, Any], form: object = None) -> list[Buffer]:
    """Arrays and numbers as tensors (`gradients.predictions`), strings in the metadata. The arrays themselves follow the header, not copies."""
    tensors: dict[str, Array] = {}
    strings: dict[str, str] = {}
    flatten(fields, "", tensors, strings)
    head = _head(tuple(strings.items()), tuple(tensors), *map(KIND, tensors.values()))
    return [head, *raw(tensors.values())]


@lru_cache(maxsize=64)
def _head(strings: tuple[tuple[str, str], ...], names: tuple[str, ...], *kinds: tuple[tuple[int, ...], np.dtype[Any]]) -> bytes:
    """Write a header with its length. Cached, since the responses to the same shapes have the same one."""
    header: dict[str, Any] = {"__metadata__": dict(strings)}
    offset = 0
    for name, (shape, dtype) in zip(names, kinds, strict=True):
        end = offset + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": NAMES[dtype], "shape": shape, "data_offsets": (offset, end)}
        offset = end
    text = orjson.dumps(header)
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def raw(arrays: Iterable[Array]) -> list[Buffer]:
    """Return the bytes of arrays in C order: views, or copies where these take a fifth as long."""
    return [array.tobytes() if array.nbytes <= COPIED_BYTES else array.reshape(-1).view(np.uint8).data for array in arrays]


def flatten(value: dict[str, Any] | list[Any], prefix: str, tensors: dict[str, Array], strings: dict[str, str]) -> None:
    """Sort the leaves of a value, by their dotted names, into tensors and strings. A list of integers is a tensor."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        name = f"{prefix}{key}"
        if isinstance(item, dict) or (isinstance(item, list) and {*map(type, item)} != {int}):
            flatten(item, f"{name}.", tensors, strings)
        elif isinstance(item, str):
            strings[name] = item
        else:
            tensors[name] = np.asarray(item, order="C")
