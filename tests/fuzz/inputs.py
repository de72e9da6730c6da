"""Requests that are nearly right: the examples of all losses and bodies scaled along their axes, mutated as trees and as bytes, in JSON and in safetensors.

They are sent alone, pipelined, with bytes behind them that are no HTTP, or by a client that never reads.
"""

from __future__ import annotations

import base64
import copy
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.api.combination import EXAMPLE
from service.losses import LOSSES, InvalidTensor
from service.settings import Settings
from tests.losses import work
from tests.losses.sweep import call, elements

JSON, BINARY, INFERENCE = "application/json", "application/vnd.safetensors", "application/octet-stream"
Array = NDArray[Any]
NAMES = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "<i8": "I64", "<i4": "I32", "|u1": "U8", "|b1": "BOOL"}
LIFTED = object()  # where an array was
VALUES: list[Any] = [
    0, -0.0, -1, 1, 2, 0.5, 1e-320, 5e-324, 1e308, -1e308, 1e16, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**25, None, True, False, "", "x", "mean", "none",
    [], {}, [[]], [0], [[0]], [[[0]]], [1, [2]], [[1], 2], [[1, 2], [3]], [True], ["a"], [None], [{}], {"shape": [], "data": [1]}, {"shape": [0], "data": []},
    {"shape": [2, 0], "data": []}, {"shape": [-1], "data": [1]}, {"shape": [2**40, 2**40], "data": []}, {"shape": [1e300, 0], "data": []},
    {"shape": [1], "data": [1], "x": 1}, {"shape": [1], "dtype": "float64", "base64": "AAAAAAAA8H8="}, {"shape": [2], "dtype": "bool", "base64": "AgE="},
    {"shape": [1], "dtype": "bfloat16", "base64": "AIA="}, {"shape": [1], "dtype": "float16", "base64": "AHw="}, list(range(40)), [[0.25] * 3] * 3, [1e308] * 4,
]  # fmt: skip
TOKENS = [
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"-0",
    b"null",
    b"true",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b":",
    b'"',
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"\0",
]
TOKENS += [
    b"\xff",
    b"\xef\xbb\xbf",
    b"9" * 30,
    b"1" * 400,
    b"[" * 50,
    b'"a":',
    b"e",
    b".",
    b"-",
    b" ",
    b"\n",
    b'{"shape":[1],"data":[1]}',
    b"0x1",
    b"1.",
    b".5",
]
CONTROLS: dict[str, list[Any]] = {
    "reduction": ["mean", "sum", "none", "batchmean", "x", 1],
    "outputs": [["value"], ["gradients", "per_element"], ["hessian_diagonal"], ["per_sample", "per_sample"], [], ["x"], "value"],
    "wrt": [["predictions"], ["labels"], [], ["x"], None],
    "sample_weight": [[1, 1], [0, 0], [0], [-1, 1], [1e308, 1e308], [], 1],
    "cotangent": [[1, 1], [1e308, -1e308], [0], []],
}


OPTIONS: dict[str, list[Any]] = {
    "integer": [-1, 0, 1, 2, 3, 7, 50, 1000, 10**5, 10**7, 2**31, 2**40, 2**53, 2**63 - 1, 2**64, 1e20, 2.5],
    "number": [-1e300, -1, -1e-300, 0, 5e-324, 1e-300, 1e-20, 1e-3, 0.25, 0.5, 1, 2, 50, 1e6, 1e20, 1e300, 1.7e308],
    "boolean": [True, False, 0, "true"],
    "string": ["", "x", None],
}


MOST_ELEMENTS = 20_000  # of a scaled body
MOST_OPERATIONS = 1e8  # of a scaled body, unless it is beyond the cap
BEHIND = [
    b"\0",
    b"{}",
    b"GET",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /loss/mse HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"\r\n\r\nx",
    b": :\r\n",
    b"\xff\xfe",
    b"PRI * HTTP/2.0",
]

Way = Literal["alone", "pipelined", "followed", "unread"]
WAYS: list[Way] = ["alone", "pipelined", "followed", "unread"]


@dataclass(frozen=True)
class Input:
    """One request, and the way it is sent; `after` are the bytes behind one that is followed."""

    name: str
    content_type: str
    body: bytes
    head: str = ""  # Inference-Header-Content-Length, of INFERENCE
    way: Way = "alone"
    after: bytes = b""

    @property
    def path(self) -> str:
        return f"/v2/models/{self.name}/infer" if self.content_type == INFERENCE else f"/loss/{self.name}"

    @property
    def headers(self) -> dict[str, str]:
        """Those beside Content-Type."""
        return {"inference-header-content-length": self.head} if self.head else {}


def seeds() -> list[tuple[str, Any]]:
    """(loss, request) of every card."""
    return [(loss.name, json.loads(json.dumps(dict(loss.example), default=np.ndarray.tolist))) for loss in LOSSES.values()] + [
        ("combination", EXAMPLE)
    ]


def inputs(rng: random.Random) -> Iterator[Input]:
    """Without end."""
    known = seeds()
    while True:
        name, tree = scaled(rng) if rng.random() < 0.1 else mutated_seed(rng, known)
        asked = name if rng.random() < 0.95 else rng.choice(known)[0]
        kind, head = rng.choices([JSON, BINARY, INFERENCE], [5, 3, 2])[0], ""
        if kind == INFERENCE:
            head, body = inference(rng, tree)
        else:
            body = safetensors(rng, tree) if kind == BINARY else json.dumps(tree).encode()
        for _ in range(rng.choice([0, 0, 1, 3] if not head else [0] * 8 + [1, 3])):  # a byte more or less, and the head's length is wrong
            body = mutated_bytes(rng, body)
        way = rng.choices(WAYS, [0.85, 0.06, 0.06, 0.03])[0]
        after = (rng.choice(BEHIND) + rng.randbytes(rng.randrange(20))) * rng.choice([1, 1, 100]) if way == "followed" else b""
        yield Input(asked, kind, body, head, way, after)


def mutated_seed(rng: random.Random, known: list[tuple[str, Any]]) -> tuple[str, Any]:
    """Return the example of some operation with a few places changed."""
    name, tree = rng.choice(known)
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        tree = mutated_tree(rng, tree, rng.choice(known)[1])
    if rng.random() < 0.3 and name in LOSSES and LOSSES[name].options and isinstance(tree, dict):
        option = rng.choice(LOSSES[name].options)
        tree[option.name] = rng.choice(option.choices) if option.choices else copy.deepcopy(rng.choice(OPTIONS[option.type]))
    return name, tree


def scaled(rng: random.Random) -> tuple[str, Any]:
    """Return a call of some loss with one axis or two of any size, now and then beyond the cap of work, and now and then mutated."""
    while True:
        loss = rng.choice(list(LOSSES.values()))
        growing = rng.choice(list(work.grown(loss)))
        sizes = work.sized(loss, growing, int(math.exp(rng.uniform(0, math.log(MOST_ELEMENTS)))))
        if rng.random() < 0.1:
            sizes[rng.choice(growing)] = rng.choice([0, 1])
        if elements(loss, sizes) > MOST_ELEMENTS:
            continue
        try:
            with np.errstate(all="ignore"):
                arrays, options = call(loss, sizes)
            operations = work.cost(loss, arrays, options).operations
        except (ValueError, IndexError, ZeroDivisionError, InvalidTensor):
            continue  # sizes of which nothing can be drawn
        if MOST_OPERATIONS < operations <= Settings().max_work:
            continue
        tree: dict[str, Any] = {**options, **{name: form(rng, array) for name, array in arrays.items()}}
        return loss.name, mutated_tree(rng, tree, tree) if rng.random() < 0.3 else tree


def form(rng: random.Random, array: Array) -> Any:
    """Return the tensor as nested lists, as its flat data, or in base64."""
    match rng.randrange(3):
        case 0:
            return array.tolist()
        case 1:
            return {"shape": list(array.shape), "data": array.ravel().tolist()}
        case _:
            return {"shape": list(array.shape), "dtype": array.dtype.name, "base64": base64.b64encode(array.tobytes()).decode()}


DATATYPES = {"<f8": "FP64", "<f4": "FP32", "<f2": "FP16", "<i8": "INT64", "<i4": "INT32", "|u1": "UINT8", "|b1": "BOOL"}
NAMED = [
    "value",
    "per_sample",
    "normalizer",
    "per_element",
    "gradients.predictions",
    "gradients.labels",
    "hessian_diagonal.predictions",
    "parts.x",
    "x",
    "",
]
LENGTHS = ["0", "1", "-1", "x", "1.0", "9" * 30, "\u00b2", " 5", "00"]


def inference(rng: random.Random, tree: Any) -> tuple[str, bytes]:
    """The length of a head, "" without the header, and the body; both now and then wrong."""
    arrays: dict[str, Array] = {}
    rest = without_arrays(rng, tree, "", arrays) if isinstance(tree, dict) else {}
    inputs, data = [], b""
    for name, array in arrays.items():
        described: dict[str, Any] = {"name": name, "shape": list(array.shape), "datatype": DATATYPES[array.dtype.str]}
        if rng.random() < 0.6:
            described["parameters"] = {"binary_data_size": array.nbytes}
            data += array.tobytes()
        else:
            numbers = array.astype(np.float64) if array.dtype.kind == "f" else array
            described["data"] = (numbers.ravel() if rng.random() < 0.7 else numbers).tolist()
        inputs.append(described)
    head: dict[str, Any] = {"id": "1", "inputs": inputs, "parameters": {**rest, "binary_data_output": rng.random() < 0.5}}
    if rng.random() < 0.5:
        names = rng.sample(NAMED[:7] if rng.random() < 0.8 else NAMED, rng.randrange(4))
        head["outputs"] = [{"name": name, "parameters": {"binary_data": rng.random() < 0.5}} for name in names]
    for _ in range(rng.choice([0, 0, 1, 2])):
        head = mutated_tree(rng, head, head)
    text = json.dumps(head).encode()
    length = str(len(text)) if data or rng.random() < 0.3 else ""
    return length if rng.random() < 0.95 else rng.choice([*LENGTHS, str(len(text) + 1), ""]), text + data


def mutated_tree(rng: random.Random, tree: Any, other: Any) -> Any:
    """The tree with one place changed."""
    place = tree
    while isinstance(place, (dict, list)) and place and rng.random() < 0.6:
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], (dict, list)):
            break
        place = place[key]
    value = copy.deepcopy(rng.choice(VALUES))
    if isinstance(place, dict):
        _change_object(rng, place, value, other)
    elif isinstance(place, list):
        _change_list(rng, place, value)
    return tree


def _change_object(rng: random.Random, place: dict[str, Any], value: Any, other: Any) -> None:
    match rng.randrange(5):
        case 0 if place:
            place[rng.choice(list(place))] = value
        case 1 if place:
            del place[rng.choice(list(place))]
        case 2:
            name = rng.choice(list(CONTROLS))
            place[name] = copy.deepcopy(rng.choice(CONTROLS[name]))
        case 3:
            name = rng.choice(list(other))
            place[name] = copy.deepcopy(other[name])
        case _:
            place[rng.choice(["x", "", "a/b~c", "shape", "data", "\ud7ff", "[", "a" * 400])] = value


def _change_list(rng: random.Random, place: list[Any], value: Any) -> None:
    match rng.randrange(5):
        case 0 if place:
            place[rng.randrange(len(place))] = value
        case 1 if place:
            place.pop()
        case 2 if place:
            place.extend(copy.deepcopy(place[: rng.randrange(1, 4)]))
        case 3 if place:
            number = rng.choice([1e-300, 1e300, 1e200, -1, 3, 0.1])
            place[:] = [item * number if isinstance(item, (int, float)) and not isinstance(item, bool) else item for item in place]
        case _:
            place.append(value)


def mutated_bytes(rng: random.Random, body: bytes) -> bytes:
    """The bytes with one place changed."""
    at, end = sorted((rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)))
    match rng.randrange(7):
        case 0:
            return body[:at] + rng.choice(TOKENS) + body[at:]
        case 1:
            return body[:at] + rng.choice(TOKENS) + body[at + 1 :]
        case 2:
            return body[:at]
        case 3:
            return body[:at] + body[end:]
        case 4:
            return body[:end] + body[at:]
        case 5:
            return body[:at] + rng.randbytes(rng.randrange(1, 9)) + body[at + rng.randrange(9) :]
        case _:
            return body[:at] + bytes([body[at] ^ 1 << rng.randrange(8)]) + body[at + 1 :] if at < len(body) else body


def safetensors(rng: random.Random, tree: Any) -> bytes:
    """The tree's arrays as tensors of some type, the rest as the request; header and offsets now and then wrong."""
    arrays: dict[str, Array] = {}
    rest = without_arrays(rng, tree, "", arrays) if isinstance(tree, dict) else {}
    header: dict[str, Any] = {"__metadata__": {"request": json.dumps(rest)}}
    offset = 0
    for name, array in arrays.items():
        header[name] = {"dtype": NAMES[array.dtype.str], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    if rng.random() < 0.3:
        header = mutated_tree(rng, header, header)
    if arrays and rng.random() < 0.1:
        name = rng.choice(list(arrays))
        header[mutated_name(rng, name)] = header.pop(name, None)
    text = json.dumps(header).encode()
    length = len(text) if rng.random() < 0.95 else rng.choice([0, len(text) + 1, 2**40, 2**64 - 1])
    return length.to_bytes(8, "little") + text + b"".join(array.tobytes() for array in arrays.values())


def without_arrays(rng: random.Random, value: Any, place: str, arrays: dict[str, Array]) -> Any:
    """Move the arrays of a value to `arrays` by their places, and return the rest (`terms.0.inputs.predictions`)."""
    if isinstance(value, dict):
        kept = {key: without_arrays(rng, item, f"{place}.{key}" if place else key, arrays) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not LIFTED}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [without_arrays(rng, item, f"{place}.{i}", arrays) if isinstance(item, dict) else item for i, item in enumerate(value)]
    try:
        with np.errstate(all="ignore"):
            array = np.array(value, rng.choice(["<f8", "<f8", "<f4", "<f2", "<i8", "<i4", "u1", "?"]))
    except (ValueError, TypeError, OverflowError):
        return value
    if not array.ndim and rng.random() < 0.9:
        return value
    arrays[place] = array
    return LIFTED


def mutated_name(rng: random.Random, name: str) -> str:
    """A tensor's name with one step of its place changed."""
    steps = name.split(".")
    steps[rng.randrange(len(steps))] = rng.choice(["", "0", "00", "1", "-1", "x", "\u00b2", "\u0661", "9" * 5000, "terms", "a.b", "a." * 2000])
    return ".".join(steps)
