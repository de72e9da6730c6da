"""Requests that are ready at one time take each of their steps together.

A step by itself finds the processor's caches full of other steps' instructions: the loss of a small request takes 65 µs, those of the next three 40, 35
and 34 where they follow at once (tests/benchmarks/http.md). So all applications that are ready take one step, then all the next one. A step ends where an
application yields nothing, as in `asyncio.sleep(0)`. Small requests are over without a task of their own.
"""

from __future__ import annotations

import time
import types
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Coroutine, Generator
from contextlib import suppress
from contextvars import Context, copy_context
from threading import Lock
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOGETHER = 16  # the gain is in the first few, and the first responses of more would wait for the last ones
SLICE_SECONDS = 2e-3  # then the sockets have a turn


class Running(NamedTuple):
    """An application on a request, between two steps."""

    steps: Coroutine[Any, Any, None]
    context: Context
    connection: HttpToolsProtocol


class Rounds:
    """Runs the applications of all connections of an event loop, with a lock held meanwhile."""

    def __init__(self, running: Lock) -> None:
        self._running = running
        self._round: deque[Running] = deque()
        self._next: list[Running] = []
        self._last = 0  # id of the connection of the last request
        self._pending = False

    def add(self, application: Coroutine[Any, Any, None], connection: HttpToolsProtocol) -> None:
        """Run the application on a connection's request.

        The next request of one client runs at once. With several clients, others' requests come while the loop looks at its sockets once more:
        6 % of the time of a request of four.
        """
        alone, self._last = id(connection) == self._last, id(connection)
        self._next.append(Running(application, copy_context(), connection))
        if self._pending:
            return
        self._pending, loop = True, connection.loop
        if alone:
            self._run(loop)
        else:
            loop.call_soon(loop.call_soon, self._run, loop)

    def _run(self, loop: AbstractEventLoop) -> None:
        """Take steps until all are done, or sockets should have their turn."""
        end = time.perf_counter() + SLICE_SECONDS
        self._running.acquire()
        try:
            while (self._round or self._next) and time.perf_counter() < end:
                if not self._round:
                    self._round.extend(self._next[:TOGETHER])
                    del self._next[:TOGETHER]
                steps, context, connection = running = self._round.popleft()
                try:
                    waits_for = context.run(steps.send, None)
                except StopIteration:
                    continue
                if waits_for is None:
                    self._round.append(running)
                else:
                    task = loop.create_task(_go_on(steps, waits_for), context=context)
                    connection.tasks.add(task)
                    task.add_done_callback(connection.tasks.discard)
        finally:
            self._running.release()
            self._pending = bool(self._round or self._next)
            if self._pending:
                loop.call_soon(self._run, loop)


async def _go_on(steps: Coroutine[Any, Any, None], waits_for: Any) -> None:
    """Run the rest of a coroutine that waits for a future, in a task."""
    await _rest(steps, waits_for)


@types.coroutine
def _rest(steps: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    with suppress(StopIteration):
        while True:
            try:
                value = yield waits_for
            except BaseException as exc:  # the task is cancelled
                waits_for = steps.throw(exc)
            else:
                waits_for = steps.send(value)
