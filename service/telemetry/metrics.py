"""Metrics for Prometheus, in this process. With several workers, `service.telemetry.fleet` adds them up.

What every request counts is kept in plain numbers that one thread at a time changes, and given to prometheus_client as families when
they are collected: its own counters and histograms take a lock and three calls each, 5 % of a small request (tests/benchmarks).
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import REGISTRY, Counter, Gauge, Info, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from service import __version__

if TYPE_CHECKING:
    from service.telemetry.requests import Request

SECONDS = (0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
BYTES = tuple(float(4**power) for power in range(4, 15))  # 256 B to 256 MiB
PHASES = ("decode", "queue", "compute", "encode")
CLASSES = ("2xx", "4xx", "5xx")  # of statuses


class Tallies(Collector):
    """A counter by labels."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self.name, self.documentation, self.labels = name, documentation, labels
        self.counts: Tally[tuple[str, ...]] = Tally()
        REGISTRY.register(self)

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self.name, self.documentation, labels=self.labels)
        for labels, count in list(self.counts.items()):
            family.add_metric(labels, count)
        return [family]


class Buckets:
    """One histogram."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0


class Distributions(Collector):
    """Histograms by one label, or a single one."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], label: str = "", values: Sequence[str] = ("",)) -> None:
        self.name, self.documentation, self.label = name, documentation, label
        self.of = {value: Buckets(bounds) for value in values}
        REGISTRY.register(self)

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self.name, self.documentation, labels=[self.label] if self.label else [])
        for value, one in self.of.items():
            bounds = [*map(floatToGoString, one.bounds), "+Inf"]
            family.add_metric([value] if self.label else [], list(zip(bounds, accumulate(one.counts), strict=True)), one.sum)
        return [family]


requests = Tallies("loss_requests", "Requests by loss, encoding of the body and status", ["loss", "encoding", "status"])
elements = Tallies("loss_elements", "Elements of the tensors of successful requests", ["loss"])
non_finite = Tallies("loss_non_finite", "Requests whose result was not finite", ["loss"])
rejections = Tallies("loss_rejections", "Problem documents by kind, those of other paths and of the protocol too", ["kind"])
phases = Distributions("loss_phase_seconds", "Time of a successful request by phase; queue only of those that had to wait", SECONDS, "phase", PHASES)
durations = Distributions(
    "loss_request_seconds",
    "Time from a request's headers until the last byte of its response is written, by class of status",
    SECONDS,
    "status",
    CLASSES,
)
request_bytes = Distributions("loss_request_bytes", "Size of request bodies", BYTES)
response_bytes = Distributions("loss_response_bytes", "Size of response bodies", BYTES)
queue_length = Gauge("loss_queue_length", "Large requests waiting for a thread or being computed")
queue_bytes = Gauge("loss_queue_bytes", "Bytes of large bodies being read, waiting and computed")
unsent_bytes = Gauge("loss_unsent_bytes", "Bytes of responses that clients have not taken yet")
in_flight = Gauge("loss_requests_in_flight", "Requests on all paths that have begun and have no full response yet, the one to /metrics included")
disconnects = Counter("loss_disconnects", "Requests whose client disconnected before the response was written")
restarts = Counter("loss_worker_restarts", "Workers that died or hung and were replaced")
dropped_lines = Counter("loss_dropped_log_lines", "Log lines dropped because stderr was not read or written in time")
build = Info("loss_build", "The service and what its numbers depend on; the value is 1")
build.info({"version": __version__, "python": platform.python_version(), "numpy": np.__version__})

_duration = [durations.of[f"{digit}xx" if digit in (2, 4) else "5xx"] for digit in range(6)]  # by a status's first digit; 0 has no response
_OBSERVED = (*phases.of.values(), request_bytes.of[""], response_bytes.of[""])
_QUEUE = phases.of["queue"]


def count(over: Iterable[Request]) -> None:
    """Count requests that are over. To be called by one thread at a time."""
    for request in over:
        if request.problem:
            rejections.counts[(request.problem,)] += 1
        if request.disconnected:
            disconnects.inc()
        elif request.loss:
            requests.counts[request.loss, request.encoding or "none", str(request.status)] += 1
            duration, total = _duration[request.status // 100], request.ended - request.begun
            duration.counts[bisect_left(duration.bounds, total)] += 1
            duration.sum += total
            if request.problem == "non-finite":
                non_finite.counts[(request.loss,)] += 1
            if request.status == 200:
                elements.counts[(request.loss,)] += request.elements
                for buckets, value in zip(_OBSERVED, (*request.seconds, request.received, request.sent), strict=True):
                    if value or buckets is not _QUEUE:
                        buckets.counts[bisect_left(buckets.bounds, value)] += 1
                        buckets.sum += value
