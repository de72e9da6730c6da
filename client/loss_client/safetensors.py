"""Safetensors bodies, written and read without a copy of a tensor.

A body is the length of a JSON header in 8 bytes, the header, and the tensors' bytes, which the header names by offsets. Fields that are
not tensors are in the header's `__metadata__`, as JSON under the key `request`. A dotted name is a path: `terms.0.inputs.labels`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from loss_client.arrays import BF16, kind, to_numpy

MEDIA_TYPE = "application/vnd.safetensors"
NUMBERS = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8")
DTYPES: dict[str, np.dtype[Any]] = {"BF16": BF16, "BOOL": np.dtype("?")} | {
    name: np.dtype("<" + name.lower()[0] + str(int(name[1:]) // 8)) for name in NUMBERS
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def encode(fields: Mapping[str, Any]) -> bytes:
    """The body of a request. Arrays, and lists of numbers, become tensors; numbers, strings and lists of them stay JSON."""
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    request = json.dumps(_without_tensors(fields, "", tensors), allow_nan=False)
    header: dict[str, Any] = {"__metadata__": {"request": request}}
    end = 0
    placed = sorted(tensors.items(), key=lambda item: -item[1].itemsize)  # so that each begins at a multiple of its item's size
    for name, array in placed:
        header[name] = {"dtype": NAMES[array.dtype], "shape": array.shape, "data_offsets": (end, end + array.nbytes)}
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *(array.reshape(-1).view(np.uint8).data for _, array in placed)])


def _without_tensors(value: Any, path: str, tensors: dict[str, np.ndarray[Any, Any]]) -> Any:
    """The value as JSON; tensors are left out and put into `tensors` under their path. An array of rank 0 is a number."""
    if isinstance(value, Mapping):
        items = {key: _without_tensors(item, f"{path}.{key}" if path else key, tensors) for key, item in value.items() if item is not None}
        return {key: item for key, item in items.items() if item is not tensors}
    if isinstance(value, (list, tuple)) and (not value or isinstance(value[0], (str, Mapping))):
        return [_without_tensors(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]
    if not isinstance(value, (list, tuple)) and not kind(value):
        return value
    if getattr(value, "ndim", 1) == 0:
        return value.item()
    array = to_numpy(value)
    if array.dtype not in NAMES:
        raise TypeError(f"{path}: an array of {array.dtype}; expected floating point up to 64 bits, integers or booleans")
    tensors[path] = array
    return tensors


def decode(body: bytearray) -> dict[str, Any]:
    """The fields of a response, nested by their dotted names; tensors are views of the body."""
    start = 8 + int.from_bytes(body[:8], "little")
    header = json.loads(body[8:start])
    fields = dict(header.pop("__metadata__", {}))
    for name, entry in header.items():
        fields[name] = np.ndarray(entry["shape"], DTYPES[entry["dtype"]], body, start + entry["data_offsets"][0])
    nested: dict[str, Any] = {}
    for path, value in fields.items():
        *steps, name = path.split(".")
        reduce(lambda place, step: place.setdefault(step, {}), steps, nested)[name] = value
    return nested
