"""One request as operators see it: filled in on its way through the service, then a log line, counters and a span, each from the same record.

Requests that are over are counted and logged some at a time: a request by itself takes 16 µs of 290, as its steps find the processor's caches full
of others, and 6 among 16 (tests/benchmarks/http.md).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from service.telemetry import logs, metrics

TOGETHER = 16  # a request in so many waits 80 µs for the others' lines

_over: deque[Request] = deque()
_settling = Lock()


@dataclass(slots=True)
class Request:
    """A request and its response. Times are in seconds, sizes those of the bodies as they go over the wire."""

    request_id: str
    method: str
    path: str  # as sent, percent-encoded, without the query
    headers: dict[bytes, bytes] = field(default_factory=dict)  # of the request; the last one of a name
    loss: str = ""  # the canonical name, or "unknown": callers must not make labels of metrics
    encoding: str = ""  # of the request's body
    caller: str = ""  # the name of its token, never the token
    status: int = 0  # 0 where the client disconnected before a response began
    problem: str = ""
    received: int = 0
    sent: int = 0
    elements: int = 0
    seconds: tuple[float, ...] = ()  # by phase
    disconnected: bool = False  # before the response was written
    trace_id: str = ""
    begun: float = field(default_factory=time.perf_counter)
    ended: float = 0.0

    def finish(self) -> None:
        """Have it counted and logged: with the next ones, or soon by the log's thread. To be called once, after the response."""
        self.ended, self.headers = time.perf_counter(), {}
        _over.append(self)
        if len(_over) >= TOGETHER or (len(_over) == 1 and not logs.wake()):
            settle()


@logs.source
def settle() -> None:
    """Count and log the requests that are over."""
    with _settling:
        over = [_over.popleft() for _ in range(len(_over))]
        metrics.count(over)
        logs.requests(over, time.time() - time.perf_counter())


def of(scope: MutableMapping[str, Any]) -> Request:
    """The record of the request in an ASGI scope."""
    found: Request = scope["state"]["request"]
    return found
