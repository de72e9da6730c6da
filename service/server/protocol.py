"""uvicorn's protocol with deadlines, a cap on headers, bounded pipelining, and problem documents for invalid HTTP.

A connection is in one of five phases. One sweep over all connections, a few times a second, finds those whose deadline has passed, so
that a deadline costs a request nothing but an assignment.

The parser gets one message at a time. Bytes that follow wait until its response is written, and reading pauses meanwhile: a client that
sends requests without reading the responses fills its own buffers, and broken bytes behind a good request cannot take its response away.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
import urllib.parse
from contextlib import suppress
from enum import IntEnum
from math import inf
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.errors import Failure
from service.http.admission import Life
from service.http.body import INTO
from service.http.endpoint import LossEndpoint, is_for_losses
from service.http.responses import VIEWS, request_id_of
from service.server.cycle import END, Cycle, RejectedCycle
from service.server.rounds import Rounds
from service.server.upload import Upload
from service.settings import Settings
from service.telemetry.requests import Request

APPLICATION = frozenset([b"origin", b"traceparent", b"expect"])  # headers that only the application handles
EXTENSIONS: dict[str, dict[Any, Any]] = {VIEWS: {}}  # a transport writes memoryviews, so that large arrays go out without a copy
LINGER_SECONDS = 0.5  # for a last response to be read before the connection is cut, and for late requests after the listener has closed
SLICE = 64 * 1024  # bytes that the parser gets at a time, and
SLICES = 256  # how many of them before other connections have a turn: both keep one turn of the event loop under 10 ms
CLOSE = {"Connection": "close"}
READ_AHEAD = 512 * 1024  # bytes of a body that wait for the application: each pause is a turn of the event loop, which waits for the interpreter
UPLOADED_BYTES = 64 * 1024
BYTES_ACKED = 120  # offset of tcpi_bytes_acked in Linux's struct tcp_info (linux/tcp.h)


class Phase(IntEnum):
    """Phase of a connection: the event that it waits for."""

    IDLE = 0  # the first byte of a request
    HEADERS = 1  # the rest of its headers
    BODY = 2  # the rest of its body
    RESPONSE = 3  # the application
    CLOSING = 4  # the client to close


class _Discard(list[tuple[bytes, bytes]]):
    """A list of headers that keeps none: trailers go here."""

    def append(self, item: tuple[bytes, bytes]) -> None:
        pass


class _Flow(FlowControl):
    """uvicorn's flow control, which does not resume reading while received bytes wait for the parser."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()

    def hold(self, held: bool) -> None:
        self.held = held
        if held:
            self.pause_reading()
        else:
            self.resume_reading()


class _Outlet:
    """The transport as a cycle sees it: `close` lets the last response be read first."""

    def __init__(self, protocol: Protocol) -> None:
        self.write, self.is_closing, self.close = protocol.transport.write, protocol.transport.is_closing, protocol.close_gently


class Protocol(HttpToolsProtocol):
    """One connection."""

    cycle: Cycle

    def __init__(self, *args: Any, settings: Settings, life: Life, losses: LossEndpoint, rounds: Rounds, siblings: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings, self.life, self.losses, self.rounds, self.siblings = settings, life, losses, rounds, siblings
        self.phase, self.deadline = Phase.IDLE, inf
        self.received, self.parsed = b"", 0  # received[parsed:] waits for the parser
        self.seam = b""  # the last bytes that were parsed, where END may have begun
        self.header_bytes = 0  # of a head, or of a chunked body since its last byte of data
        self.body_left = -1  # bytes of a body by its Content-Length; -1 where it is chunked
        self.upload: Upload | None = None
        self.half_closed = self.starting = False
        self.taken, self.cut_at = 0, inf

    # ------------------------------------------------------------------ bytes come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow: _Flow = _Flow(transport)
        self.outlet = _Outlet(self)
        if self.siblings:
            time.sleep(1e-9)  # lets another worker wake and accept the next one: of 16 made at once, mostly one worker had all
        self.deadline = self.loop.time() + self.settings.header_seconds

    def data_received(self, data: bytes = b"") -> None:
        """Feed the parser up to the end of one message; without data, those bytes that wait."""
        if self.phase is Phase.CLOSING or self.parser is None or self.transport.is_closing():
            return
        self.received, self.parsed = (self.received[self.parsed :] + data if self.received else data), 0
        for _ in range(SLICES):
            if self.phase >= Phase.RESPONSE or (start := self.parsed) == len(self.received):
                break
            if self.phase is Phase.BODY and self.body_left >= 0:
                self.parsed = min(start + self.body_left, len(self.received))
                self.body_left -= self.parsed - start
            else:
                self.parsed = self._end(start)
                self.header_bytes += self.parsed - start
            try:
                self.parser.feed_data(memoryview(self.received)[start : self.parsed])
            except httptools.HttpParserUpgrade:
                self._ignore_upgrade()
            except httptools.HttpParserError:
                self.reject("malformed-request", "these bytes are not HTTP/1.1")
            if self.header_bytes > self.settings.max_header_bytes and self.phase <= Phase.BODY:
                self._reject_large_headers()
        else:
            self.loop.call_soon(self.data_received)
        if self.parsed == len(self.received):
            self.received, self.parsed = b"", 0
        if self.flow.held != (self.received != b""):
            self.flow.hold(self.received != b"")
        if self.starting:  # all bytes that have come are parsed: a small body is there
            self.starting = False
            if self.body_left > UPLOADED_BYTES:
                self.cycle.upload = self._upload
                self.scope["extensions"] = EXTENSIONS | {INTO: {"receive": self.cycle.receive_into}}
            if is_for_losses(self.scope["method"], self.scope["path"]):
                self.rounds.add(self.cycle.run_asgi(self.app), self)
            else:
                self._start_asgi_task(self.cycle, self.app)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Close, unless a whole request waits for its response: a client may close its side after its last request (`nc -N`).

        One that has gone looks the same, so it is given up after a moment, and its computation with it.
        """
        if self.phase is not Phase.RESPONSE:
            return False
        self.half_closed, self.cycle.keep_alive = True, False
        self.deadline = self.loop.time() + LINGER_SECONDS
        return True

    def _end(self, start: int) -> int:
        """Return the place after the next END, or else the end of the received bytes; a message without Content-Length ends in END."""
        if self.seam:
            found = (self.seam + self.received[start : start + len(END) - 1]).find(END)
            if found >= 0:
                start += found + len(END) - len(self.seam)
                self.seam = b""
                return start
        found = self.received.find(END, start, start + SLICE)
        if found >= 0:
            self.seam = b""
            return found + len(END)
        end = min(len(self.received), start + SLICE)
        self.seam = (self.seam + self.received[max(start, end - len(END) + 1) : end])[1 - len(END) :]
        return end

    def _ignore_upgrade(self) -> None:
        """Parse the head again without its offer to change the protocol: Java's client offers HTTP/2 with every first request."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.reject("malformed-request", "CONNECT: this service is not a proxy")
            return
        kept = [item for item in self.headers if item[0] not in (b"upgrade", b"connection", b"http2-settings")]
        if any(name == b"connection" and b"close" in value.lower() for name, value in self.headers):
            kept.append((b"connection", b"close"))
        self.parser = httptools.HttpRequestParser(self)
        head = method + b" " + self.url + b" HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % item for item in kept) + b"\r\n"
        self.received, self.parsed, self.header_bytes = head + self.received[self.parsed :], 0, 0

    # ------------------------------------------------------------------ the parser's callbacks

    def on_message_begin(self) -> None:
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self.phase, self.deadline = Phase.HEADERS, self.loop.time() + self.settings.header_seconds

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # the parser stops here
        if self.header_bytes > self.settings.max_header_bytes:
            self._reject_large_headers()
            raise ValueError("stops the parser")
        version = self.parser.get_http_version()
        if problem := self._misdirected(version):
            self.reject("malformed-request", problem)
            raise ValueError("stops the parser")
        if self.body_left > self.settings.inline_bytes and self.losses.pool.full and self._reject_at_once(version):
            self.cycle = RejectedCycle()  # type: ignore[assignment]
        else:
            self._begin(version)
        self.headers, self.header_bytes = _Discard(), 0
        self.phase, self.deadline = Phase.BODY, self.loop.time() + self.settings.body_seconds

    def _misdirected(self, version: str) -> str:
        """Return the problem of a request that RFC 9112 forbids and the parser accepts, or "". Also records the body's length."""
        hosts, self.body_left = 0, 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                self.body_left = int(value.lstrip(b"0") or 0)
            elif name == b"transfer-encoding":
                self.body_left = -1
        if version not in ("1.1", "1.0"):
            return f"expected HTTP/1.1 or HTTP/1.0, got HTTP/{version}"
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            return f"Host: expected exactly one, got {hosts}"
        return ""

    def _begin(self, version: str) -> None:
        """Prepare the application's part of the request whose head is complete."""
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        expects = self.expect_100_continue and version == "1.1"
        self.scope = {  # type: ignore[typeddict-unknown-key, unused-ignore]
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "method": self.parser.get_method().decode("ascii"),
            "root_path": self.root_path,
            "path": self.root_path + (urllib.parse.unquote(path) if "%" in path else path),
            "raw_path": self.root_path.encode("ascii") + url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
            "extensions": EXTENSIONS,
        }
        self.cycle = Cycle(
            scope=self.scope,
            transport=self.outlet,  # type: ignore[arg-type]
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=expects,
            # after an early rejection an expected body may still arrive; when draining, a connection pool should connect elsewhere
            keep_alive=version == "1.1" and self.parser.should_keep_alive() and not expects and not self.life.draining,
            on_response=self.on_response_complete,
        )
        self.cycle.body = b""
        self.starting = True

    def _reject_at_once(self, version: str) -> bool:
        """Reject a large body by its headers alone: with ten times too many callers, a task for each costs as much as the work."""
        headers, path = dict(self.headers), self.url.decode("latin-1")
        kept = self.parser.should_keep_alive() and version == "1.1" and not self.life.draining
        if self.flow.write_paused or not kept or not APPLICATION.isdisjoint(headers) or not is_for_losses(self.parser.get_method().decode(), path):
            return False
        request = Request(request_id_of(headers), "POST", path, headers)
        problem = self.losses.rejection(path, headers, self.body_left, request)
        if problem:
            self._write(problem, request, self.server_state.default_headers)
            self.server_state.total_requests += 1
        return problem is not None

    def on_body(self, body: bytes) -> None:
        self.header_bytes = 0
        if not self.cycle.response_complete:
            held: bytes | bytearray = self.cycle.body
            if not held:
                self.cycle.body = body
            elif isinstance(held, bytearray):
                held += body
            else:
                self.cycle.body = bytearray().join((held, body))
            if len(self.cycle.body) > (READ_AHEAD if self.body_left >= 0 else HIGH_WATER_LIMIT):  # chunks may be of one byte each
                self.flow.pause_reading()
            self.cycle.message_event.set()

    def _upload(self, rest: memoryview) -> None:
        """Read the rest of the body into a buffer, past the parser, unless some of it has come."""
        if self.upload is None and self.phase is Phase.BODY and not self.received and self.body_left == len(rest):
            self.upload = Upload(self, rest)
            self.transport.set_protocol(self.upload)
        if self.flow.read_paused:
            self.flow.resume_reading()

    def uploaded(self, count: int) -> bool:
        """Count bytes of the body that have come past the parser. Returns False where they are no longer read."""
        if self.phase is not Phase.BODY:
            return False
        self.body_left -= count
        self.cycle.uploaded += count
        self.cycle.message_event.set()
        if not self.body_left:
            self.upload = None
            self.transport.set_protocol(self)
            self.parser = httptools.HttpRequestParser(self)  # the one before still waits for these bytes
            self.on_message_complete()
        return True

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self.phase, self.deadline, self.header_bytes = Phase.RESPONSE, inf, 0
        if self.cycle.response_complete:  # rejected early, and the rest of its body has gone by
            self.phase, self.deadline = Phase.IDLE, self.loop.time() + self.settings.idle_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._disconnected()
        super().connection_lost(exc)

    def _disconnected(self) -> None:
        if self.cycle is not None and "request" in self.cycle.scope["state"]:
            self.cycle.scope["state"]["request"].disconnected = True

    # ------------------------------------------------------------------ responses

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.phase is not Phase.CLOSING and self.transport.is_closing():  # a write has failed; connection_lost comes after the last one
            self._disconnected()
        if self.upload:
            self.upload.discard()
        if self.flow.read_paused:
            self.flow.resume_reading()  # a body that the application did not read may have stopped it
        if self.phase is Phase.RESPONSE:
            self.phase, self.deadline = Phase.IDLE, self.loop.time() + self.settings.idle_seconds
            if self.received:
                self.data_received()

    def reject(self, kind: str, detail: str) -> None:
        """Respond with a problem, then close. A request that the application has begun ends in the problem there."""
        if self.phase >= Phase.RESPONSE or self.transport.is_closing():
            return
        problem = Failure(kind, detail, headers=CLOSE)
        if self.phase is Phase.BODY and not self.cycle.response_started:
            self.cycle.problem = problem
            self.cycle.message_event.set()
            self.phase, self.deadline = Phase.RESPONSE, inf
            self.received, self.parsed = b"", 0
            return
        if self.phase is not Phase.BODY:
            self._write(problem, self._request())
        self.close_gently()

    def _request(self) -> Request:
        """As much of a request as its head shows before it is complete."""
        method = self.parser.get_method().decode("ascii") if self.phase is Phase.HEADERS and self.url else ""
        return Request(request_id_of(dict(self.headers or ())), method, self.url.decode("latin-1") if self.phase is Phase.HEADERS else "")

    def _reject_large_headers(self) -> None:
        self.reject("large-headers", f"request line and headers: expected at most {self.settings.max_header_bytes} bytes")

    def _write(self, problem: Failure, request: Request, headers: Any = ()) -> None:
        """Write a response that the application has no part in, and record it."""
        body, media_type = problem.document(request.request_id, request.path)
        told = "".join(f"{name.lower()}: {value}\r\n" for name, value in problem.headers.items())
        head = f"content-type: {media_type}\r\ncontent-length: {len(body)}\r\nx-request-id: {request.request_id}\r\n{told}\r\n"
        self.transport.write(STATUS_LINE[problem.status] + b"".join(b"%b: %b\r\n" % header for header in headers) + head.encode() + body)
        request.status, request.problem, request.sent = problem.status, problem.kind, len(body)
        request.finish()

    def close_gently(self) -> None:
        """Send the end of the stream, and discard the remaining input: closing at once would reset the connection during the response."""
        if self.transport.is_closing():
            self._disconnected()
            return
        self.phase, self.deadline = Phase.CLOSING, self.loop.time() + LINGER_SECONDS
        self.received, self.parsed = b"", 0
        self.flow.hold(False)
        if self.half_closed:
            self.transport.close()
        else:
            self.transport.write_eof()

    def shutdown(self) -> None:
        """Handle the closed listener: finish requests in progress, and reject later ones for a moment."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif self.phase is Phase.IDLE or (self.cycle is not None and self.phase is Phase.BODY):
            self.deadline = min(self.deadline, self.loop.time() + LINGER_SECONDS)

    # ------------------------------------------------------------------ deadlines

    def sweep(self, now: float) -> int:
        """Act on a deadline that has passed. Returns the bytes of responses that the client has not taken."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent:
            self.cut_at = inf
        elif self._too_slow(now, unsent):
            self.transport.abort()
        elif self.phase is Phase.CLOSING:
            self.deadline = now + LINGER_SECONDS
        if now >= self.deadline:
            self._expire()
        writing = self.phase is Phase.RESPONSE and self.cycle.response_started and not self.cycle.response_complete
        return unsent + (self.cycle.expected_content_length if writing else 0)

    def _too_slow(self, now: float, unsent: int) -> bool:
        """A client has `send_seconds` in hand, which every byte that it takes prolongs by its share of a second at the least rate."""
        taken = self._acknowledged(unsent)
        progress = 0 if self.cut_at == inf else max(0, taken - self.taken)
        self.cut_at = min(now + self.settings.send_seconds, self.cut_at + progress / self.settings.min_send_rate)
        self.taken = taken
        return now >= self.cut_at

    def _acknowledged(self, unsent: int) -> int:
        """Bytes that the client's system has taken. The write buffer alone does not change for seconds: the kernel takes bytes in large steps."""
        with suppress(AttributeError, OSError, struct.error):
            info = self.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED + 8)
            return int(struct.unpack_from("=Q", info, BYTES_ACKED)[0])
        return -unsent  # not Linux

    def _expire(self) -> None:
        if self.phase is Phase.HEADERS:
            self.reject("slow-headers", f"the headers took longer than {self.settings.header_seconds:g} seconds")
        elif self.phase is Phase.BODY and not self.cycle.response_complete:
            self.reject("slow-body", f"the body took longer than {self.settings.body_seconds:g} seconds")
        elif not (self.phase is Phase.RESPONSE and self.cycle.response_started):
            self.transport.abort()
