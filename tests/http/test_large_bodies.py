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


async def read(part: int) -> tuple[Any, int]:
    each = messages(part)

    async def receive() -> dict[str, Any]:
        return next(each)

    return await read_body({}, receive, Share(Pool(Settings())))


def test_a_body_in_any_messages_is_read_whole_in_few_parts() -> None:
    for part in (64, 4096, PART_BYTES, SIZE // 2):
        body, size = asyncio.run(read(part))
        assert size == SIZE
        assert len(body) <= SIZE // PART_BYTES, part
        assert joined(body) == b"".join(message["body"] for message in messages(part))


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
