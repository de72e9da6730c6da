"""Metrics of several workers as one: each publishes a snapshot of its own, and /metrics of any of them adds them up.

Snapshots are files written with `write`, which fails on a full disk with an error that can be handled. prometheus_client's own mode for several
processes maps its files into memory, where a full /dev/shm ends the process by SIGBUS.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from service.telemetry import requests

PUBLISH_SECONDS = 1.0  # between two snapshots: with all losses in use one is some 10 ms of a thread
DEAD = "dead.json"  # the sum of what ended workers have counted

log = logging.getLogger("service")

Family = list[Any]  # name, documentation, type, [[name of a sample, labels, value], ...]


class Fleet(Collector):
    """The workers' directory of snapshots. `own` is this process's file; the supervisor, which serves nothing, has none."""

    def __init__(self, directory: Path, own: str = "") -> None:
        self.directory, self.own, self.failed = directory, own, False

    def publish(self) -> None:
        """Write this process's metrics. Where there is no room, /metrics of the others lacks them, and nothing else happens."""
        try:
            self._write(self.own, {"families": _families(_collected())})
            self.failed = False
        except OSError as exc:
            if not self.failed:
                log.warning("metrics are not shared between the workers: %s", exc.strerror)
            self.failed = True

    def bury(self, name: str) -> None:
        """Add an ended worker's counters to those of the dead, and remove its file."""
        read, dead = self._read(name), self._read(DEAD)
        buried = [*dead.get("buried", []), name]
        counted = [family for family in read.get("families", []) if family[2] in ("counter", "histogram")]
        merged = _families(_merged([*dead.get("families", []), *counted]))
        with suppress(OSError):
            self._write(DEAD, {"families": merged, "buried": buried})
            (self.directory / name).unlink(missing_ok=True)

    def collect(self) -> Iterable[Metric]:
        """The sum of this process's metrics as they are, of the others' as last published, and of the dead."""
        others = {path.name: self._read(path.name) for path in self.directory.glob("*.json") if path.name not in (self.own, DEAD)}
        dead = self._read(DEAD)  # after the others: a worker buried meanwhile is in here, and not counted twice
        families = [*_families(_collected()), *dead.get("families", [])]
        for name, snapshot in others.items():
            if name not in dead.get("buried", []):
                families += snapshot.get("families", [])
        return _merged(families)

    def _read(self, name: str) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found: dict[str, Any] = orjson.loads((self.directory / name).read_bytes())
            return found
        return {}

    def _write(self, name: str, document: dict[str, Any]) -> None:
        """Replace a file at once, so that no reader sees half of it."""
        written = self.directory / f"{name}.new"
        try:
            written.write_bytes(orjson.dumps(document))
            written.replace(self.directory / name)
        except OSError:
            written.unlink(missing_ok=True)
            raise


def exposition(fleet: Fleet | None) -> tuple[bytes, str]:
    """The text of /metrics and its content type."""
    if fleet is None:
        requests.settle()
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    registry.register(fleet)
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _collected() -> Iterable[Metric]:
    """The metrics of this process, with all requests that are over."""
    requests.settle()
    return REGISTRY.collect()


def _families(metrics: Iterable[Metric]) -> list[Family]:
    return [
        [metric.name, metric.documentation, metric.type, [[sample.name, sample.labels, sample.value] for sample in metric.samples]]
        for metric in metrics
    ]


def _merged(families: Iterable[Family]) -> list[Metric]:
    metrics: dict[str, Metric] = {}
    totals: dict[str, dict[tuple[Any, ...], float]] = {}
    for name, documentation, kind, samples in families:
        metrics.setdefault(name, Metric(name, documentation, kind))
        found = totals.setdefault(name, {})
        for sample, labels, value in samples:
            key = (sample, *sorted(labels.items()))
            found[key] = _sum(sample, found[key], value) if key in found else value
    for name, metric in metrics.items():
        for (sample, *labels), value in totals[name].items():
            metric.add_sample(sample, dict(labels), value)
    return list(metrics.values())


def _sum(sample: str, a: float, b: float) -> float:
    """Of one sample in two processes: the earlier of two times, one of two constants, else the sum."""
    if sample.endswith(("_created", "_start_time_seconds")):
        return min(a, b)
    return max(a, b) if sample.endswith("_info") else a + b
