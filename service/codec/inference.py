"""Bodies of the Open Inference Protocol: a JSON head, then the bytes of the binary tensors, in the order of `inputs` or `outputs`.

Tensors become fields by their names, `parameters` become the other fields, and the names of `outputs` become `outputs` and `wrt`. Binary arrays
are views of the body; a response is its head and its arrays. The protocol has names of its own for element types: FP32, BF16, INT64, BOOL.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.codec import json
from service.codec.fields import DTYPES, Array, Buffer, Caps, Decoded, Malformed, Selection, Step, Unfit, checked_elements, checked_shape
from service.codec.safetensors import flatten, raw

HEADER = b"inference-header-content-length"
BINARY = "application/octet-stream"
DATATYPES = {name.upper().replace("BFLOAT", "BF").replace("FLOAT", "FP"): dtype for name, dtype in DTYPES.items()}
NAMES = {dtype: name for name, dtype in DATATYPES.items()}
RESERVED = {"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "content_type", "binary_data_output"}
DERIVATIVES = ("gradients", "hessian_diagonal")  # named with their input: gradients.predictions
OF_EVERY_CALL = ("normalizer", "parts", "state")
Items = BeforeValidator(lambda value: [] if value is None or (isinstance(value, np.ndarray) and not value.size) else value)  # [] reads as a tensor


class Member(BaseModel):
    """A part of a head. Clients write null for members that are not set."""

    model_config = ConfigDict(extra="forbid", strict=True)
    parameters: Annotated[dict[str, Any], BeforeValidator(lambda value: value or {})] = {}


class InferInput(Member):
    """A tensor of a request: `data`, or as many bytes after the head as its parameter `binary_data_size` says."""

    name: str
    shape: Any
    datatype: str
    data: Any = None


class InferOutput(Member):
    """An output that a request names."""

    name: str


class InferHead(Member):
    """The head of a request."""

    id: str | None = Field(None, max_length=1000)
    model_name: str | None = None
    model_version: str | None = None
    inputs: Annotated[list[InferInput], Items] = []
    outputs: Annotated[list[InferOutput], Items] = []


def decode(body: Any, caps: Caps, announced: bytes | None = None) -> Decoded:
    """The tensors, parameters and controls of a request; `announced` is the length of its head, the whole body without."""
    size = len(body)
    if announced is not None and not (announced.isdigit() and len(announced) < 20 and (size := int(announced)) <= len(body)):
        raise Malformed(f"Inference-Header-Content-Length: wrong length; expected at most the {len(body)} bytes of the body")
    head = InferHead.model_validate(json.decode(body if announced is None else bytes(body[:size]), caps).fields)
    fields, data = _fields(head.parameters), memoryview(body)[size:]
    for i, item in enumerate(head.inputs):
        if item.name in fields:
            raise Unfit("given twice; expected each tensor and parameter once", ("inputs", i, "name"))
        fields[item.name], data = _tensor(item, data, caps, ("inputs", i))
    if len(data):
        raise Malformed(f"the body: trailing bytes; expected the binary_data_size of all inputs, got {len(data)} more")
    selection = _selection(head)
    return Decoded(fields | _controls(selection), selection)


def _fields(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters without those that the protocol and Triton reserve, which say nothing about a loss."""
    found = {name: value for name, value in parameters.items() if name not in RESERVED and not name.startswith("triton_")}
    for name, value in found.items():
        if name in ("outputs", "wrt") or not isinstance(value, (str, int, float)):
            raise Unfit("not a parameter; expected an option, tensors in inputs and what to return in outputs", ("parameters", name))
    return found


def _tensor(item: InferInput, data: memoryview, caps: Caps, place: tuple[Step, ...]) -> tuple[Array, memoryview]:
    """The array of an input, and the bytes that follow its own."""
    if item.datatype not in DATATYPES:
        raise Unfit(f"unknown datatype; expected one of {', '.join(DATATYPES)}", (*place, "datatype"))
    sizes = item.shape.tolist() if isinstance(item.shape, np.ndarray) and item.shape.ndim == 1 else [-1]
    if not all(0 <= size < 2**53 and size == int(size) for size in sizes):
        raise Unfit("not a shape; expected a list of integers of at least 0", (*place, "shape"))
    dtype, shape = DATATYPES[item.datatype], checked_shape(tuple(map(int, sizes)), caps, (*place, "shape"))
    size, expected = item.parameters.get("binary_data_size"), math.prod(shape) * dtype.itemsize
    if (size is None) == (item.data is None):
        raise Unfit(f"expected either data or parameters.binary_data_size, got {'neither' if size is None else 'both'}", place)
    if size is None:
        return _converted(item, dtype, shape, (*place, "data")), data
    if type(size) is not int or size != expected or size > len(data):
        of = f"shape {list(shape)} of {item.datatype}, with {len(data)} left in the body"
        raise Unfit(f"wrong size; expected {expected} bytes for {of}", (*place, "parameters", "binary_data_size"))
    array: Array = np.ndarray(shape, dtype, data)
    if not array.flags.aligned:  # after a head of any length; NumPy is slower with such arrays, and adds them up in another order
        array = array.copy()
    return checked_elements(array, place), data[size:]


def _converted(item: InferInput, dtype: np.dtype[Any], shape: tuple[int, ...], place: tuple[Step, ...]) -> Array:
    """The elements of a JSON list, flat or nested, in their datatype."""
    array = item.data
    if isinstance(array, list) and item.datatype == "BOOL" and set(map(type, array)) == {bool}:
        array = np.array(array)
    if not isinstance(array, np.ndarray) or item.datatype == "BF16":
        raise Unfit(f"wrong type; expected {'bytes' if item.datatype == 'BF16' else f'a list of {item.datatype}'}", place)
    if array.shape not in (shape, (math.prod(shape),)):
        raise Unfit(f"wrong length; expected {math.prod(shape)} elements for shape {list(shape)}, got shape {list(array.shape)}", place)
    with np.errstate(all="ignore"):
        cast = array.astype(dtype, copy=False)
        good = np.isfinite(cast) if dtype.kind == "f" else cast == array
    if not good.all():
        raise Unfit(f"out of range; expected elements of {item.datatype}", (*place, int(np.argmin(good))))
    return cast.reshape(shape)


def _selection(head: InferHead) -> Selection:
    outputs: dict[str, Any] = {}
    default = head.parameters.get("binary_data_output", False)
    for i, item in enumerate(head.outputs):
        if item.name in outputs or item.name in DERIVATIVES:
            raise Unfit("not an output; expected each name once: value, per_sample, gradients.<input>, ...", ("outputs", i, "name"))
        if not item.parameters.keys().isdisjoint(("classification", "shared_memory_region")):
            raise Unfit("not available; expected the output as a tensor in the response", ("outputs", i, "parameters"))
        outputs[item.name] = item.parameters.get("binary_data", default)
    flags = list(outputs.values()) or [default]
    if not {type(flag) for flag in flags} <= {bool}:
        raise Unfit("binary_data and binary_data_output: wrong type; expected true or false", ("parameters",))
    return Selection(head.id, tuple(outputs.items()), any(flags), all(flags))


def _controls(selection: Selection) -> dict[str, Any]:
    """`outputs` and `wrt` of the named outputs; nothing where none is named."""
    named = [name.partition(".") for name, _ in selection.outputs]
    outputs = dict.fromkeys("value" if output in OF_EVERY_CALL else output for output, _, _ in named)
    wrt = dict.fromkeys(of for output, _, of in named if output in DERIVATIVES)
    return {name: list(chosen) for name, chosen in (("outputs", outputs), ("wrt", wrt)) if chosen}


def encode(fields: dict[str, Any], selection: Selection) -> list[Buffer]:
    """The selected outputs, or all: numbers of JSON in the head, or the arrays themselves after it. A scalar has the shape [1]."""
    tensors: dict[str, Array] = {}
    strings: dict[str, str] = {}
    flatten(fields, "", tensors, strings)
    outputs: list[dict[str, Any]] = []
    binaries: list[Array] = []
    for i, (name, binary) in enumerate(selection.outputs or [(name, selection.any_binary) for name in tensors]):
        if name not in tensors:
            raise Unfit(f"not an output of this request; expected one of {', '.join(tensors)}", ("outputs", i, "name"))
        array = tensors[name]
        binaries += [array] * binary
        content = {"parameters": {"binary_data_size": array.nbytes}} if binary else {"data": array.reshape(-1)}
        outputs.append({"name": name, "datatype": NAMES[array.dtype], "shape": list(array.shape) or [1], **content})
    identity = {"model_name": strings.pop("loss"), "model_version": "1"} | ({} if selection.id is None else {"id": selection.id})
    head = json.encode({**identity, "parameters": strings, "outputs": outputs}, "nested")
    return [b"".join(head), *raw(binaries)] if selection.any_binary else head


def number_bytes(selection: Selection) -> float:
    """The most bytes that a response takes for a number of its tensors."""
    return 8.0 if selection.all_binary else json.number_bytes("flat")


def head_size(parts: list[Buffer], selection: Selection) -> int:
    """The length of the head of an encoded response that bytes follow; 0 where it is all."""
    return len(parts[0]) if selection.any_binary else 0
