"""Requests that are sent before the responses are read: each is answered in its order, whatever follows it, in bounded memory."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import pytest

from service.server.protocol import Protocol
from tests.edge.wire import GOOD, Reply, Serving, Wire, large, planted, post, serving, wait_until

LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKS = b"%x\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(GOOD), GOOD)
CHUNKED = b"POST /loss/mse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
OFFER = post(headers="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n")
REQUESTS = {
    "GET": LIVE,
    "HEAD": LIVE.replace(b"GET", b"HEAD"),
    "POST": post(),
    "chunked": CHUNKED,
    "an offer of HTTP/2": OFFER,
    "GET with a body": LIVE.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"),
    "in the pool": post(large(), "/loss/mean_squared_error").replace(b"predictions", b"prediction_"),
}
MOST_HELD = 1024 * 1024  # bytes: what one read from the socket brings is a quarter of it


def held(running: Serving) -> int:
    """Bytes that the server has for its connections, beside requests under way."""
    connections = [one for one in running.server.server_state.connections if isinstance(one, Protocol)]
    sizes: list[int] = [len(one.received) + one.transport.get_write_buffer_size() for one in connections]
    return sum(sizes)


def flood(wire: Wire, data: bytes, times: int) -> int:
    """Send as much of it as the server takes; the number of bytes."""
    wire.socket.settimeout(1)
    sent, view = 0, memoryview(data * times)
    with suppress(TimeoutError):
        while sent < len(view):
            sent += wire.socket.send(view[sent:])
    return sent


@pytest.mark.parametrize("request_", [LIVE, post(), OFFER, CHUNKED], ids=["GET", "POST", "h2c", "chunked"])
def test_requests_whose_responses_are_not_read_wait_in_the_clients_memory(request_: bytes) -> None:
    with serving() as running, Wire(running) as wire:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        times = 29_000_000 // len(request_)
        assert flood(wire, request_, times) < 29_000_000
        assert held(running) < MOST_HELD
        wire.socket.settimeout(10)
        assert {wire.reply().status for _ in range(500)} == {200}


@pytest.mark.parametrize("request_", [LIVE, post(), post(large())], ids=["GET", "POST", "large POST"])
def test_requests_behind_a_computation_wait_in_the_clients_memory(request_: bytes) -> None:
    """The computation waits for a sign that its client is gone, and must not read requests for it."""
    gate = threading.Event()
    with planted(lambda _: gate.wait(60)), serving() as running, Wire(running, timeout=20) as wire:
        wire.send(post(large(), "/loss/planted"))
        wait_until(lambda: running.pool.jobs == 1)
        assert flood(wire, request_, 29_000_000 // len(request_)) < 29_000_000
        assert held(running) < MOST_HELD
        assert len(running.server.server_state.tasks) == 1
        gate.set()
        wire.socket.settimeout(20)
        assert wire.reply().status == 200


def test_offers_to_change_the_protocol_are_all_answered(served: Serving) -> None:
    with Wire(served, timeout=30) as wire:
        sending = threading.Thread(target=wire.send, args=(OFFER * 600,))
        sending.start()
        assert [wire.reply().status for _ in range(600)] == [200] * 600
        sending.join()


def statuses(wire: Wire) -> list[int]:
    """Those of all responses until the connection ends."""
    found = []
    with suppress(EOFError):
        while True:
            found.append(wire.reply().status)
    return found


GARBAGE = [
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01",
    b"}\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00" * 300,
    b"GET /\xff HTTP/1.1\r\n\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("good", REQUESTS)
def test_broken_bytes_behind_a_good_request_do_not_take_its_response(served: Serving, good: str, garbage: bytes) -> None:
    with Wire(served) as wire:
        wire.send(LIVE + REQUESTS[good] + garbage)
        if good == "HEAD":
            assert wire.reply().status == 200
            assert head(wire).status == 200
            last = wire.reply()
        else:
            found = [wire.reply() for _ in range(3)]
            assert [one.status for one in found[:2]] == [200, 422 if good == "in the pool" else 200]
            last = found[2]
        assert (last.status, last.headers["connection"], last.problem["type"]) == (400, "close", "/problems/malformed-request")
        assert wire.closed()


def head(wire: Wire) -> Reply:
    """A response to HEAD."""
    while b"\r\n\r\n" not in wire.buffer:
        wire.buffer += wire.socket.recv(65536) or pytest.fail("closed")
    text, _, wire.buffer = wire.buffer.partition(b"\r\n\r\n")
    status, *lines = text.decode().split("\r\n")
    return Reply(int(status.split()[1]), dict(line.split(": ", 1) for line in lines), b"")


def test_a_body_that_is_longer_than_its_length_is_answered_twice(served: Serving) -> None:
    with Wire(served) as wire:
        wire.send(post(GOOD + b"[1, 2, 3]", length=str(len(GOOD))))
        assert statuses(wire) == [200, 400]
    with Wire(served) as wire:
        wire.send(post(GOOD, length=str(len(GOOD) - 1)))
        assert [wire.reply().status] == [400]
        assert wire.reply().problem["type"] in ("/problems/malformed-request", "/problems/slow-headers")


def test_a_body_without_a_length_is_a_request_without_a_body_and_broken_bytes(served: Serving) -> None:
    with Wire(served) as wire:
        wire.send(post().replace(b"Content-Length", b"X-Length"))
        assert statuses(wire) == [400, 400]


def test_a_body_that_is_shorter_than_its_length_is_waited_for_and_answered_with_408() -> None:
    with serving(body_seconds=0.4) as running, Wire(running) as wire:
        wire.send(post(GOOD, length=str(len(GOOD) + 1)))
        assert statuses(wire) == [408]


def test_bytes_behind_the_last_request_do_not_reset_the_connection_under_its_response(served: Serving) -> None:
    """A close with unread bytes would make the client's system throw the response away."""
    for data in (post(headers="Connection: close\r\n"), post().replace(b"HTTP/1.1", b"HTTP/1.0")):
        with Wire(served) as wire:
            wire.send(data + b"x" * 3_000_000)
            time.sleep(0.2)
            assert wire.reply().status == 200
            assert wire.closed()


def test_a_body_behind_a_slow_computation_has_its_own_time() -> None:
    gate = threading.Event()
    with planted(lambda _: gate.wait(20)), serving(body_seconds=0.3, header_seconds=0.3) as running, Wire(running) as wire:
        wire.send(post(large(), "/loss/planted"))
        wait_until(lambda: running.pool.jobs == 1)
        wire.send(post()[:-10])
        time.sleep(1)
        gate.set()
        wire.send(post()[-10:])
        assert [wire.reply().status for _ in range(2)] == [200, 200]


def test_a_client_that_closes_its_side_gets_its_response(served: Serving) -> None:
    for data in (post(), post(large()), LIVE, LIVE + post() + CHUNKED):
        with Wire(served) as wire:
            wire.send(data)
            wire.socket.shutdown(socket.SHUT_WR)
            found = statuses(wire)
            assert len(found) == data.count(b"HTTP/1.1")
            assert set(found) <= {200, 422}


def test_where_bytes_are_cut_changes_nothing(served: Serving) -> None:
    data = b"\r\n" + CHUNKED + LIVE + OFFER + post(b"") + CHUNKED.replace(CHUNKS, b"4\r\n\r\n\r\n\r\n0\r\n\r\n") + LIVE
    expected = [200, 200, 200, 400, 400, 200]
    for size in (1, 2, 3, 5, 7, 64, len(data)):
        with Wire(served) as wire:
            wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, len(data), size):
                wire.send(data[start : start + size])
            assert [wire.reply().status for _ in expected] == expected, size


@pytest.mark.parametrize("before", [b"", LIVE, post()], ids=["alone", "behind GET", "behind POST"])
def test_the_cap_on_headers_holds_for_pipelined_heads(before: bytes) -> None:
    fits, exceeds = (b"GET /info HTTP/1.1\r\nHost: x\r\nA: %b\r\n\r\n" % (b"b" * size) for size in (1_900, 2_100))
    with serving(max_header_bytes=2_000) as running, Wire(running) as wire:
        wire.send((before + fits) * 5 + before + exceeds)
        found = statuses(wire)
        assert set(found[:-1]) == {200}
        assert found[-1] == 431


@pytest.mark.parametrize("endless", [b"A: b\r\n", b"A: " + b"b" * 1_000, b"b" * 1_000], ids=["trailers", "a trailer", "an extension"])
def test_endless_trailers_and_extensions_are_rejected(endless: bytes) -> None:
    head = CHUNKED[: -len(b"Trailer: x\r\n\r\n")] if b"A" in endless else CHUNKED[: -len(CHUNKS)] + b"1;x="
    with serving() as running, Wire(running) as wire:
        with suppress(ConnectionError):
            wire.send(head + endless * (10_000_000 // len(endless)))
        assert statuses(wire) == [431]


def test_many_small_slices_leave_other_connections_their_turn(served: Serving) -> None:
    """A chunk full of what could end a message: the parser gets it in slices of four bytes."""
    body = b"\r\n\r\n" * 500_000
    request_ = CHUNKED[: -len(CHUNKS)] + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with Wire(served, timeout=60) as busy, Wire(served) as other:
        sending = threading.Thread(target=busy.send, args=(request_,))
        sending.start()
        slowest = 0.0
        while sending.is_alive():
            start = time.perf_counter()
            assert other.ask(LIVE).status == 200
            slowest = max(slowest, time.perf_counter() - start)
        assert busy.reply().status == 400
    assert slowest < 1, "a whole body at once would be a second"
