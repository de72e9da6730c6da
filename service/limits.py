"""What keeps one caller from costing the others: bodies are counted as they come, computations wait for a thread of the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from service.errors import Failure
from service.settings import Settings


class Pool:
    """A few threads for the computations that are too large for the event loop."""

    def __init__(self, threads: int) -> None:
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix="compute")

    async def run(self, function: Callable[..., bytes], *args: Any) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self.executor, function, *args)


async def read_body(headers: dict[bytes, bytes], receive: Callable[[], Awaitable[MutableMapping[str, Any]]], settings: Settings) -> bytes:
    """The whole body in one buffer, or 413 as soon as it is known to be too large."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > settings.max_body_bytes:
        raise _too_large(settings)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Failure("malformed-body", "the client went away")
    if not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > settings.max_body_bytes:
            raise _too_large(settings)
        return body
    buffer = bytearray(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Failure("malformed-body", "the client went away")
        buffer += message.get("body", b"")
        if len(buffer) > settings.max_body_bytes:
            raise _too_large(settings)
    return bytes(buffer)


def _too_large(settings: Settings) -> Failure:
    return Failure("too-large", f"the body is larger than {settings.max_body_bytes} bytes")
