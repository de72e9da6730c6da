"""More than it can do: rejected at once and by name, while probes and small requests are answered as ever."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import running
from tests.edge.wire import Serving, Wire, large, planted, post, serving, wait_until

READY = b"GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Held:
    """A server whose threads are all busy until `release`."""

    def __init__(self, **settings: Any) -> None:
        self.gate = threading.Event()
        self.planted, self.serving = planted(lambda _: self.gate.wait(20)), serving(compute_threads=1, **settings)
        self.wires: list[Wire] = []

    def __enter__(self) -> Held:
        self.planted.__enter__()
        self.running: Serving = self.serving.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.gate.set()
        for wire in self.wires:
            wire.socket.close()
        self.serving.__exit__(None, None, None)
        self.planted.__exit__(None, None, None)

    def add(self, body: bytes, headers: str = "") -> Wire:
        """One more computation, begun or waiting."""
        before = self.running.pool.jobs
        self.wires.append(Wire(self.running).send(post(body, "/loss/planted", headers=headers)))
        wait_until(lambda: self.running.pool.jobs == before + 1)
        return self.wires[-1]


def test_beyond_the_queue_is_429_and_what_waits_is_answered() -> None:
    with Held(max_queue=2) as held:
        waiting = [held.add(large()) for _ in range(3)]
        with Wire(held.running) as wire:
            for _ in range(3):
                rejected = wire.ask(post(large(), "/loss/planted"))
                assert (rejected.status, rejected.problem["type"]) == (429, "/problems/overloaded")
                assert int(rejected.headers["retry-after"]) >= 1
            held.gate.set()
            assert [one.reply().status for one in waiting] == [200, 200, 200]
            assert wire.ask(post(large(), "/loss/planted")).status == 200


def test_it_is_rejected_before_it_is_read() -> None:
    with Held(max_queue=0) as held, Wire(held.running) as wire:
        held.add(large())
        assert wire.ask(post(b"", "/loss/planted", length="10000000")).status == 429


def _rejected(wire: Wire) -> float:
    line = 'loss_requests_total{encoding="json",loss="planted",status="429"} '
    return float((wire.ask(METRICS).body.decode().partition(line)[2] or "0").split()[0])


def test_a_rejection_by_headers_alone_is_a_whole_answer_and_is_counted() -> None:
    with Held(max_queue=0) as held, Wire(held.running) as wire:
        held.add(large())
        before = _rejected(wire)
        plain = wire.ask(post(large(), "/loss/planted", headers="X-Request-ID: mine-1\r\n"))
        assert (plain.status, plain.headers["x-request-id"], plain.problem["request_id"]) == (429, "mine-1", "mine-1")
        browser = wire.ask(post(large(), "/loss/planted", headers="Origin: http://x\r\n"))  # the application's, as it may have to say more
        assert set(plain.headers) == set(browser.headers)
        assert _rejected(wire) == before + 2


def test_what_would_be_rejected_for_good_is_not_asked_to_come_again() -> None:
    with Held(max_queue=0) as held, Wire(held.running) as wire:
        held.add(large())
        asked = {
            404: post(large(), "/loss/nothing"),
            415: post(large(), "/loss/planted", content_type="text/csv"),
            429: post(large(), "/loss/planted", content_type="application/json; charset=utf-8"),
            413: post(b"", "/loss/planted", length="99999999999"),
        }
        assert [wire.ask(request).status for request in asked.values()] == list(asked)


def test_a_stranger_is_told_so_also_where_there_is_no_place() -> None:
    with Held(max_queue=0, tokens="secret") as held, Wire(held.running) as wire:
        held.add(large(), "Authorization: Bearer secret\r\n")
        assert wire.ask(post(large(), "/loss/planted")).status == 401
        assert wire.ask(post(large(), "/loss/planted", headers="Authorization: Bearer secret\r\n")).status == 429


def test_a_browser_is_told_that_it_may_read_a_rejection() -> None:
    with Held(max_queue=0, cors_origins="http://x") as held, Wire(held.running) as wire:
        held.add(large())
        rejected = wire.ask(post(large(), "/loss/planted", headers="Origin: http://x\r\n"))
        assert (rejected.status, rejected.headers["access-control-allow-origin"]) == (429, "http://x")


def test_who_reads_no_rejections_is_asked_for_no_more() -> None:
    with Held(max_queue=0, inline_bytes=10) as held, Wire(held.running, timeout=1) as wire:
        held.add(large())
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        with pytest.raises(TimeoutError):
            wire.socket.sendall(post() * 100_000)
        assert max(one.transport.get_write_buffer_size() for one in held.running.server.server_state.connections) < 1024 * 1024
        assert {wire.reply().status for _ in range(100)} == {429}


def test_what_could_only_be_begun_too_late_is_429_and_not_504() -> None:
    with planted(lambda _: time.sleep(0.3)), serving(compute_threads=1, compute_seconds=1.5, max_queue=100) as running:
        wires = [Wire(running) for _ in range(20)]
        assert wires[0].ask(post(large(), "/loss/planted")).status == 200  # now it is known how long one takes
        for wire in wires:
            wire.send(post(large(), "/loss/planted"))
        statuses = [wire.reply().status for wire in wires]
        for wire in wires:
            wire.socket.close()
    assert statuses.count(429) >= 10
    assert statuses.count(200) >= 2


def test_beyond_the_queued_bytes_is_429() -> None:
    body = large()
    with Held(max_body_bytes=len(body), max_queue_bytes=2 * len(body) + 10) as held, Wire(held.running) as wire:
        held.add(body), held.add(body)
        assert wire.ask(post(body, "/loss/planted")).status == 429
        half = Wire(held.running).send(post(body, "/loss/planted")[:280_000])
        assert half.reply().status == 429, "bytes count while they are being read too"
        half.socket.close()


def test_a_rejected_body_gives_its_bytes_back() -> None:
    with serving(max_body_bytes=200_000, max_queue_bytes=200_000, inline_bytes=1_000) as running, Wire(running) as wire:
        for _ in range(5):
            assert wire.ask(post(b"[" * 150_000)).status == 400
        assert running.pool.bytes == 0


def test_probes_and_small_requests_are_answered_while_all_threads_are_busy() -> None:
    with Held(max_queue=1) as held, Wire(held.running, timeout=5) as wire:
        held.add(large()), held.add(large())
        for _ in range(20):
            assert [wire.ask(asked).status for asked in (READY, LIVE, METRICS, post())] == [200] * 4
        assert held.running.pool.jobs == 2


def test_a_burst_of_ten_times_what_fits_is_served_or_rejected_and_then_all_is_as_before() -> None:
    body = json.dumps({"predictions": [0.5] * 40_000, "labels": [0.0] * 40_000}).encode()
    with serving(max_queue=8, compute_threads=2) as running:
        wires = [Wire(running, timeout=30) for _ in range(100)]
        for wire in wires:
            wire.send(post(body))
        statuses = [wire.reply().status for wire in wires]
        assert set(statuses) <= {200, 429}
        assert statuses.count(200) >= 10
        assert [wire.ask(post(body)).status for wire in wires[:5]] == [200] * 5, "the same connections serve on"
        assert (running.pool.jobs, running.pool.bytes) == (0, 0)
        for wire in wires:
            wire.socket.close()


@pytest.mark.parametrize("path", ["/loss/planted", "/loss/combination"])
def test_an_exception_that_nobody_expects_is_a_500_that_is_logged_once(caplog: pytest.LogCaptureFixture, path: str) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("not for the caller's eyes")

    for body in (b'{"predictions": [1]}', large()):
        term = b'{"terms": [{"loss": "planted", "inputs": ' + body + b"}]}"
        caplog.clear()
        with planted(fail), serving() as running, Wire(running) as wire:
            answer = wire.ask(post(term if path.endswith("combination") else body, path))
            assert (answer.status, answer.problem["type"]) == (500, "/problems/internal")
            assert b"ZeroDivision" not in answer.body
            assert b"eyes" not in answer.body
            assert wire.ask(post()).status == 200
        (record,) = [record for record in caplog.records if record.exc_info]
        assert answer.headers["x-request-id"] in record.getMessage()
        assert record.exc_info
        assert record.exc_info[0] is ZeroDivisionError


class Panic(BaseException):
    """Extension modules raise such."""


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, Panic, MemoryError, RecursionError])
@pytest.mark.parametrize("body", [b'{"predictions": [1]}', large()], ids=["on the event loop", "in the pool"])
def test_what_is_no_exception_is_a_500_too(raised: type[BaseException], body: bytes) -> None:
    def fail(_: object) -> None:
        raise raised

    with planted(fail), serving(compute_seconds=5) as running, Wire(running) as wire:
        answer = wire.ask(post(body, "/loss/planted"))
        assert (answer.status, answer.problem["type"]) == (500, "/problems/internal")
        assert wire.ask(post()).status == 200


def test_memory_of_large_requests_is_given_back() -> None:
    service = running()
    with service as url, httpx.Client(base_url=url, timeout=60) as client:

        def resident() -> int:
            return int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]) * 4096

        def ask(elements: int) -> int:
            body = json.dumps({key: [random.random() for _ in range(elements)] for key in ("predictions", "labels")}).encode()
            client.post("/loss/mean_squared_error", content=body, headers={"content-type": "application/json"}).raise_for_status()
            return len(body)

        ask(10)
        rest = resident()
        size = max(ask(500_000) for _ in range(3))
        wait_until(lambda: resident() < rest + size / 2, 10)
