"""Slow and vanishing clients: cut at their deadlines, and nothing to those who are not slow."""

from __future__ import annotations

import json
import logging
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from prometheus_client import REGISTRY

from tests.edge.wire import Serving, Wire, large, planted, post, serving, wait_until


@pytest.fixture(scope="module")
def hasty() -> Iterator[Serving]:
    with serving(header_seconds=0.5, body_seconds=0.5, idle_seconds=5) as running:
        yield running


def test_a_silent_socket_is_closed(hasty: Serving) -> None:
    with Wire(hasty) as wire:
        assert wire.closed()


def test_slow_headers_are_answered_with_408(hasty: Serving) -> None:
    with Wire(hasty) as wire:
        answer = wire.ask(post()[:20])
        assert (answer.status, answer.problem["type"]) == (408, "/problems/slow-headers")
        assert wire.closed()


def test_trickled_headers_have_an_absolute_deadline(hasty: Serving) -> None:
    with Wire(hasty) as wire:
        for byte in post()[:12]:
            wire.send(bytes([byte]))
            time.sleep(0.1)
            if len(hasty.server.server_state.connections) == 0:
                break
        assert wire.reply().status == 408


@pytest.mark.parametrize("kept", [True, False])
def test_a_slow_body_is_answered_with_408(hasty: Serving, kept: bool) -> None:
    with Wire(hasty) as wire:
        if kept:
            assert wire.ask(post()).status == 200
        answer = wire.ask(post()[:-5])
        assert (answer.status, answer.problem["type"]) == (408, "/problems/slow-body")
        assert wire.closed()


def test_a_trickled_chunked_body_has_an_absolute_deadline(hasty: Serving) -> None:
    with Wire(hasty) as wire:
        wire.send(b"POST /loss/mse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(9):
            time.sleep(0.1)
            if hasty.server.server_state.connections:
                wire.send(b"1\r\n \r\n")
        assert wire.reply().status == 408


def test_the_rest_of_a_rejected_body_is_waited_for_no_longer_than_a_body(hasty: Serving) -> None:
    with Wire(hasty) as wire:
        assert wire.ask(post(b"x", length=str(10**12))).status == 413
        assert wire.closed()


HALF_A_MILLION = json.dumps({"predictions": [0.123456789] * 500_000, "labels": [1] * 500_000}).encode()


@contextmanager
def responding(send_seconds: float, min_send_rate: int = 16 * 1024, body: bytes = HALF_A_MILLION) -> Iterator[tuple[Serving, Wire]]:
    """A connection whose response of some 20 MB waits to be read."""
    with serving(send_seconds=send_seconds, min_send_rate=min_send_rate) as running, Wire(running) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        wire.send(post(body))
        wait_until(lambda: unsent(running) > 10_000_000)
        yield running, wire


def unsent(running: Serving) -> float:
    return REGISTRY.get_sample_value("loss_unsent_bytes") or 0


def test_bytes_of_responses_count_until_they_are_read() -> None:
    with responding(send_seconds=30) as (running, wire):
        held = unsent(running)
        for _ in range(40):
            wire.socket.recv(256 * 1024)
        wait_until(lambda: unsent(running) < held - 1_000_000)
        wire.socket.close()
        wait_until(lambda: unsent(running) == 0)


def test_a_client_that_does_not_read_the_response_is_cut() -> None:
    with responding(send_seconds=0.5) as (running, _):
        wait_until(lambda: not running.server.server_state.connections)


def test_a_client_that_reads_less_than_the_least_rate_is_cut() -> None:
    with responding(send_seconds=1, min_send_rate=100_000) as (running, wire):
        end = time.monotonic() + 20
        while running.server.server_state.connections:
            assert time.monotonic() < end
            with suppress(OSError):
                wire.socket.recv(500)
            time.sleep(0.05)


def test_a_client_that_reads_steadily_is_never_cut() -> None:
    """At 300 KB/s, in steps that the kernel makes larger, for many times the deadline."""
    with responding(send_seconds=2) as (_, wire):
        for _ in range(120):
            assert wire.socket.recv(15_000), "closed"
            time.sleep(0.05)
        while not wire.buffer.endswith(b"}"):
            wire.buffer = wire.buffer[-10:] + (wire.socket.recv(1 << 20) or pytest.fail("closed"))


def test_a_half_closed_connection_counts_as_closed(hasty: Serving) -> None:
    with Wire(hasty) as wire:
        wire.send(post()[:-5])
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.closed()


def test_a_thousand_slow_clients_do_not_hinder_a_good_one() -> None:
    """Silent, in the headers, in the body, and half closed with an answer still to come."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most), most))  # both ends are in this process
    with serving(header_seconds=2, body_seconds=2) as running, Wire(running, timeout=5) as good:
        alone = [spent(good) for _ in range(200)]
        slow = [running.connect() for _ in range(1_000)]
        for one in slow[250:500]:
            one.sendall(post()[:25])
        for one in slow[500:]:
            one.sendall(post()[:-5])
        for one in slow[750:]:
            one.shutdown(socket.SHUT_WR)
        wait_until(lambda: len(running.server.server_state.connections) > 700)
        among = []
        while len(running.server.server_state.connections) > 1:
            among.append(spent(good))
        for one in slow:
            one.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    assert len(among) > 100
    assert np.mean(among) < 3 * np.mean(alone) + 0.001


def spent(good: Wire) -> float:
    """Seconds of the processor, for both ends; the clock's would be the machine's load too."""
    start = time.process_time()
    assert good.ask(post()).status == 200
    return time.process_time() - start


def test_who_hangs_up_before_its_computation_costs_none(caplog: pytest.LogCaptureFixture) -> None:
    computed, held = [], threading.Event()

    def note(_: object) -> None:
        computed.append(1)
        held.wait(20)

    with caplog.at_level(logging.INFO), planted(note), serving(compute_threads=1) as running:
        with Wire(running) as first, Wire(running) as second:
            first.send(post(large(), "/loss/planted"))
            wait_until(lambda: len(computed) == 1)
            second.send(post(large(), "/loss/planted"))
            wait_until(lambda: running.pool.waiting == 1)
            second.socket.close()
            wait_until(lambda: running.pool.waiting == 0)
            held.set()
            assert first.reply().status == 200
            wait_until(lambda: running.pool.bytes == 0)
        assert len(computed) == 1
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


@pytest.mark.parametrize("cut", [10, 60, 120, -5])
def test_who_hangs_up_while_sending_leaves_nothing_behind(served: Serving, caplog: pytest.LogCaptureFixture, cut: int) -> None:
    with Wire(served) as wire:
        wire.send(post(large())[:cut])
    wait_until(lambda: not served.server.server_state.connections and not served.server.server_state.tasks)
    assert served.pool.bytes == 0
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
