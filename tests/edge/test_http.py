"""Requests at the edges of HTTP: framing, methods, headers, codings and versions; each gets a documented status, and the connection serves on or closes."""

from __future__ import annotations

import gzip
import re
import time
import zlib

import pytest

from tests.edge.wire import GOOD, Serving, Wire, post, serving, zstd

BINARY = "application/vnd.safetensors"


def test_a_million_chunks_of_one_byte(served: Serving) -> None:
    body = GOOD[:-1] + b" " * (1_000_000 - len(GOOD)) + b"}"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = b"POST /loss/mse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with Wire(served, timeout=30) as wire:
        assert wire.ask(head + chunks).status == 200
        assert wire.ask(post()).status == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (post(content_type="text/plain"), 415),
        (post().replace(b"Content-Type: application/json\r\n", b""), 415),
        (post(headers="Content-Encoding: br\r\n"), 415),
        (post(headers="Content-Encoding: gzip, gzip\r\n"), 415),
        (post(headers="Content-Encoding: gzip\r\n"), 400),
        (post(headers="Content-Encoding: zstd\r\n"), 400),
        (post(gzip.compress(GOOD)[:-4], headers="Content-Encoding: gzip\r\n"), 400),
        (post(gzip.compress(GOOD) * 2, headers="Content-Encoding: gzip\r\n"), 400),  # two documents
        (post(gzip.compress(GOOD) + b"x", headers="Content-Encoding: gzip\r\n"), 400),
        (post(gzip.compress(GOOD) + gzip.compress(b" ")[:-1], headers="Content-Encoding: gzip\r\n"), 400),
        (post(zlib.compress(GOOD) * 2, headers="Content-Encoding: deflate\r\n"), 400),
        (post(zstd.compress(GOOD) + b"x", headers="Content-Encoding: zstd\r\n"), 400),
        (post(zstd.compress(GOOD) + zstd.compress(b" ")[:-1], headers="Content-Encoding: zstd\r\n"), 400),
        (post(path="/loss/no_such_loss"), 404),
        (post(path="/loss/%00%ff"), 404),
        (post(path="/loss/" + "a" * 10_000), 404),
        (post(path="/nothing"), 404),
        (b"GET /loss/no_such_loss HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"PUT /loss/mse HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"TRACE /loss HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"POST /loss/mse HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_http_can_say_is_answered_and_the_connection_serves_on(served: Serving, data: bytes, status: int) -> None:
    with Wire(served) as wire:
        answer = wire.ask(data)
        assert answer.status == status, answer
        assert answer.problem
        assert wire.ask(post()).status == 200


@pytest.mark.parametrize(("path", "methods"), {"/loss/mse": "GET, HEAD, POST", "/loss": "GET, HEAD", "/metrics": "GET, HEAD"}.items())
def test_a_method_that_a_path_does_not_have_is_told_which_it_has(served: Serving, path: str, methods: str) -> None:
    with Wire(served) as wire:
        answer = wire.ask(f"DELETE {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (answer.status, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"BREW /pot HTTP/1.1\r\n\r\n", 400),
        (b"GET /info HTTP/1.1\r\n\r\n", 400),
        (b"GET /info HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET /info HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /info HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /info HTTP/1.1\nHost: x\n\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (post(length="99999999999999999999"), 400),
        (post(length="-1"), 400),
        (post(length="1, 2"), 400),
        (post(headers="Content-Length: 7\r\n"), 400),
        (post(headers="Transfer-Encoding: chunked\r\n"), 400),
        (b"POST /loss/mse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 300_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 300_000, 431),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_http_is_answered_and_the_connection_ends(served: Serving, data: bytes, status: int) -> None:
    with Wire(served) as wire:
        answer = wire.ask(data)
        assert answer.status == status
        assert answer.problem
        assert answer.headers["connection"] == "close"
        assert wire.closed()


def test_expect_continue_is_answered_before_the_body_or_rejected_without_it(served: Serving) -> None:
    with Wire(served) as wire:
        wire.send(post(b"", headers="Expect: 100-continue\r\n", length=str(len(GOOD))))
        assert wire.reply().status == 100
        assert wire.ask(GOOD).status == 200
    with Wire(served) as wire:
        rejected = wire.ask(post(b"", headers="Expect: 100-continue\r\n", length=str(10**12)))
        assert (rejected.status, rejected.headers["connection"]) == (413, "close")
        assert wire.closed()


@pytest.mark.parametrize(
    "headers",
    [
        "Expect: miracles\r\n",
        "Accept: nonsense/*;;;q=\r\n",
        "Accept-Encoding: ;q=,,;\r\n",
        "Cookie: a=b\r\n" * 1_000,
        "Content-Type: application/json\r\n",
        "Authorization: Bearer nobody\r\n" * 2,
        "X-Request-ID: a\r\nX-Request-ID: b\r\n",
        "Range: bytes=0-1\r\nIf-None-Match: *\r\n",
    ],
    ids=lambda value: value[:30],
)
def test_odd_and_repeated_headers_change_nothing(served: Serving, headers: str) -> None:
    with Wire(served) as wire:
        assert [wire.ask(post(headers=headers)).body for _ in range(2)] == [wire.ask(post()).body] * 2


@pytest.mark.parametrize(
    "upgrade", ["Connection: Upgrade\r\nUpgrade: websocket", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA"]
)
def test_an_upgrade_is_ignored(served: Serving, upgrade: str) -> None:
    request = post(headers=upgrade + "\r\n")
    with Wire(served) as wire:
        assert [wire.ask(request).status, wire.ask(request).status] == [200, 200]
        wire.send(request[:-10])
        assert wire.ask(request[-10:]).status == 200


def test_pipelined_requests_are_answered_in_their_order(served: Serving) -> None:
    with Wire(served) as wire:
        wire.send(post() + post(b"{}") + post(path="/loss/none") + post())
        assert [wire.reply().status for _ in range(4)] == [200, 422, 404, 200]


HALVES = GOOD[:20], GOOD[20:]
SKIPPED = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
CODED = {
    "gzip": gzip.compress(GOOD),
    "x-gzip": gzip.compress(GOOD),
    "GZIP": b"".join(map(gzip.compress, HALVES)),
    "gzip ": b"".join(map(gzip.compress, (b"", *HALVES, b""))),
    "deflate": zlib.compress(GOOD),
    "zstd": zstd.compress(GOOD),
    "Zstd": b"".join(map(zstd.compress, HALVES)) + SKIPPED,
}


@pytest.mark.parametrize("coding", CODED)
def test_a_coded_body_reads_as_the_plain_one(served: Serving, coding: str) -> None:
    with Wire(served) as wire:
        assert wire.ask(post(CODED[coding], headers=f"Content-Encoding: {coding}\r\n")).body == wire.ask(post()).body


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_members_have_their_caps_together(coding: str) -> None:
    pack, headers = gzip.compress if coding == "gzip" else zstd.compress, f"Content-Encoding: {coding}\r\n"
    with serving(max_decompressed_bytes=50_000) as running, Wire(running, timeout=60) as wire:
        assert wire.ask(post(pack(GOOD) + pack(b" " * (50_000 - len(GOOD))), headers=headers)).status == 200
        assert wire.ask(post(pack(GOOD) + pack(b" " * (50_001 - len(GOOD))), headers=headers)).status == 413
        assert wire.ask(post(pack(GOOD) + pack(b"\0" * 10_000_000) * 100, headers=headers)).status == 413
        start = time.process_time()
        assert wire.ask(post(pack(b"") * 1_000_000, headers=headers)).status == 400
        assert time.process_time() - start < 2, "a million empty members"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", "application/json"),
        (BINARY, BINARY),
        (f"{BINARY};q=0.5, application/json;q=0.4", BINARY),
        (f"{BINARY};q=0.4, application/json;q=0.5", "application/json"),
        (f"{BINARY};q=0, */*", "application/json"),
        ("application/json;q=0, */*;q=0.1", BINARY),
        (f"application/json, {BINARY}", "application/json"),
        (f"{BINARY}, */*;q=0.1", BINARY),
        (f"*/*;q=0.1, {BINARY.upper()} ; Q=0.9", BINARY),
        ("text/html, */*", "application/json"),
        ("text/html", "application/json"),
        ("application/*", "application/json"),
        (f"{BINARY};q=nan, application/json;q=1e9", "application/json"),
    ],
)
def test_accept_chooses_by_its_weights(served: Serving, accept: str, expected: str) -> None:
    with Wire(served) as wire:
        assert wire.ask(post(headers=f"Accept: {accept}\r\n")).headers["content-type"] == expected


@pytest.mark.parametrize("path", ["/loss/mse/", "/loss/", "/info/", "/health/live/", "/metrics//"])
def test_a_trailing_slash_is_a_404_with_the_right_path(served: Serving, path: str) -> None:
    for request in (post(path=path), f"GET {path} HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n".encode()):
        with Wire(served) as wire:
            answer = wire.ask(request)
        assert answer.status == 404
        assert "location" not in answer.headers
        assert b"elsewhere" not in answer.body
        if request.startswith(b"GET") or path == "/loss/mse/":
            assert answer.problem["did_you_mean"] == [path.rstrip("/")]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/loss/mse", "/loss", "/info", "/docs", "/openapi.json", "/nothing"])
def test_head_is_get_without_the_body(served: Serving, path: str) -> None:
    with Wire(served, timeout=60) as wire:
        got = wire.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wire.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = b""
        while data := wire.socket.recv(65536):
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    assert body == b""
    assert head.split()[1] == str(got.status).encode()
    length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
    assert length == len(got.body) or path == "/metrics"


@pytest.mark.parametrize("connection", ["", "Connection: keep-alive\r\n"])
def test_http_1_0_is_answered_and_closed_and_never_told_to_continue(served: Serving, connection: str) -> None:
    request = post(headers=f"Expect: 100-continue\r\n{connection}").replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host: x\r\n", b"")
    with Wire(served) as wire:
        answer = wire.ask(request)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert "transfer-encoding" not in answer.headers
        assert wire.closed()


@pytest.mark.parametrize("given", ["a b", "ä", "x" * 101, "", "\x01"])
def test_only_a_plain_request_id_is_taken_over(served: Serving, given: str) -> None:
    with Wire(served) as wire:
        answer = wire.ask(post(headers="").replace(b"Host: x\r\n", b"Host: x\r\nX-Request-ID: " + given.encode("latin-1") + b"\r\n"))
        assert answer.status in (200, 400)
        assert answer.headers["x-request-id"].isalnum() or answer.headers["x-request-id"] == given
