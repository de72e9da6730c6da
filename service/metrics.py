"""What an operator wants to see, for Prometheus. With several workers each writes its own files, and /metrics adds them up."""

from __future__ import annotations

import os
from functools import cache

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
BYTES = tuple(float(4**power) for power in range(4, 15))  # 256 B to 256 MiB
PHASES = ("decode", "queue", "compute", "encode")

requests = Counter("loss_requests", "Requests by loss, encoding of the body and status", ["loss", "encoding", "status"])
rejections = Counter("loss_rejections", "Requests answered with a problem, by its kind", ["kind"])
phases = Histogram("loss_phase_seconds", "Time of an answered request by phase", ["phase"], buckets=SECONDS)
request_bytes = Histogram("loss_request_bytes", "Size of request bodies", buckets=BYTES)
response_bytes = Histogram("loss_response_bytes", "Size of answers", buckets=BYTES)
queue_length = Gauge("loss_queue_length", "Large requests waiting for a thread or being computed", multiprocess_mode="livesum")
queue_bytes = Gauge("loss_queue_bytes", "Bytes of large bodies being read, waiting and computed", multiprocess_mode="livesum")

_phases = [phases.labels(phase) for phase in PHASES]


@cache
def _requests(loss: str, encoding: str, status: int) -> Counter:
    """The counter of one row, looked up once: label look-ups cost more than counting."""
    return requests.labels(loss, encoding, str(status))


@cache
def _rejections(kind: str) -> Counter:
    return rejections.labels(kind)


def answered(loss: str, encoding: str, received: int, sent: int, seconds: tuple[float, ...]) -> None:
    """One request with a result."""
    _requests(loss, encoding, 200).inc()
    for histogram, duration in zip(_phases, seconds, strict=True):
        histogram.observe(duration)
    request_bytes.observe(received)
    response_bytes.observe(sent)


def refused(loss: str, encoding: str, status: int, kind: str) -> None:
    """One request with a problem. `loss` is a registered name or `unknown`, so that callers cannot make labels."""
    _requests(loss, encoding, status).inc()
    _rejections(kind).inc()


def exposition() -> tuple[bytes, str]:
    """The text of /metrics and its content type."""
    if DIRECTORY not in os.environ:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


def forget_worker(pid: int) -> None:
    """A worker has ended: its gauges no longer count."""
    if DIRECTORY in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
