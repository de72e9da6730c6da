"""The pool rejects work by an estimate of its time, which it takes from the jobs before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from service.http.admission import Pool, Share
from service.settings import Settings


@pytest.fixture
def pool() -> Iterator[Pool]:
    found = Pool(Settings(compute_threads=1, inline_bytes=0))
    yield found
    found.executor.shutdown()


async def never() -> Any:
    await asyncio.Event().wait()


def full_after(pool: Pool, operations: float, seconds: float) -> bool:
    """Return whether a second's work of a nanosecond an operation is too much after ten jobs of so many operations and seconds."""
    for _ in range(10):
        asyncio.run(pool.run(Share(pool, operations=operations), never, time.sleep, seconds))
    pool.jobs, pool.backlog = 1, 1e9
    return pool.full


def test_small_jobs_do_not_make_large_ones_look_slow(pool: Pool) -> None:
    """The hand-over of a body of 200 bytes took 10 ms where all processors were busy, and the next megabyte was rejected."""
    assert not full_after(pool, 1e4, 0.01)


def test_slow_jobs_make_the_next_ones_look_slow(pool: Pool) -> None:
    assert full_after(pool, 1e6, 0.05)
