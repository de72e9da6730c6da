"""Admission control: bodies are counted as they arrive, and computations wait for a thread of the pool.

Small bodies cost less than waiting would and are not counted. The bytes of all large ones, from the first that is received until
their computation is over, have one cap; bodies beyond it, or beyond the length of the queue, are rejected at once with 429.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from service.errors import Failure
from service.settings import Settings
from service.telemetry import metrics

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


T = TypeVar("T")


UNIT = 1e-9  # seconds of an elementary operation, before any has been timed
TYPICAL = 1e7  # operations of work that comes without an estimate
FADING = 7 / 8  # weight of earlier timings at each further job
LEAST = 1e6  # operations of a job that is timed: handing it over takes a millisecond at times, and by that a small one would make all work look slow


RETRY_AFTER = "1"  # seconds: the queue is short on purpose, so it has moved by then


@dataclass
class Life:
    """The end of the process, shared by the server and the application: draining from SIGTERM on, stopped once the listener is closed."""

    draining: bool = False
    stopped: bool = False


class Gone(Exception):
    """The client disconnected, so no response is sent."""


class Pool:
    """A few threads for the computations that are too large for the event loop, and the account of the bytes in them and in their queue."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.executor = ThreadPoolExecutor(settings.compute_threads, thread_name_prefix="compute")
        self.lock = Lock()
        self.jobs = 0  # running and waiting
        self.bytes = 0  # of large bodies being read, waiting and computed, and of large responses until the transport has them
        self.backlog = 0.0  # operations of all jobs, as estimated
        self.timed = (UNIT, 1.0)  # seconds and operations of the last jobs, older ones counting less

    @property
    def waiting(self) -> int:
        """Computations that have no thread yet."""
        return max(0, self.jobs - self.settings.compute_threads)

    @property
    def full(self) -> bool:
        """Return True if a large body cannot be computed: the queue is full, or its turn would come too late.

        The result of a computation started too late is discarded, and enough of them would block all requests.
        """
        return self._full(0.0)

    def _full(self, operations: float) -> bool:
        settings, jobs = self.settings, self.jobs
        if jobs >= settings.compute_threads + settings.max_queue or self.bytes >= settings.max_queue_bytes:
            return True
        seconds, counted = self.timed
        ends = (self.backlog + operations) / settings.compute_threads * seconds / counted  # from now, by an estimate; hence the half
        return jobs >= settings.compute_threads and ends > settings.compute_seconds / 2

    def admit(self, operations: float = 0.0) -> None:
        """Raise 429 where the pool has no place for this work, or its turn would come too late."""
        if self._full(operations):
            raise overloaded()

    async def run(self, share: Share, receive: Receive, function: Callable[..., T], *args: Any) -> T:
        """Return the function's result from a thread; Gone if the client disconnected, 504 if its deadline passed, both without waiting.

        A computation that has begun cannot be stopped: it keeps its thread, and its share of the caps, until it is over.
        """
        self.admit(share.operations)
        with self.lock:
            self.jobs += 1
            self.backlog += share.operations
            metrics.queue_length.set(self.jobs)
        job = self.executor.submit(self._timed, share.operations, function, *args)
        job.add_done_callback(self._over(share.handed_on()))
        result: asyncio.Future[Any] = asyncio.wrap_future(job)
        gone: asyncio.Future[Any] = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({result, gone}, timeout=self.settings.compute_seconds, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return result.result()
            if gone.done():
                raise Gone
            raise Failure("deadline", f"no result within {self.settings.compute_seconds:g} seconds")
        finally:
            gone.cancel()
            result.cancel()

    def _timed(self, operations: float, function: Callable[..., T], *args: Any) -> T:
        begun = time.perf_counter()
        try:
            return function(*args)
        except StopIteration as exc:  # which a future cannot carry
            raise RuntimeError(str(exc)) from exc
        finally:
            seconds, counted = self.timed
            self.timed = (seconds * FADING + time.perf_counter() - begun, counted * FADING + max(operations, LEAST))

    def _over(self, share: Share) -> Callable[[Future[Any]], None]:
        def over(job: Future[Any]) -> None:
            with self.lock:
                self.jobs -= 1
                self.backlog -= share.operations
                metrics.queue_length.set(self.jobs)
            share.release()

        return over


@dataclass(slots=True)
class Share:
    """One request in the pool's account: the bytes of its large body or response, and the operations that it is estimated to take."""

    pool: Pool
    held: int = 0
    operations: float = TYPICAL

    def hold(self, size: int) -> None:
        """Count up to `size` bytes, or raise 429."""
        with self.pool.lock:
            more = size - self.held
            if self.pool.bytes + more > self.pool.settings.max_queue_bytes:
                raise overloaded()
            self.pool.bytes += more
            self.held = size
            metrics.queue_bytes.set(self.pool.bytes)

    def handed_on(self) -> Share:
        """The same bytes as a share that somebody else will release."""
        share, self.held = Share(self.pool, self.held, self.operations), 0
        return share

    def add(self, size: int) -> None:
        """Count the bytes of a response. It exists already, so it is not rejected; later ones may be."""
        with self.pool.lock:
            self.pool.bytes += size
            self.held += size
            metrics.queue_bytes.set(self.pool.bytes)

    def release(self) -> None:
        """Count them no longer."""
        if self.held:
            with self.pool.lock:
                self.pool.bytes -= self.held
                self.held = 0
                metrics.queue_bytes.set(self.pool.bytes)


def overloaded() -> Failure:
    """429, the same for every reason."""
    return Failure("overloaded", "too much large work is waiting; small requests are still computed", headers={"Retry-After": RETRY_AFTER})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
