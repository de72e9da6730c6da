"""uvicorn's request and response of one exchange, as the protocol of this service runs them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from service.errors import Failure
from service.http.admission import Gone

END = b"\r\n\r\n"  # of a head, and of a chunked body with its trailers
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CONTROLS = bytes({*range(32), 127} - {ord("\t")})  # that no header has


class Cycle(RequestResponseCycle):
    """uvicorn's request and response, with one check of a whole head, one write of head and first bytes, and a problem that the protocol has found."""

    problem: Failure | None = None
    body: bytes | bytearray  # type: ignore[assignment]
    head = b""  # waits for the first bytes of the body: a small response is one system call
    upload: Callable[[memoryview], None]  # has the protocol read the rest of the body into a buffer
    uploaded = 0  # bytes there that receive_into has not returned yet

    async def receive(self) -> Any:
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(CONTINUE)
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            if self.flow.read_paused:
                self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.problem is not None:
            raise self.problem
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}  # a bytearray where it came in parts: bytes of it were a copy

    async def receive_into(self, rest: memoryview) -> int:
        """Write some bytes of the body to the start of a buffer for all that are left, and return their number. Raises Gone after a disconnect."""
        if not self.body and not self.uploaded:
            self.upload(rest)
        await self.message_event.wait()
        self.message_event.clear()
        if self.problem is not None:
            raise self.problem
        if self.disconnected or self.response_complete:
            raise Gone
        body, self.body, count, self.uploaded = self.body, b"", self.uploaded, 0
        rest[: len(body)] = body
        return len(body) or count

    async def send(self, message: Any) -> None:
        """Write a message. Raises RuntimeError for a body of another length than its Content-Length, and for a control character in a header."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._begin(message["status"], [*self.default_headers, *message["headers"]])
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        self.expected_content_length -= len(body)
        if self.expected_content_length < 0 or (self.expected_content_length and not more):
            raise RuntimeError("the body of a response differs from its Content-Length")
        if self.head:
            body, self.head = self.head + body, b""
        if body:
            self.transport.write(body)
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        text, fields = b"\r\n".join(map(b": ".join, headers)), dict(headers)
        if len(text.translate(None, CONTROLS)) != len(text) - 2 * (len(headers) - 1):
            raise RuntimeError("a control character in a header")
        self.response_started, self.waiting_for_100_continue = True, False
        self.expected_content_length = 0 if self.scope["method"] == "HEAD" else int(fields.get(b"content-length", 0))
        if b"close" in fields.get(b"connection", b""):
            self.keep_alive = False
        elif not self.keep_alive:
            text += b"\r\nconnection: close"
        self.head = STATUS_LINE[status] + text + END


class RejectedCycle:
    """In place of a cycle: the response is out, and the rest of the body is read past."""

    response_started = response_complete = True
    message_event = asyncio.Event()  # no task waits for it
