"""The short form of `make soak`: too short for p99, long enough for a leak of connections, bytes or wrong answers."""

from __future__ import annotations

import os

from tests.edge.wire import serving, wait_until
from tests.soak import Callers, sample


def ask(url: str, times: int) -> None:
    callers = Callers(url, None)
    for thread in callers.threads:
        thread.start()
    wait_until(lambda: len(callers.taken) >= times, 60)
    callers.stop()
    assert not callers.wrong


def test_mixed_requests_leave_nothing_behind() -> None:
    with serving() as running:
        ask(running.url, 150)
        wait_until(lambda: not running.server.server_state.connections)
        assert (running.pool.jobs, running.pool.bytes, len(running.server.server_state.tasks)) == (0, 0, 0)
        descriptors = sample(os.getpid())[1]
        ask(running.url, 50)
        wait_until(lambda: not running.server.server_state.connections)
        assert sample(os.getpid())[1] <= descriptors
