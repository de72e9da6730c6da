"""The rest of a large body is read into the application's memory, past the parser; the connection is the same before, meanwhile and after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import orjson
import pytest

from service.codec import JSON
from service.server import protocol
from service.server.upload import Upload
from tests.edge.wire import GOOD, Serving, Wire, post, serving, wait_until

RNG = np.random.default_rng(0)
TENSORS = {"predictions": RNG.normal(size=100_000), "labels": RNG.normal(size=100_000)}
BODY = b"".join(JSON.encode({**TENSORS, "reduction": "none", "outputs": ["per_sample"]}, "base64"))
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Serving]:
    with serving() as found:
        yield found


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> list[Upload]:
    """The uploads that are made."""
    made: list[Upload] = []

    class Noted(Upload):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(protocol, "Upload", Noted)
    return made


def send(wire: Wire, request: bytes, part: int, pause: float) -> None:
    for start in range(0, len(request), part):
        wire.send(request[start : start + part])
        time.sleep(pause)


@pytest.mark.parametrize(("part", "pause"), [(10**7, 0), (300_000, 0.01), (65_536, 0.001), (9_999, 0.0001)])
def test_a_large_body_is_read_exactly_in_any_parts(running: Serving, uploads: list[Upload], part: int, pause: float) -> None:
    expected = orjson.loads(b"".join(JSON.encode({"x": (TENSORS["predictions"] - TENSORS["labels"]) ** 2}, "base64")))["x"]
    with Wire(running) as wire:
        for _ in range(3):
            send(wire, post(BODY), part, pause)
            reply = wire.reply()
            assert (reply.status, orjson.loads(reply.body)["per_sample_tensor"]) == (200, expected)
    assert len(uploads) == 3
    assert all(len(upload._rest) == 0 for upload in uploads), "uvloop refers to it until the next one"


def test_requests_behind_a_large_body_are_left_to_the_parser(running: Serving, uploads: list[Upload]) -> None:
    with Wire(running) as wire:
        wire.send(post(BODY)[:300_000])
        wait_until(lambda: uploads)
        wire.send(post(BODY)[300_000:] + LIVE + post(GOOD))
        assert [wire.reply().status for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("zeros", [1, 20, 5000])
def test_a_length_may_begin_with_zeros(running: Serving, zeros: int) -> None:
    """Half of a body must not be taken for the whole: spaces may follow a document."""
    body = GOOD + b" " * 300_000
    request = post(body, length="0" * zeros + str(len(body)))
    with Wire(running) as wire:
        wire.send(request[:100_000])
        time.sleep(0.2)
        wire.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            wire.socket.recv(1)
        wire.socket.setblocking(True)
        wire.send(request[100_000:] + LIVE)
        assert [wire.reply().status for _ in range(2)] == [200, 200]


def test_a_client_that_disconnects_within_a_body_leaves_nothing(running: Serving, uploads: list[Upload]) -> None:
    with Wire(running) as wire:
        wire.send(post(BODY)[:1_000_000])
        wait_until(lambda: running.pool.bytes == 1_000_000 - post(BODY).index(BODY[:50]))
    wait_until(lambda: running.pool.bytes == 0 and not running.server.server_state.connections)
    assert len(uploads) == 1


def test_a_large_body_has_a_deadline() -> None:
    with serving(body_seconds=0.5) as running, Wire(running) as wire:
        with suppress(ConnectionError):  # the server has closed
            for start in range(0, 600_000, 10_000):
                wire.send(post(BODY)[start : start + 10_000])
                time.sleep(0.02)
        reply = wire.reply()
        assert (reply.status, reply.problem["type"]) == (408, "/problems/slow-body")
        assert wire.closed()


def test_the_rest_of_a_body_that_is_rejected_meanwhile_is_read_past(uploads: list[Upload]) -> None:
    request, most = post(BODY), len(BODY) + 1000
    with serving(max_body_bytes=most, max_queue_bytes=most) as running, Wire(running) as other, Wire(running) as wire:
        other.send(request[:1_500_000])
        wait_until(lambda: running.pool.bytes > 1_400_000)
        wire.send(request[:300_000])
        wait_until(lambda: len(uploads) == 2)
        wire.send(request[300_000:-10])
        rejected = wire.reply()
        assert (rejected.status, rejected.problem["type"]) == (429, "/problems/overloaded")
        wire.send(request[-10:] + LIVE)
        assert wire.reply().status == 200
        other.send(request[1_500_000:])
        assert other.reply().status == 200
        assert wire.ask(request).status == 200
