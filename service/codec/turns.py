"""One thread at a time reads or writes text.

Parsers and writers of JSON hold the interpreter's lock. Two of their threads pass it to and fro ten times a millisecond: 256 x 100 in
JSON took 5.4 ms of processor time a request, and 4.0 from one thread (wrk with four connections, `python -m tests.benchmarks.http`).

It waits while the event loop runs small requests. Otherwise it interrupts each of them every 0.1 ms, for the 0.4 ms of a piece: their 99th percentile
beside 20 MB of JSON was 2.7 ms, and is 1.6 (medians of six runs of `python -m tests.benchmarks.http --only background` each, in turns).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident

OFFERS = 16  # pieces of a turn where others wait: some 3 ms
PATIENCE_SECONDS = 1e-3  # for the event loop, before each piece


class Turns:
    """A lock that threads get in their order, and that its holder offers to the next one from time to time."""

    def __init__(self) -> None:
        self.event_loop = Lock()  # held by the event loop while it runs requests
        self._lock = Lock()
        self._waiting: deque[tuple[Lock, int]] = deque()
        self._holder = self._offers = 0

    def __enter__(self) -> None:
        mine = Lock()
        with self._lock:
            if not self._holder:
                self._holder = get_ident()
                return
            mine.acquire()
            self._waiting.append((mine, get_ident()))
        mine.acquire()  # until the holder before releases it

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            if self._waiting:
                mine, self._holder = self._waiting.popleft()
                mine.release()
            else:
                self._holder = 0

    @contextmanager
    def left(self) -> Iterator[None]:
        """Leave the lock to others in the block, if this thread holds it."""
        held = self._holder == get_ident()
        if held:
            self.__exit__()
        try:
            yield
        finally:
            if held:
                self.__enter__()

    def offer(self) -> None:
        """Wait for the event loop, and if this thread has offered the lock often enough, give the next thread its turn; unless another thread holds it."""
        if self._holder != get_ident():
            return
        if self.event_loop.locked() and self.event_loop.acquire(timeout=PATIENCE_SECONDS):
            self.event_loop.release()
        if self._waiting:
            self._offers += 1
            if self._offers % OFFERS == 0:
                self.__exit__()
                self.__enter__()


TURNS = Turns()
