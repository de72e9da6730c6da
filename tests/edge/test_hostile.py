"""Bodies that are wrong: each gets a short response with a documented status, and the connection serves on."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from tests.edge.wire import GOOD, Serving, Wire, post, serving

BINARY = "application/vnd.safetensors"


def in_place_of_predictions(value: bytes) -> bytes:
    return b'{"predictions": ' + value + b', "labels": [0, 0]}'


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


JSON_BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "truncated": (GOOD[:-3], 400),
    "UTF-16": (GOOD.decode().encode("utf-16"), 400),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, 400),
    "lone surrogate in a value": (in_place_of_predictions(rb'"\ud800"'), 400),
    "lone surrogate in a name": (rb'{"\ud800": 1}', 400),
    "invalid UTF-8": (b'{"\xff": 1}', 400),
    "nested 100,000 deep, open": (b'{"predictions": ' + b"[" * 100_000, 400),
    "nested 100,000 deep": (in_place_of_predictions(nested(100_000)), 400),
    "nested 40 deep": (in_place_of_predictions(nested(40)), 400),
    "objects 100,000 deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "integer of 5,000 digits": (in_place_of_predictions(b"[" + b"1" * 5000 + b", 2]"), 400),
    "integer of 400 digits": (in_place_of_predictions(b"[" + b"1" * 400 + b", 2]"), 400),
    "1e999": (in_place_of_predictions(b"[1e999, 2]"), 400),
    "NaN": (in_place_of_predictions(b"[NaN, 2]"), 400),
    "Infinity": (in_place_of_predictions(b"[Infinity, 2]"), 400),
    "-Infinity": (in_place_of_predictions(b"[-Infinity, 2]"), 400),
    "duplicate names": (b'{"predictions": [1, 2], "predictions": [3, 4], "labels": [0, 0]}', 422),
    "duplicate names, escaped": (rb'{"predictions": [1, 2], "predictio\u006es": [3, 4], "labels": [0, 0]}', 422),
    "trailing bytes": (GOOD + b"x", 400),
    "two documents": (GOOD + GOOD, 400),
    "null": (b"null", 422),
    "a number": (b"1", 422),
    "a list": (b"[]", 422),
    "a string": (b'"predictions"', 422),
    "an empty object": (b"{}", 422),
    "booleans": (in_place_of_predictions(b"[true, false]"), 422),
    "strings": (in_place_of_predictions(b'["1", "2"]'), 422),
    "mixed": (in_place_of_predictions(b'[1, "2"]'), 422),
    "a null": (in_place_of_predictions(b"[1, null]"), 422),
    "an object in a list": (in_place_of_predictions(b"[1, {}]"), 422),
    "empty lists": (in_place_of_predictions(b"[[], []]"), 422),
    "ragged in rank 2": (in_place_of_predictions(b"[[1, 2], [3]]"), 422),
    "ragged in rank 3": (in_place_of_predictions(b"[[[1], [2]], [[3], [4, 5]]]"), 422),
    "ragged, a row less": (in_place_of_predictions(b"[[[1], [2]], [[3]]]"), 422),
    "ragged with the right count": (in_place_of_predictions(b"[[1, 2, 3], [4]]"), 422),
    "a number among rows": (in_place_of_predictions(b"[[1], 2]"), 422),
    "rows among numbers": (in_place_of_predictions(b"[1, [2]]"), 422),
    "a bracket in a name": (b'{"predictions": [[1, 2], [3]], "labels[": 0}', 422),
    "rank 9": (in_place_of_predictions(b"[" * 9 + b"1" + b"]" * 9), 422),
    "shape overflows": (in_place_of_predictions(b'{"shape": [4294967296, 4294967296], "data": []}'), 413),
    "shape overflows to 0": (in_place_of_predictions(b'{"shape": [9223372036854775808, 2], "data": []}'), 413),
    "shape is empty and huge": (in_place_of_predictions(b'{"shape": [4000000000000, 0], "data": []}'), 413),
    "shape is empty and large": (in_place_of_predictions(b'{"shape": [30000000, 0], "data": []}'), 422),
    "shape of 1e300": (in_place_of_predictions(b'{"shape": [1e300, 0], "data": []}'), 413),
    "negative shape": (in_place_of_predictions(b'{"shape": [-1, -2], "data": [1, 2]}'), 422),
    "fractional shape": (in_place_of_predictions(b'{"shape": [1.5], "data": [1]}'), 422),
    "boolean shape": (in_place_of_predictions(b'{"shape": [true], "data": [1]}'), 422),
    "nested shape": (in_place_of_predictions(b'{"shape": [[2]], "data": [1, 2]}'), 422),
    "shape is a number": (in_place_of_predictions(b'{"shape": 2, "data": [1, 2]}'), 422),
    "data is nested": (in_place_of_predictions(b'{"shape": [2], "data": [[1, 2]]}'), 422),
    "data is a string": (in_place_of_predictions(b'{"shape": [2], "data": "12"}'), 422),
    "too little data": (in_place_of_predictions(b'{"shape": [3], "data": [1, 2]}'), 422),
    "too much data": (in_place_of_predictions(b'{"shape": [1], "data": [1, 2]}'), 422),
    "bad base64": (in_place_of_predictions(b'{"shape": [1], "dtype": "float64", "base64": "!"}'), 422),
    "base64 of the wrong length": (in_place_of_predictions(b'{"shape": [1], "dtype": "float64", "base64": "AAAA"}'), 422),
    "base64 of an unknown type": (in_place_of_predictions(b'{"shape": [1], "dtype": "complex128", "base64": ""}'), 422),
    "base64 of objects": (in_place_of_predictions(b'{"shape": [1], "dtype": "O", "base64": "AAAAAAAAAAA="}'), 422),
    "base64 of a NaN": (
        in_place_of_predictions(b'{"shape": [2], "dtype": "float64", "base64": "%s"}' % base64.b64encode(struct.pack("<2d", float("nan"), 1))),
        422,
    ),
    "base64 of a boolean that is 7": (in_place_of_predictions(b'{"shape": [2], "dtype": "bool", "base64": "BwE="}'), 422),
    "unknown names, 100,000 of them": (json.dumps({f"name{i}": i for i in range(100_000)}).encode(), 422),
    "unknown names of control characters": (json.dumps({"\x01" * 400 + str(i): i for i in range(60)}).encode(), 422),
    "wrong items, 100,000 of them": (json.dumps({"predictions": ["a"] * 100_000, "labels": [0]}).encode(), 422),
    "outputs, 100,000 of them": (in_place_of_predictions(b'[1, 2], "outputs": [' + b'"value",' * 100_000 + b'"x"]'), 422),
    "rows of nothing, 1,000,000 of them": (in_place_of_predictions(b"[" + b"[]," * 1_000_000 + b"[]]"), 422),
    "a long string": (in_place_of_predictions(b'"' + b"a" * 1_000_000 + b'"'), 422),
}


@pytest.mark.parametrize("body", JSON_BODIES.values(), ids=list(JSON_BODIES))
def test_a_bad_body_is_a_problem_and_the_connection_serves_on(served: Serving, body: tuple[bytes, int]) -> None:
    content, status = body
    with Wire(served) as wire:
        answer = wire.ask(post(content))
        assert answer.status == status, answer
        assert answer.problem["detail"]
        assert wire.ask(post()).status == 200


PADDINGS = [0, 200_000, 2_000_000]  # read whole; in pieces, and what is wrong looked for; in pieces


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("number", ["18446744073709551615", "18446744073709551616", "100000000000000000000", "-9223372036854775809"])
@pytest.mark.parametrize("flat", [False, True])
def test_integers_past_64_bits_read_alike_in_bodies_of_every_size(served: Serving, number: str, padding: int, flat: bool) -> None:
    def tensor(second: int) -> str:
        data = f"[{number},{second}{',0.5' * (padding // 4)}]"
        return f'{{"shape": [{2 + padding // 4}], "data": {data}}}' if flat else data

    body = f'{{"predictions": {tensor(1)}, "labels": {tensor(0)}, "outputs": ["value"], "reduction": "sum"}}'
    with Wire(served, timeout=60) as wire:
        answer = wire.ask(post(body.encode(), "/loss/l1"))
        assert (answer.status, json.loads(answer.body).get("value")) == (200, 1.0)
        option = body.replace('"reduction"', f'"delta": {number}, "reduction"')
        assert wire.ask(post(option.encode(), "/loss/huber")).status == (200 if number[0] == "1" else 422)
        wrong = body.replace('"sum"', number)
        assert wire.ask(post(wrong.encode(), "/loss/l1")).status == 422


@pytest.mark.parametrize("padding", PADDINGS)
def test_text_that_is_no_json_is_rejected_wherever_it_stands(served: Serving, padding: int) -> None:
    """A large list is read apart from the document: what is cut out of a string must not go unread."""
    hidden = b"[" + b"nonsense " * (1 + padding // 9) + b"]"
    term = b'{"terms": [{"name": "a\\%b, "loss": "mse", "inputs": {"predictions": [1], "labels": [0]}}]}'
    with Wire(served, timeout=60) as wire:
        assert wire.ask(post(term % b'"b"', "/loss/combination")).status == 200
        assert wire.ask(post(term % hidden, "/loss/combination")).status == 400


def test_minus_zero_and_integral_floats_are_good_numbers(served: Serving) -> None:
    with Wire(served) as wire:
        answer = wire.ask(post(b'{"predictions": [-0, 2.0], "labels": [-0.0, 0]}'))
    assert answer.status == 200
    assert json.loads(answer.body)["per_sample"] == [0.0, 4.0]


def test_an_answer_to_wrong_items_does_not_repeat_them(served: Serving) -> None:
    secret = "the-callers-own-words"
    with Wire(served) as wire:
        answer = wire.ask(post(json.dumps({"predictions": secret, "labels": [secret] * 1000}).encode()))
    assert answer.status == 422
    assert secret.encode() not in answer.body


# ------------------------------------------------------------------ safetensors


def tensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def of(*offsets: int, dtype: Any = "F64", shape: Any = (2,)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


DATA = struct.pack("<4d", 1, 2, 0, 0)
TWO = {"predictions": of(0, 16), "labels": of(16, 32)}
BINARY_BODIES: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 400),
    "seven bytes": (b"\0" * 7, 400),
    "header length beyond the body": (tensors(TWO, DATA, 10_000), 400),
    "header of 100 MB announced": (tensors(TWO, DATA, 100_000_000), 400),
    "header length of 2^64 - 1": (b"\xff" * 8 + b"{}", 400),
    "header of length 0": (b"\0" * 8, 400),
    "header of 2 MB": (tensors(b"{" + b" " * 2_000_000 + b"}"), 400),
    "header is no JSON": (tensors(b"{nonsense}"), 400),
    "header is a list": (tensors([]), 400),
    "header is nested 100,000 deep": (tensors(b"[" * 100_000), 400),
    "header with an integer of 5,000 digits": (tensors(b'{"a": ' + b"1" * 5000 + b"}"), 400),
    "header with a lone surrogate": (tensors(rb'{"\ud800": 1}'), 400),
    "header with NaN": (tensors(b'{"a": NaN}'), 400),
    "header is not UTF-8": (tensors(b'{"\xff": 1}'), 400),
    "duplicate names": (tensors(b'{"a": ' + json.dumps(of(0, 16)).encode() + b', "a": ' + json.dumps(of(16, 32)).encode() + b"}", DATA), 400),
    "overlapping offsets": (tensors({"predictions": of(0, 16), "labels": of(8, 24)}, DATA), 400),
    "negative offsets": (tensors({"predictions": of(-16, 0), "labels": of(0, 16)}, DATA), 400),
    "a hole": (tensors({"predictions": of(0, 16)}, DATA), 400),
    "offsets beyond the body": (tensors({"predictions": of(0, 16), "labels": of(16, 48)}, DATA), 400),
    "offsets the wrong way round": (tensors({"predictions": of(16, 0)}, DATA), 400),
    "trailing bytes": (tensors(TWO, DATA + b"x"), 400),
    "shape does not fit the offsets": (tensors({"predictions": of(0, 16, shape=[3]), "labels": of(16, 32)}, DATA), 400),
    "shape overflows": (tensors({"predictions": of(0, 16, shape=[2**32, 2**32])}, DATA), 413),
    "shape is no list": (tensors({"predictions": of(0, 16, shape=2)}, DATA), 400),
    "shape of booleans": (tensors({"predictions": of(0, 8, shape=[True])}, DATA), 400),
    "dtype does not fit the offsets": (tensors({"predictions": of(0, 16, dtype="F32"), "labels": of(16, 32)}, DATA), 400),
    "unknown dtype": (tensors({"predictions": of(0, 16, dtype="F8"), "labels": of(16, 32)}, DATA), 400),
    "dtype is a list": (tensors({"predictions": of(0, 16, dtype=["F64"])}, DATA), 400),
    "a boolean that is 7": (tensors({"predictions": of(0, 2, dtype="BOOL"), "labels": of(2, 4, dtype="BOOL")}, b"\x07\x01\x00\x01"), 422),
    "a NaN": (tensors(TWO, struct.pack("<4d", float("nan"), 2, 0, 0)), 422),
    "an infinity": (tensors(TWO, struct.pack("<4d", float("inf"), 2, 0, 0)), 422),
    "a name of 100,000 steps": (tensors({"a." * 100_000: of(0, 32, shape=[4])}, DATA), 400),
    "request nested 400 deep": (tensors({"__metadata__": {"request": '{"a":' * 400 + "1" + "}" * 400}}), 400),
    "request of lists 100,000 deep": (tensors({"__metadata__": {"request": '{"a":' + "[" * 100_000}}), 400),
    "10,000 tensors": (tensors({f"t{i}": of(0, 0, shape=[0]) for i in range(10_000)}), 422),
    "metadata is a list": (tensors({"__metadata__": []}), 400),
    "metadata of numbers": (tensors({"__metadata__": {"request": 1}}), 400),
    "request is no JSON": (tensors({"__metadata__": {"request": "{"}}), 400),
    "request with a lone surrogate": (tensors({"__metadata__": {"request": '{"\\ud800": 1}'}}), 422),
    "request with NaN": (tensors({"__metadata__": {"request": '{"delta": NaN}'}}), 400),
    "request with 1e999": (tensors({"__metadata__": {"request": '{"delta": 1e999}'}, **TWO}, DATA), 422),
    "request names a tensor": (tensors({"__metadata__": {"request": '{"labels": 1}'}, **TWO}, DATA), 422),
}


@pytest.mark.parametrize("body", BINARY_BODIES.values(), ids=list(BINARY_BODIES))
def test_a_bad_safetensors_body_is_a_problem_and_the_connection_serves_on(served: Serving, body: tuple[bytes, int]) -> None:
    content, status = body
    with Wire(served) as wire:
        answer = wire.ask(post(content, content_type=BINARY))
        assert answer.status == status, answer
        assert answer.problem["detail"]
        assert wire.ask(post(tensors(TWO, DATA), content_type=BINARY)).status == 200


def test_a_header_of_100_mb_is_rejected_as_it_comes_and_where_bodies_may_be_larger(served: Serving) -> None:
    body = tensors(b"{" + b" " * 100_000_000 + b"}")
    with Wire(served) as wire:
        assert wire.ask(post(b"", content_type=BINARY, length=str(len(body)))).status == 413
    with serving(max_body_bytes=2**28, max_queue_bytes=2**28) as running, Wire(running, timeout=60) as wire:
        answer = wire.ask(post(body, content_type=BINARY))
        assert answer.status == 400
        assert "header" in answer.problem["detail"]
        assert wire.ask(post()).status == 200


# ------------------------------------------------------------------ HTTP
