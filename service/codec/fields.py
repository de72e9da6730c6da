"""Bytes to {name: array, scalar, list or object}, and back: the common part of the encodings, which does not depend on losses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Form = Literal["nested", "flat", "base64"]
Step = str | int
Buffer = bytes | bytearray | memoryview

# the element types of base64 tensors, by NumPy's names; all are little-endian
DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool")
} | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}


class Caps(NamedTuple):
    """Limits of a decoder."""

    elements: int
    rank: int
    depth: int


@dataclass(frozen=True)
class Selection:
    """Outputs that an inference request names, each with whether its data is binary. Without names all outputs are binary, or none."""

    id: str | None
    outputs: tuple[tuple[str, bool], ...]
    any_binary: bool
    all_binary: bool


@dataclass(slots=True)
class Decoded:
    """A request: its fields, and the form of the response's tensors, which is that of its first tensor or its selection."""

    fields: dict[str, Any]
    form: Form | Selection = "nested"

    @property
    def elements(self) -> int:
        """The elements of all its tensors."""
        total = 0
        for node in self.fields.values():
            total += node.size if isinstance(node, np.ndarray) else _elements(node)
        return total


def _elements(node: Any) -> int:
    if isinstance(node, np.ndarray):
        return node.size
    if isinstance(node, dict):
        return sum(map(_elements, node.values()))
    return sum(map(_elements, node)) if isinstance(node, list) else 0


class BodyError(ValueError):
    """A body that cannot be decoded; `pointer` names the place where there is one."""

    def __init__(self, message: str, pointer: tuple[Step, ...] = ()) -> None:
        super().__init__(message)
        self.pointer = pointer


class Malformed(BodyError):
    """Body that is not in its declared encoding."""


class Unfit(BodyError):
    """Well-formed, but not a tensor or a field that a request can have."""


class TooMany(BodyError):
    """More elements than a tensor may have."""


def checked_shape(shape: tuple[int, ...], caps: Caps, pointer: tuple[Step, ...]) -> tuple[int, ...]:
    """The shape, if rank and number of elements are within the caps."""
    if len(shape) > caps.rank:
        raise Unfit(f"too many axes; expected at most {caps.rank}, got {len(shape)}", pointer)
    if (math.prod(shape) or math.prod([size or 1 for size in shape])) > caps.elements:  # an empty one too: its other sizes are those of responses
        raise TooMany(f"too many elements; expected at most {caps.elements}", pointer)
    return shape


def checked_elements(array: Array, pointer: tuple[Step, ...]) -> Array:
    """The array, if its bytes are elements of its type: a boolean is 0 or 1, and arithmetic relies on it."""
    if array.dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
        raise Unfit("not booleans; expected bytes of 0 and 1", pointer)
    return array
