"""Request bodies, read with their limits in force."""

from __future__ import annotations

import ctypes
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from service.codec import Buffer
from service.codec.inference import HEADER
from service.errors import Failure
from service.http.admission import Gone, Receive, Share
from service.settings import Settings

_uninitialized = ctypes.pythonapi.PyByteArray_FromStringAndSize  # bytearray(n) writes zeros: memory for a body that may never come
_uninitialized.restype, _uninitialized.argtypes = ctypes.py_object, (ctypes.c_char_p, ctypes.c_ssize_t)

INTO = "loss_service.request.into"  # ASGI extension of a server that writes to the application's memory
PART_BYTES = 64 * 1024  # the least of a part, but for the last one


Body = Buffer | list[bytes]
"""A body, or its parts in their order."""

Into = Callable[[memoryview], Awaitable[int]]
"""Writes some bytes of a body to the start of a buffer for all that are left, and returns their number, 0 after the last."""


def joined(body: Body) -> Buffer:
    """Return the body in one buffer. Takes 5 ms for parts of 20 MB, without the interpreter's lock."""
    return b"".join(body) if isinstance(body, list) else body


async def read_body(headers: dict[bytes, bytes], receive: Receive, share: Share, viewed: bool = False, into: Into | None = None) -> tuple[Body, int]:
    """Return the body and its size, or raise 413 or 429 as soon as it is known to be too large.

    A large body of a declared length has one buffer from the start, of which a memoryview is returned where what reads it takes one. Any other stays in
    parts: a buffer that grows would be copied again and again, 5 ms at a time, while no request is served.
    """
    settings, declared = share.pool.settings, headers.get(b"content-length", b"")
    length = int(declared.lstrip(b"0")[:20] or 0) if declared.isdigit() else -1  # it may begin with any number of zeros
    if length > settings.max_body_bytes:
        raise _too_large(settings)
    if length > settings.inline_bytes:
        share.pool.admit()
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    body: bytes = message.get("body", b"")
    if (size := len(body)) > settings.inline_bytes or size > settings.max_body_bytes:
        _count(size, settings, share)
    if not message.get("more_body"):
        return body, size
    if length >= 0 and b"transfer-encoding" not in headers:
        lead = _lead(headers.get(HEADER, b"")) if viewed else 0
        buffer: bytearray = _uninitialized(None, length + lead)
        filled = await _filled(memoryview(buffer)[lead:], body, into or _copying(receive), settings, share)
        if not viewed:
            return buffer if len(filled) == length else bytes(filled), len(filled)
        return filled, len(filled)
    parts = [bytes(body)]
    while message.get("more_body"):
        message = await _next(receive)
        part = bytes(message.get("body", b""))  # they are joined without the interpreter's lock if all are bytes
        if len(parts[-1]) < PART_BYTES:  # a client may send its body byte by byte, and each part is an object
            parts[-1] += part
        else:
            parts.append(part)
        _count(size := size + len(part), settings, share)
    return parts, size


def _lead(head: bytes) -> int:
    """The bytes before a body after whose head, of this length, its first tensor is aligned: one that is not is copied."""
    return -int(head) % 8 if head.isdigit() and len(head) < 20 else 0


async def _filled(buffer: memoryview, body: bytes, into: Into, settings: Settings, share: Share) -> memoryview:
    """Return the buffer, of the declared size of the body, with the bytes received so far and all further ones."""
    end = len(body)
    buffer[:end] = body
    while end < len(buffer) and (count := await into(buffer[end:])):
        end += count
        _count(end, settings, share)
    return buffer[:end]


def _copying(receive: Receive) -> Into:
    """Write to a buffer by ASGI's own means, which copy each message."""
    more = True

    async def into(rest: memoryview) -> int:
        nonlocal more
        body = b""
        while more and not body:
            message = await _next(receive)
            body, more = message.get("body", b""), message.get("more_body", False)
        rest[: len(body)] = body
        return len(body)

    return into


async def _next(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message


def _count(size: int, settings: Settings, share: Share) -> None:
    if size > settings.max_body_bytes:
        raise _too_large(settings)
    if size > settings.inline_bytes:
        share.hold(size)


def _too_large(settings: Settings) -> Failure:
    return Failure("too-large", f"the body is larger than {settings.max_body_bytes} bytes")
