"""Responses as ASGI messages, and the id that each of them carries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from random import getrandbits
from typing import Any

from service.codec import Buffer
from service.errors import Failure
from service.telemetry.requests import Request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


VIEWS = "loss_service.response.views"  # the ASGI extension of a server that sends any buffer; ASGI itself has bytes only
WRITTEN_BYTES = 256 * 1024  # of a response at a time: bytes written to the transport have left the pool's account
INTERNAL = Failure("internal", "the service failed; its log has this request's id")


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """The client's X-Request-ID if it is short and printable, else a new id. It has to be unique, not secret: os.urandom is a system call."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if 0 < len(given) <= 100 and given.isascii() and given.decode().isprintable() else f"{getrandbits(128):032x}"


async def reply(send: Send, status: int, parts: list[Buffer], media_type: str, headers: list[tuple[bytes, bytes]], views: bool = False) -> None:
    """Send a response. Small parts are joined. Large ones are cut: bytes that a slow client has not read wait here, not in the transport."""
    size = sum(map(len, parts))
    base = [(b"content-type", media_type.encode()), (b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": status, "headers": base + headers})
    if size <= WRITTEN_BYTES:
        await send({"type": "http.response.body", "body": b"".join(parts)})
        return
    for body in _writes(parts):
        await send({"type": "http.response.body", "body": body if views else bytes(body), "more_body": True})
        await asyncio.sleep(0)  # other requests have a turn: to a client that reads fast 20 MB would go out in one go, in 6 ms
    await send({"type": "http.response.body", "body": b""})


def _writes(parts: list[Buffer]) -> Iterator[Buffer]:
    """Yield the parts, long ones cut and short ones joined: a large array in JSON is written in pieces of 128 KiB, with commas between them."""
    short: list[Buffer] = []
    for part in parts:
        whole = memoryview(part)  # a slice of bytes is a copy
        short.append(whole[:WRITTEN_BYTES])
        if len(whole) > WRITTEN_BYTES or sum(map(len, short)) >= WRITTEN_BYTES:
            yield b"".join(short)
            short = []
        for start in range(WRITTEN_BYTES, len(whole), WRITTEN_BYTES):
            yield whole[start : start + WRITTEN_BYTES]
    if short:
        yield b"".join(short)


async def reply_failure(send: Send, problem: Failure, request: Request) -> None:
    """Send a problem document, and note it in the request's record."""
    request.problem = problem.kind
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    body, media_type = problem.document(request.request_id, request.path)
    await reply(send, problem.status, [body], media_type, headers)
