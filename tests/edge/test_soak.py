"""The short form of `make soak`: too short for p99, long enough for a leak of connections, bytes or wrong answers."""

from __future__ import annotations

import os

from tests.edge.wire import serving, wait_until
from tests.soak import Callers, sample


def test_mixed_requests_leave_nothing_behind() -> None:
    with serving() as running:
        callers = Callers(running.url, None)
        callers.run(2.5)
        assert not callers.wrong
        assert callers.taken
        wait_until(lambda: not running.server.server_state.connections)
        assert (running.pool.jobs, running.pool.bytes, len(running.server.server_state.tasks)) == (0, 0, 0)
        descriptors = sample(os.getpid())[1]
        again = Callers(running.url, None)
        again.run(1)
        wait_until(lambda: not running.server.server_state.connections)
        assert sample(os.getpid())[1] <= descriptors
