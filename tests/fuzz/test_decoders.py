"""The short form of the decoders' hunt, and the proof that it sees what it looks for."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.codec import SAFETENSORS, Decoded
from tests.fuzz.decoders import Application
from tests.fuzz.inputs import BINARY, JSON, Input, inputs
from tests.fuzz.oracle import Finding

BODY = json.dumps({"predictions": [1.5, 2], "labels": [0, 0]}).encode()


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    started = Application()
    yield started
    started.loop.close()


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[first:last] for first, last in itertools.pairwise(ends)]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), places=st.lists(st.integers(0, 10**6), max_size=8))
def test_nearly_right_bodies_read_the_same_however_they_come(application: Application, seed: int, places: list[int]) -> None:
    asked = next(inputs(random.Random(seed)))
    application.check(asked, cut(asked.body, places))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda items: (
        st.lists(items, max_size=4) | st.dictionaries(st.sampled_from(["shape", "data", "dtype", "base64", "labels", ""]), items, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(predictions=values, labels=values, places=st.lists(st.integers(0, 10**6), max_size=3))
def test_any_json_reads_the_same_however_it_comes(application: Application, predictions: Any, labels: Any, places: list[int]) -> None:
    body = json.dumps({"predictions": predictions, "labels": labels}).encode()
    application.check(Input("mean_squared_error", JSON, body), cut(body, places))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(body=st.binary(max_size=60), places=st.lists(st.integers(0, 60), max_size=3), binary=st.booleans())
def test_any_bytes_read_the_same_however_they_come(application: Application, body: bytes, places: list[int], binary: bool) -> None:
    application.check(Input("mean_squared_error", BINARY if binary else JSON, body), cut(body, places))


# ------------------------------------------------------------------ planted faults


def test_a_byte_lost_between_pieces_is_found() -> None:
    application = Application()
    honest = application.app

    async def forgetful(scope: Any, receive: Any, send: Any) -> None:
        seen: list[bytes] = []

        async def some() -> Any:
            message = await receive()
            if seen and message.get("body"):
                message = {**message, "body": message["body"][1:]}
            seen.append(message.get("body", b""))
            return message

        await honest(scope, some, send)

    application.app = forgetful  # type: ignore[assignment]
    application.check(Input("mean_squared_error", JSON, BODY), [BODY])
    with pytest.raises(Finding, match="in pieces"):
        application.check(Input("mean_squared_error", JSON, BODY), [BODY[:20], BODY[20:]])
    application.loop.close()


@pytest.mark.parametrize("planted", [ZeroDivisionError, lambda fields: fields.pop("labels")], ids=["an exception", "a field lost on the way"])
def test_a_decoder_that_fails_or_misreads_is_found(application: Application, planted: Any) -> None:
    honest = SAFETENSORS.decode

    def faulty(body: bytes, caps: Any) -> Decoded:
        found = honest(body, caps)
        if isinstance(planted, type):
            raise planted
        planted(found.fields)
        return found

    header = {name: {"dtype": "F64", "shape": [2], "data_offsets": [at, at + 16]} for name, at in (("predictions", 0), ("labels", 16))}
    text = json.dumps(header).encode()
    body = len(text).to_bytes(8, "little") + text + bytes(32)
    assert application.check(Input("mean_squared_error", BINARY, body), [body])
    object.__setattr__(SAFETENSORS, "decode", faulty)
    try:
        with pytest.raises(Finding):
            application.check(Input("mean_squared_error", BINARY, body), [body])
    finally:
        object.__setattr__(SAFETENSORS, "decode", honest)
