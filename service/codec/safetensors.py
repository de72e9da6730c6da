"""safetensors bodies: tensors by name, everything else as a JSON object in `__metadata__` under `request`.

A body is the length of a JSON header in 8 bytes, the header, and the bytes of the tensors, which it names by offsets. Arrays are views
of the body; an answer is its header and its arrays. Holes, overlaps, short and trailing bytes and duplicate names are refused, as the format asks.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import ml_dtypes
import numpy as np
import orjson

from service.codec.tree import Array, Buffer, Caps, Decoded, Malformed, Unfit, checked_elements, checked_shape

MAX_HEADER = 1024 * 1024
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


def decode(body: Buffer, caps: Caps) -> Decoded:
    """The tensors as views of the body, and the fields of the metadata's `request`."""
    header, start = _header(body)
    fields = _request(header.pop("__metadata__", {}))
    data = memoryview(body).toreadonly()[start:]
    spans = []
    for name, entry in header.items():
        if name in fields:
            raise Unfit("stands in the header and in the request", (name,))
        array, span = _tensor(name, entry, data, caps)
        _nest(fields, name, array)
        spans.append(span)
    end = 0
    for first, last in sorted(spans):
        if first != end:
            raise Malformed(f"the tensors {'overlap' if first < end else 'leave a hole'} at offset {min(first, end)}")
        end = last
    if end != len(data):
        raise Malformed(f"the tensors end at {end}, the body at {len(data)}")
    _check_depth(fields, caps.depth)
    return Decoded(fields)


def _check_depth(fields: dict[str, Any], most: int) -> None:
    """Both the request and the tensors' names nest; whoever walks the fields may rely on the cap."""
    level: list[Any] = [fields]
    for _ in range(most):
        level = [item for node in level for item in (node.values() if isinstance(node, dict) else node) if isinstance(item, (dict, list))]
        if not level:
            return
    raise Malformed(f"nested deeper than {most}")


def _header(body: Buffer) -> tuple[dict[str, Any], int]:
    size = int.from_bytes(body[:8], "little") if len(body) >= 8 else MAX_HEADER + 1
    if size > min(len(body) - 8, MAX_HEADER):
        raise Malformed(f"the header's length is beyond the body, or beyond {MAX_HEADER} bytes")
    header = _strict_json(bytes(body[8 : 8 + size]), "header")
    if not isinstance(header, dict):
        raise Malformed("the header should be a JSON object")
    return header, 8 + size


def _request(metadata: Any) -> dict[str, Any]:
    """The non-tensor fields. Every value of the metadata is a string, by the format's rules."""
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise Malformed("__metadata__ should be an object of strings")
    fields = _strict_json(metadata.get("request", "{}").encode("utf-8", "surrogatepass"), "request")
    if not isinstance(fields, dict):
        raise Malformed("__metadata__.request should be a JSON object")
    return fields


def _strict_json(text: bytes, what: str) -> Any:
    """Python's own parser: headers are small, and it alone shows duplicate names."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise Malformed(f"the {what} has a name twice")
        return dict(pairs)

    def constant(token: str) -> NoReturn:
        raise Malformed(f"the {what} holds {token}, which is no JSON")

    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=unique, parse_constant=constant)
    except Malformed:
        raise
    except (ValueError, RecursionError):
        raise Malformed(f"the {what} is not JSON") from None


def _tensor(name: str, entry: Any, data: memoryview, caps: Caps) -> tuple[Array, tuple[int, int]]:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise Malformed("a tensor has dtype, shape and data_offsets", (name,))
    dtype, shape, offsets = (entry[key] for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise Malformed(f"dtype should be one of {', '.join(DTYPES)}", (name,))
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2:
        raise Malformed("shape and data_offsets are lists of integers of 0 or more", (name,))
    shape, (first, last) = checked_shape(tuple(shape), caps, (name,)), offsets
    if first > last or last > len(data) or last - first != math.prod(shape) * DTYPES[dtype].itemsize:
        raise Malformed(f"data_offsets do not span the bytes of shape {list(shape)} of {dtype} within the body", (name,))
    return checked_elements(np.frombuffer(data[first:last], DTYPES[dtype]).reshape(shape), (name,)), (first, last)


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
            raise Unfit("names a place that the request does not have", (name,))
    if not isinstance(place, dict) or last in place:
        raise Unfit("names a place that the request does not have, or has already", (name,))
    place[last] = array


def encode(answer: dict[str, Any]) -> list[Buffer]:
    """Arrays and numbers as tensors (`gradients.predictions`), strings in the metadata. The arrays themselves follow the header, not copies."""
    tensors: dict[str, Array] = {}
    strings: dict[str, str] = {}
    _flatten(answer, "", tensors, strings)
    header: dict[str, Any] = {"__metadata__": strings}
    offset = 0
    for name, array in tensors.items():
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = orjson.dumps(header)
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little") + text, *(array.reshape(-1).view(np.uint8).data for array in tensors.values())]


def _flatten(value: Any, name: str, tensors: dict[str, Array], strings: dict[str, str]) -> None:
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _flatten(item, f"{name}.{key}" if name else str(key), tensors, strings)
    elif isinstance(value, str):
        strings[name] = value
    else:
        tensors[name] = np.asarray(value, order="C")
