"""What an operator wants to see, for Prometheus. With several workers each writes its own files, and /metrics adds them up.

Observing six histograms costs more than a small loss, so a request is only remembered; a batch of them is counted by
`flush`, which the server calls several times a second, and a scrape before it reads.
"""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections import deque
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client looks for it when it is imported
SECONDS = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
BYTES = tuple(float(4**power) for power in range(4, 15))  # 256 B to 256 MiB
PHASES = ("decode", "queue", "compute", "encode")
BATCH = 512  # requests remembered at most: counting so many takes a few tenths of a millisecond


class Batched(Histogram):
    """A histogram that takes many observations at the cost of one."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Count each."""
        self._sum.inc(sum(amounts))
        places = np.searchsorted(self._upper_bounds, amounts)
        for place, count in enumerate(np.bincount(places).tolist()):
            if count:
                self._buckets[place].inc(count)


requests = Counter("loss_requests", "Requests by loss, encoding of the body and status", ["loss", "encoding", "status"])
elements = Counter("loss_elements", "Elements of the tensors of answered requests", ["loss"])
non_finite = Counter("loss_non_finite", "Requests whose result was not finite", ["loss"])
rejections = Counter("loss_rejections", "Problem documents by kind, those of other paths and of the protocol too", ["kind"])
phases = Batched("loss_phase_seconds", "Time of an answered request by phase; queue only of those that had to wait", ["phase"], buckets=SECONDS)
request_bytes = Batched("loss_request_bytes", "Size of request bodies", buckets=BYTES)
response_bytes = Batched("loss_response_bytes", "Size of answers", buckets=BYTES)
queue_length = Gauge("loss_queue_length", "Large requests waiting for a thread or being computed", multiprocess_mode="livesum")
queue_bytes = Gauge("loss_queue_bytes", "Bytes of large bodies being read, waiting and computed", multiprocess_mode="livesum")

_phases = [phases.labels(phase) for phase in PHASES]
_counter = cache(lambda family, *labels: family.labels(*labels))  # label look-ups cost more than counting


class _Completed(NamedTuple):
    loss: str
    encoding: str
    received: int
    sent: int
    elements: int
    seconds: tuple[float, ...]


_pending: deque[_Completed] = deque()
_problems: deque[tuple[Any, ...]] = deque()  # a counter and its labels, each to be counted once
_lock = Lock()


def answered(loss: str, encoding: str, received: int, sent: int, counted: int, seconds: tuple[float, ...]) -> None:
    """One request with a result: bytes received and sent, elements of its tensors, seconds by phase."""
    _pending.append(_Completed(loss, encoding, received, sent, counted, seconds))
    if len(_pending) >= BATCH:
        flush()


def refused(loss: str, encoding: str, status: int, kind: str) -> None:
    """One request with a problem. `loss` is a registered name or `unknown`, so that callers cannot make labels."""
    _problems.append((requests, loss, encoding, str(status)))
    if kind == "non-finite":
        _problems.append((non_finite, loss))


def rejected(kind: str) -> None:
    """One problem document."""
    _problems.append((rejections, kind))
    if len(_problems) >= BATCH:
        flush()


def flush() -> None:
    """Count what was answered and refused since the last time."""
    with _lock:  # a scrape waits for a batch that is being counted
        batch = [_pending.popleft() for _ in range(len(_pending))]  # whoever answers meanwhile appends at the other end
        problems = [_problems.popleft() for _ in range(len(_problems))]
        if batch:
            _count(batch)
        for counter, count in Tally(problems).items():
            _counter(*counter).inc(count)


def _count(batch: list[_Completed]) -> None:
    for (loss, encoding), count in Tally((one.loss, one.encoding) for one in batch).items():
        _counter(requests, loss, encoding, "200").inc(count)
    for loss in {one.loss for one in batch}:
        _counter(elements, loss).inc(sum(one.elements for one in batch if one.loss == loss))
    for phase, histogram, seconds in zip(PHASES, _phases, zip(*(one.seconds for one in batch), strict=True), strict=True):
        histogram.observe_all([duration for duration in seconds if duration] if phase == "queue" else seconds)
    request_bytes.observe_all([one.received for one in batch])
    response_bytes.observe_all([one.sent for one in batch])


def exposition() -> tuple[bytes, str]:
    """The text of /metrics and its content type."""
    flush()
    if DIRECTORY not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def forget_worker(pid: int) -> None:
    """A worker has ended: its gauges no longer count."""
    if DIRECTORY in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
