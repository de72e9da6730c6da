"""One request as operators see it: filled in on its way through the service, then a log line, counters and a span, each from the same record."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from service.telemetry import logs, metrics


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

    def finish(self) -> None:
        """Count it and log it. To be called once, after the response."""
        total = time.perf_counter() - self.begun
        metrics.count(self, total)
        logs.request(self, total)


def of(scope: MutableMapping[str, Any]) -> Request:
    """The record of the request in an ASGI scope."""
    found: Request = scope["state"]["request"]
    return found
