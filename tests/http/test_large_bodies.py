"""A large body is read in few parts, and a large response leaves other requests their turns."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from service.app import create_app
from service.codec import CODECS, JSON, SAFETENSORS
from service.http.admission import Pool, Share
from service.http.body import PART_BYTES, joined, read_body
from service.http.responses import WRITTEN_BYTES, reply
from service.settings import Settings

SIZE = 1024 * 1024


def messages(part: int) -> Iterator[dict[str, Any]]:
    """A body of SIZE bytes in messages of `part` bytes."""
    for start in range(0, SIZE, part):
        yield {"type": "http.request", "body": bytes([start % 251]) * part, "more_body": start + part < SIZE}


async def read(part: int, viewed: bool = False, **headers: str) -> tuple[Any, int]:
    each = messages(part)

    async def receive() -> dict[str, Any]:
        message = next(each)
        return message | {"body": bytearray(message["body"])}  # as the service's own server has them

    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return await read_body(sent, receive, Share(Pool(Settings())), viewed)


def test_a_body_in_any_messages_is_read_whole_in_few_parts() -> None:
    for part in (64, 4096, PART_BYTES, SIZE // 2):
        body, size = asyncio.run(read(part))
        assert size == SIZE
        assert len(body) <= SIZE // PART_BYTES, part
        assert {type(each) for each in body} == {bytes}, "join keeps the interpreter's lock for any other"
        assert joined(body) == b"".join(message["body"] for message in messages(part))


def test_a_body_of_a_declared_length_has_one_buffer() -> None:
    whole = b"".join(message["body"] for message in messages(PART_BYTES))
    body, size = asyncio.run(read(PART_BYTES, content_length=str(SIZE)))
    assert (type(body), body, size) == (bytearray, whole, SIZE)
    body, size = asyncio.run(read(PART_BYTES, viewed=True, content_length=str(SIZE), inference_header_content_length="3"))
    assert (type(body), bytes(body), size) == (memoryview, whole, SIZE)


def test_a_body_shorter_than_declared_has_no_other_bytes() -> None:
    """Servers close such a connection; what the memory held before must not be read in any case."""
    body, size = asyncio.run(read(PART_BYTES, content_length=str(2 * SIZE)))
    assert (type(body), body, size) == (bytes, b"".join(message["body"] for message in messages(PART_BYTES)), SIZE)


@pytest.mark.parametrize("media_type", [JSON.media_type, SAFETENSORS.media_type])
def test_a_large_body_is_gone_before_its_response_is_written(media_type: str) -> None:
    """It has left the pool's account by then, and a client may take its response slowly."""
    whole = b"".join(CODECS[media_type].encode({"predictions": np.ones(SIZE // 2), "labels": np.zeros(SIZE // 2)}, "base64"))
    app, held, written, length = create_app(), [], 0, len(whole)
    pieces = [{"type": "http.request", "body": whole[start : start + PART_BYTES], "more_body": True} for start in range(0, length, PART_BYTES)]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(length).encode())]
    scope = {"type": "http", "method": "POST", "path": "/loss/mse", "raw_path": b"/loss/mse", "query_string": b"", "headers": headers}

    async def receive() -> dict[str, Any]:
        return pieces.pop(0) if pieces else await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        nonlocal written
        await asyncio.sleep(0.01)  # the thread that has computed lets go of it too
        held.append(tracemalloc.get_traced_memory()[0])
        written += len(message.get("body", b""))
        assert message.get("status", 200) == 200

    tracemalloc.start()
    asyncio.run(app(scope, receive, send))
    tracemalloc.stop()
    assert held[-1] < written + length / 4


def test_other_requests_have_a_turn_between_two_writes() -> None:
    turns = writes = 0

    async def send(message: Any) -> None:
        nonlocal writes
        writes += message.get("more_body", False)

    async def other() -> None:
        nonlocal turns
        while writes < 16:
            await asyncio.sleep(0)
            turns += 1

    async def both() -> None:
        await asyncio.gather(reply(send, 200, [bytes(16 * WRITTEN_BYTES)], "text/plain", []), other())

    asyncio.run(both())
    assert (writes, turns >= 15) == (16, True)
