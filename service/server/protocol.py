"""uvicorn's protocol with deadlines, a cap on headers, and problem documents for what is not HTTP.

A connection is in one of five phases, each with a deadline. One sweep over all connections, a few times a second, finds those that are
late, so that deadlines cost a request nothing but assignments.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from enum import IntEnum
from math import inf
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.errors import MEDIA_TYPE, Failure
from service.http.admission import Life
from service.http.endpoint import LossEndpoint, asks_for_loss
from service.http.responses import VIEWS, Message, Receive, Scope, Send, reply_failure, request_id_of
from service.settings import Settings
from service.telemetry import metrics

APPLICATION = frozenset([b"origin", b"traceparent", b"expect"])  # headers that only the application knows how to answer


EXTENSIONS: dict[str, dict[object, object]] = {VIEWS: {}}  # a transport writes memoryviews, so that large arrays go out without a copy


LINGER_SECONDS = 0.5  # for a last answer to be read before the connection is cut, and for late requests after the listener has closed


STOPPING = Failure("unavailable", "the service is stopping; ask another", headers={"Connection": "close", "Retry-After": "1"})


class Phase(IntEnum):
    """What a connection waits for."""

    IDLE = 0  # the first byte of a request
    HEADERS = 1  # the rest of its headers
    BODY = 2  # the rest of its body
    ANSWER = 3  # us
    CLOSING = 4  # the client to close


class _RefusedCycle:
    """In place of uvicorn's cycle: the answer is out, and what still comes of the body goes by."""

    response_started = response_complete = True
    message_event = asyncio.Event()  # for nobody


class _Discard(list[tuple[bytes, bytes]]):
    """Where trailers go."""

    def append(self, item: tuple[bytes, bytes]) -> None:
        pass


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines, a cap on headers, and problem documents for what is not HTTP."""

    def __init__(self, *args: Any, settings: Settings, life: Life, losses: LossEndpoint, siblings: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.settings, self.life, self.losses, self.siblings = settings, life, losses, siblings
        self.phase, self.deadline = Phase.IDLE, inf
        self.header_bytes = 0
        self.unsent, self.stuck_since = 0, 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.siblings:
            time.sleep(1e-9)  # lets another worker wake and accept the next one: of 16 made at once, mostly one worker had all
        self.deadline = self.loop.time() + self.settings.header_seconds

    def data_received(self, data: bytes) -> None:
        if self.phase is Phase.CLOSING:
            return
        if self.phase <= Phase.HEADERS:
            self.header_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            self._ignore_upgrade(data[exc.args[0] :])
        except httptools.HttpParserError:
            self.refuse(Failure("malformed-request", "these bytes are not HTTP/1.1"))
        if self.phase is Phase.HEADERS and self.header_bytes > self.settings.max_header_bytes:
            self.refuse(self._large_headers())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = EXTENSIONS  # type: ignore[typeddict-unknown-key, unused-ignore]
        self.phase, self.deadline = Phase.HEADERS, self.loop.time() + self.settings.header_seconds

    def on_headers_complete(self) -> None:
        if self.header_bytes > self.settings.max_header_bytes and self._size_of_headers() > self.settings.max_header_bytes:
            self.refuse(self._large_headers())
            raise ValueError("stops the parser")
        if self.parser.should_upgrade():
            return  # the parser stops here
        if self.losses.pool.full and self._refuse_at_once():
            self.cycle = _RefusedCycle()  # type: ignore[assignment]
        else:
            super().on_headers_complete()
            if self.expect_100_continue or self.life.draining:
                self.cycle.keep_alive = False  # after an early refusal nobody knows whether the body still comes; a pool should go elsewhere
        self.headers = _Discard()
        self.phase, self.deadline = Phase.BODY, self.loop.time() + self.settings.body_seconds

    def _refuse_at_once(self) -> bool:
        """Whether a large body was refused by its headers alone: with ten times too many callers, a task for each costs as much as the work."""
        waiting = self.flow.write_paused or (self.cycle is not None and not self.cycle.response_complete)
        headers, path = dict(self.headers), self.url.decode("latin-1")
        kept = self.parser.should_keep_alive() and self.parser.get_http_version() == "1.1" and not self.life.draining
        if waiting or not kept or not APPLICATION.isdisjoint(headers) or not asks_for_loss(self.parser.get_method().decode(), path):
            return False
        request_id = request_id_of(self.headers)
        problem = self.losses.refusal(path, headers, request_id)
        if problem:
            self.transport.write(_raw(problem, request_id, self.server_state.default_headers))
            self.server_state.total_requests += 1
        return problem is not None

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self.phase, self.deadline, self.header_bytes = Phase.ANSWER, inf, 0
        if self.cycle.response_complete:
            self._rest()  # refused early, and the rest of its body has gone by

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read the request again as if it did not offer to change the protocol: Java's client offers HTTP/2 with every first request."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.refuse(Failure("malformed-request", "this is no proxy"))
            return
        kept = [item for item in self.headers if item[0] not in (b"upgrade", b"connection", b"http2-settings")]
        head = method + b" " + self.url + b" HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % item for item in kept) + b"\r\n"
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(head + rest)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            if self.phase is Phase.BODY:  # reading was paused until now
                self.deadline = self.loop.time() + self.settings.body_seconds
        elif self.phase is Phase.ANSWER:
            self._rest()

    def _rest(self) -> None:
        self.phase, self.deadline = Phase.IDLE, self.loop.time() + self.settings.idle_seconds

    def shutdown(self) -> None:
        """The listener is closed: finish what is under way, and refuse for a moment what still comes."""
        self.app = _refuse
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif self.phase is Phase.IDLE or (self.cycle is not None and self.phase is Phase.BODY):
            self.deadline = min(self.deadline, self.loop.time() + LINGER_SECONDS)

    def sweep(self, now: float) -> None:
        """Act on a deadline that has passed."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self.unsent:
            self.unsent, self.stuck_since = unsent, now
        elif now - self.stuck_since > self.settings.send_seconds:
            self.transport.abort()
        if now < self.deadline:
            return
        if self.phase is Phase.HEADERS:
            self.refuse(Failure("slow-headers", f"the headers took longer than {self.settings.header_seconds:g} seconds"))
        elif self.phase is Phase.BODY and not self.cycle.response_complete:
            self.refuse(Failure("slow-body", f"the body took longer than {self.settings.body_seconds:g} seconds"))
        else:
            self.transport.abort()

    def refuse(self, problem: Failure) -> None:
        """Answer what the application does not see, or waits for in vain; then close, but let the answer be read first."""
        if self.phase is Phase.CLOSING or self.transport.is_closing():
            return
        if self._owes_an_answer():
            self.transport.write(_raw(problem, uuid.uuid4().hex, [(b"connection", b"close")]))
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.phase, self.deadline = Phase.CLOSING, self.loop.time() + LINGER_SECONDS
        self.flow.resume_reading()
        self.transport.write_eof()

    def _owes_an_answer(self) -> bool:
        """Whether what is written now would be the answer to what is being read."""
        if self.pipeline or self.cycle is None:
            return not self.pipeline
        return not self.cycle.response_started if self.phase is Phase.BODY else self.cycle.response_complete

    def _large_headers(self) -> Failure:
        return Failure("large-headers", f"request line and headers are larger than {self.settings.max_header_bytes} bytes")

    def _size_of_headers(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)


def _raw(problem: Failure, request_id: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    metrics.rejected(problem.kind)
    body = problem.body(request_id)
    told = "".join(f"{name.lower()}: {value}\r\n" for name, value in problem.headers.items())
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nx-request-id: {request_id}\r\n{told}\r\n"
    return STATUS_LINE[problem.status] + b"".join(b"%b: %b\r\n" % header for header in headers) + head.encode() + body


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of a connection that outlives the listener."""
    request_id = uuid.uuid4().hex

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
        await send(message)

    await reply_failure(marked, STOPPING, request_id)
