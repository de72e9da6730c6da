"""Bodies of the Open Inference Protocol: a JSON head, then the bytes of the binary tensors, in the order of `inputs` or `outputs`.

Tensors become fields by their names, `parameters` become the other fields, and the names of `outputs` become `outputs` and `wrt`. Binary arrays
are views of the body; a response is its head and its arrays. The protocol names an element type by its datatype: FP32, BF16, INT64, BOOL.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from service.codec import json
from service.codec.fields import DTYPES, Array, Buffer, Caps, Decoded, Malformed, Selection, Step, Unfit, checked_elements, checked_shape
from service.codec.safetensors import flatten

HEADER = b"inference-header-content-length"
BINARY = "application/octet-stream"
DATATYPES = {name.upper().replace("BFLOAT", "BF").replace("FLOAT", "FP"): dtype for name, dtype in DTYPES.items()}
NAMES = {dtype: name for name, dtype in DATATYPES.items()}
RESERVED = {"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers", "content_type", "binary_data_output"}
RESERVED_PREFIX = "triton_"
MEMBERS = {"id", "model_name", "model_version", "parameters", "inputs", "outputs"}
INPUT, OUTPUT = {"name", "shape", "datatype", "parameters", "data"}, {"name", "parameters"}
ELSEWHERE = {"classification", "shared_memory_region"}  # a response with these is not the tensor
DERIVATIVES = ("gradients", "hessian_diagonal")  # named with their input: gradients.predictions
WITH_VALUE = ("normalizer", "parts", "state")  # outputs of every call
LONGEST_ID = 1000


def decode(body: Any, caps: Caps, announced: bytes | None = None) -> Decoded:
    """The tensors, parameters and controls of a request; `announced` is the length of its head, the whole body without."""
    size = len(body) if announced is None else _head_size(announced, len(body))
    head = _known(json.decode(body if announced is None else bytes(body[:size]), caps).fields, MEMBERS, ())
    fields, data = _fields(head), memoryview(body).toreadonly()[size:]
    for i, item in enumerate(_objects(head, "inputs", INPUT)):
        name, array, taken = _tensor(item, data, caps, ("inputs", i))
        if name in fields:
            raise Unfit("given twice; expected each tensor and parameter once", ("inputs", i, "name"))
        fields[name], data = array, data[taken:]
    if len(data):
        raise Malformed(f"the body: trailing bytes; expected the binary_data_size of all inputs, got {len(data)} more")
    selection = _selection(head)
    return Decoded(fields | _controls([name for name, _ in selection.outputs]), selection)


def _head_size(announced: bytes, size: int) -> int:
    if not announced.isdigit() or len(announced) > 20 or int(announced) > size:
        raise Malformed(f"Inference-Header-Content-Length: wrong length; expected at most the {size} bytes of the body")
    return int(announced)


def _known(item: dict[str, Any], members: set[str], place: tuple[Step, ...]) -> dict[str, Any]:
    """The members that are not null; clients write null for what they do not set."""
    for name in item.keys() - members:
        raise Unfit(f"unknown member; expected {', '.join(sorted(members))}", (*place, name))
    return {name: value for name, value in item.items() if value is not None}


def _objects(head: dict[str, Any], name: str, members: set[str]) -> list[dict[str, Any]]:
    items = head.get(name, [])
    if isinstance(items, np.ndarray) and not items.size:  # what an empty list is decoded as
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Unfit("wrong type; expected a list of objects", (name,))
    return [_known(item, members, (name, i)) for i, item in enumerate(items)]


def _parameters(item: dict[str, Any], place: tuple[Step, ...]) -> dict[str, Any]:
    found = item.get("parameters", {})
    if not isinstance(found, dict):
        raise Unfit("wrong type; expected an object", (*place, "parameters"))
    return found


def _fields(head: dict[str, Any]) -> dict[str, Any]:
    """The parameters that are fields of the request. Those that the protocol reserves say nothing about a loss."""
    found = {}
    for name, value in _parameters(head, ()).items():
        if name in RESERVED or name.startswith(RESERVED_PREFIX):
            continue
        if name in ("outputs", "wrt"):
            raise Unfit("not a parameter; expected the names of outputs in outputs, gradients.labels among them", ("parameters", name))
        if not isinstance(value, (str, int, float)):
            raise Unfit("wrong type; expected a string, a number or a boolean", ("parameters", name))
        found[name] = value
    return found


def _flag(parameters: dict[str, Any], name: str, default: bool, place: tuple[Step, ...]) -> bool:
    found = parameters.get(name, default)
    if not isinstance(found, bool):
        raise Unfit("wrong type; expected true or false", (*place, "parameters", name))
    return found


def _tensor(item: dict[str, Any], data: memoryview, caps: Caps, place: tuple[Step, ...]) -> tuple[str, Array, int]:
    """Name and array of an input, and how many of the bytes are its own."""
    name, datatype, given = item.get("name"), item.get("datatype"), item.get("data")
    if not isinstance(name, str):
        raise Unfit("missing or wrong type; expected a string", (*place, "name"))
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise Unfit(f"unknown datatype; expected one of {', '.join(DATATYPES)}", (*place, "datatype"))
    dtype, shape = DATATYPES[datatype], _shape(item.get("shape"), caps, (*place, "shape"))
    size, expected = _parameters(item, place).get("binary_data_size"), math.prod(shape) * dtype.itemsize
    if (size is None) == (given is None):
        raise Unfit(f"expected either data or parameters.binary_data_size, got {'neither' if size is None else 'both'}", place)
    if size is None:
        return name, _converted(given, datatype, shape, (*place, "data")), 0
    if type(size) is not int or size != expected or size > len(data):
        of, left = f"shape {list(shape)} of {datatype}", f" with {len(data)} bytes left in the body"
        got = size if type(size) is int else "no integer"
        raise Unfit(f"wrong size; expected {expected} bytes for {of}, got {got}{left}", (*place, "parameters", "binary_data_size"))
    array = np.frombuffer(data[:size], dtype).reshape(shape)
    if not array.flags.aligned:  # after a head of any length; NumPy takes twice as long for such arrays, and adds them up in another order
        array = array.copy()
    return name, checked_elements(array, place), size


def _shape(value: Any, caps: Caps, place: tuple[Step, ...]) -> tuple[int, ...]:
    sizes = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else [-1]
    if not all(size >= 0 and size == int(size) for size in sizes):
        raise Unfit("not a shape; expected a list of integers of at least 0", place)
    return checked_shape(tuple(map(int, sizes)), caps, place)


def _converted(given: Any, datatype: str, shape: tuple[int, ...], place: tuple[Step, ...]) -> Array:
    """The numbers of a JSON list, flat or nested, in their datatype."""
    dtype, array = DATATYPES[datatype], _booleans(given) if datatype == "BOOL" and isinstance(given, list) else given
    if datatype == "BF16":
        raise Unfit("no JSON form of BF16; expected parameters.binary_data_size and bytes", place)
    if not isinstance(array, np.ndarray):
        raise Unfit(f"wrong type; expected a list of {'true and false' if datatype == 'BOOL' else 'numbers'}", place)
    if array.shape not in (shape, (math.prod(shape),)):
        raise Unfit(f"wrong length; expected {math.prod(shape)} elements for shape {list(shape)}, got shape {list(array.shape)}", place)
    with np.errstate(all="ignore"):
        cast = array.astype(dtype, copy=False)
        good = np.isfinite(cast) if dtype.kind == "f" else cast == array
    if not good.all():
        raise Unfit(f"out of range; expected elements of {datatype}", (*place, int(np.argmin(good))))
    return cast.reshape(shape)


def _booleans(value: list[Any]) -> Array | None:
    """An array of nested lists of booleans, or None."""
    leaves = value
    while list in (kinds := set(map(type, leaves))):
        leaves = [item for row in leaves for item in (row if isinstance(row, list) else [row])]
    try:
        return np.array(value) if kinds == {bool} else None
    except ValueError:  # ragged
        return None


def _selection(head: dict[str, Any]) -> Selection:
    binary = _flag(_parameters(head, ()), "binary_data_output", False, ())
    outputs: dict[str, bool] = {}
    for i, item in enumerate(_objects(head, "outputs", OUTPUT)):
        name, parameters = item.get("name"), _parameters(item, ("outputs", i))
        if not isinstance(name, str) or name in outputs or name in DERIVATIVES:
            raise Unfit("not an output; expected each name once: value, per_sample, gradients.<input>, ...", ("outputs", i, "name"))
        for unknown in ELSEWHERE & parameters.keys():
            raise Unfit("not available; expected the output as a tensor in the response", ("outputs", i, "parameters", unknown))
        outputs[name] = _flag(parameters, "binary_data", binary, ("outputs", i))
    name = head.get("id")
    if name is not None and (not isinstance(name, str) or len(name) > LONGEST_ID):
        raise Unfit(f"not an id; expected a string of at most {LONGEST_ID} characters", ("id",))
    return Selection(name, tuple(outputs.items()), binary)


def _controls(names: list[str]) -> dict[str, Any]:
    """`outputs` and `wrt` of the named outputs; nothing where none is named."""
    found: dict[str, dict[str, None]] = {"outputs": {}, "wrt": {}}
    for name in names:
        output, _, of = name.partition(".")
        found["outputs"]["value" if output in WITH_VALUE else output] = None
        if output in DERIVATIVES:
            found["wrt"][of] = None
    return {control: list(chosen) for control, chosen in found.items() if chosen}


def encode(answer: dict[str, Any], selection: Selection) -> list[Buffer]:
    """The selected outputs, or all: numbers of JSON in the head, or the arrays themselves after it. A scalar has the shape [1]."""
    tensors: dict[str, Array] = {}
    strings: dict[str, str] = {}
    flatten(answer, "", tensors, strings)
    outputs: list[dict[str, Any]] = []
    parts: list[Buffer] = []
    for i, (name, binary) in enumerate(selection.outputs or [(name, selection.binary) for name in tensors]):
        if name not in tensors:
            raise Unfit(f"not an output of this request; expected one of {', '.join(tensors)}", ("outputs", i, "name"))
        array = tensors[name]
        flat = array.reshape(-1)
        if binary:
            parts.append(flat.view(np.uint8).data)
        content = {"parameters": {"binary_data_size": array.nbytes}} if binary else {"data": flat}
        outputs.append({"name": name, "datatype": NAMES[array.dtype], "shape": list(array.shape) or [1], **content})
    identity = {"model_name": strings.pop("loss"), "model_version": "1"} | ({} if selection.id is None else {"id": selection.id})
    head = json.encode({**identity, "parameters": strings, "outputs": outputs}, "nested")
    return [b"".join(head), *parts] if selection.any_binary else head


def head_size(parts: list[Buffer], selection: Selection) -> int:
    """The length of an encoded response's head; 0 where the head is all."""
    return len(parts[0]) if selection.any_binary else 0
