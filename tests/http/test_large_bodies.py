"""A large body is read in few parts, and a large response leaves other requests their turns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

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
    assert (bytes(body), size) == (b"".join(message["body"] for message in messages(PART_BYTES)), SIZE)


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
