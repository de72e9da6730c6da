"""`make sweep`: bodies scaled along every axis and every pair of axes of every loss, against a real server, while its liveness is probed.

Writes tests/losses/WORK.md; with names, their rows alone. `--small` leaves out the calls at the caps, which take up to half a minute each.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

from service.losses import LOSSES, Loss
from service.losses.declaration import Cost
from service.losses.numerics import Array
from service.settings import Settings
from tests.conftest import running
from tests.losses import work

TABLE = Path(__file__).with_name("WORK.md")
SMALL_BYTES = 250_000  # of a body, about; below LOSS_SERVICE_INLINE_BYTES
PROBED_SECONDS = 0.005  # between two probes
SLOW_PROBE = 0.05  # seconds, after which the bodies are sent again
ATTEMPTS = 4
LONGEST_PROBE, LARGEST_PEAK, STATUSES = 0.1, 1e9, {200, 413, 422}  # bounds of every body
CONTEXT = multiprocessing.get_context("spawn")
NUMBER_BYTES = 6  # of a number that is rounded to three digits


class Probe:
    """A process that requests /health/live again and again, so that this process' own work delays no probe."""

    def __init__(self, port: int) -> None:
        self._worst = CONTEXT.Value("d", 0.0)
        self.process = CONTEXT.Process(target=probe, args=(port, self._worst), daemon=True)
        self.process.start()

    @property
    def worst(self) -> float:
        """The longest wait since it was set to 0, in seconds, that of an unanswered probe included."""
        return float(self._worst.value)

    @worst.setter
    def worst(self, value: float) -> None:
        time.sleep(4 * PROBED_SECONDS)  # a probe that began before is over
        self._worst.value = value


def probe(port: int, worst: Any) -> None:
    """Keep the longest wait for a response in `worst`."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while True:
            start = time.perf_counter()
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            if not connection.recv(4096):
                return
            worst.value = max(worst.value, time.perf_counter() - start)
            time.sleep(PROBED_SECONDS)


def peak(pid: int) -> int:
    """The largest resident memory of a process since `forget`, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def forget(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def elements(loss: Loss, sizes: dict[str, int]) -> int:
    """The elements of the required inputs."""
    forms = [item.forms[0] for item in loss.inputs if item.required]
    return sum(int(np.prod([int(axis) if axis.isdigit() else sizes[axis] for axis in form.names])) for form in forms)


def largest(loss: Loss, growing: tuple[str, ...], fits: Any) -> int:
    """The largest size of the growing axes that fits."""
    size = work.SMALL
    while size < 40_000_000 and fits(work.sized(loss, growing, int(size * 1.2) + 1)):
        size = int(size * 1.2) + 1
    return size


def call(loss: Loss, sizes: dict[str, int]) -> tuple[dict[str, Array], dict[str, Any]]:
    options = work.options_for(loss, sizes)
    return work.fitted(loss, work.tensors(loss, sizes, options, 1), sizes), options


def small_bodies(loss: Loss) -> Iterator[bytes]:
    for growing in work.grown(loss):
        size = largest(loss, growing, lambda sizes: elements(loss, sizes) * NUMBER_BYTES <= SMALL_BYTES)
        arrays, options = call(loss, work.sized(loss, growing, size))
        yield json.dumps({**{name: np.round(array, 3).tolist() for name, array in arrays.items()}, **options}).encode()


def bodies_at_the_caps(loss: Loss, settings: Settings) -> list[bytes]:
    """Return the calls of the most operations and of the most memory that the caps admit, along one axis or two."""

    def needed(sizes: dict[str, int]) -> Cost:
        tensors = {
            item.name: np.broadcast_to(0.0, [int(axis) if axis.isdigit() else sizes[axis] for axis in item.forms[0].names])
            for item in loss.inputs
            if item.required
        }
        cost = work.cost(loss, tensors, work.options_for(loss, sizes))
        return Cost(cost.operations, cost.memory + 2 * 8 * elements(loss, sizes))

    def fits(sizes: dict[str, int]) -> bool:
        cost = needed(sizes)
        return (
            elements(loss, sizes) * 8 * 4 / 3 <= settings.max_body_bytes / 2
            and cost.operations <= settings.max_work * 0.98
            and cost.memory <= settings.max_work_bytes * 0.98
        )

    found = [work.sized(loss, growing, largest(loss, growing, fits)) for growing in work.grown(loss)]
    most = [max(found, key=lambda sizes: needed(sizes)[part]) for part in range(2)]
    return [coded(*call(loss, sizes)) for sizes in (most[:1] if most[0] == most[1] else most)]


def coded(arrays: dict[str, Array], options: dict[str, Any]) -> bytes:
    """Return a body whose tensors are in base64."""
    tensors = {
        name: {"shape": array.shape, "dtype": array.dtype.name, "base64": base64.b64encode(array.tobytes()).decode()}
        for name, array in arrays.items()
    }
    return json.dumps({**tensors, **options}).encode()


def sent(client: httpx.Client, loss: Loss, body: bytes) -> tuple[int, float]:
    start = time.perf_counter()
    response = client.post(f"/loss/{loss.name}", content=body, headers={"content-type": "application/json"})
    return response.status_code, time.perf_counter() - start


class Figures(NamedTuple):
    """Longest wait of a probe and for a response, in seconds; peak memory of the process, in bytes."""

    probe: float
    memory: int
    seconds: float
    statuses: set[int]


@contextmanager
def served() -> Iterator[tuple[httpx.Client, Probe, int]]:
    service = running()
    with service as url, httpx.Client(base_url=url, timeout=120) as client:
        probe = Probe(int(url.rpartition(":")[2]))
        try:
            yield client, probe, service.process.pid
        finally:
            probe.process.kill()


def measured(client: httpx.Client, probe: Probe, pid: int, loss: Loss, bodies: list[bytes]) -> Figures:
    """Send the bodies; again where a probe was slow, since others' load on the machine delays probes too, and keep the fastest probe."""
    figures = []
    for _ in range(ATTEMPTS):
        forget(pid)
        probe.worst = 0.0
        responses = [sent(client, loss, body) for body in bodies]
        time.sleep(2 * PROBED_SECONDS)
        statuses = {status for status, _ in responses}
        figures.append(Figures(probe.worst, peak(pid), max(seconds for _, seconds in responses), statuses))
        if probe.worst < SLOW_PROBE:
            break
    return min(figures)


def row(loss: Loss, client: httpx.Client, probe: Probe, pid: int, caps: bool) -> tuple[str, list[str]]:
    """Return a line of the table, and what it has beyond the bounds."""
    bodies = list(small_bodies(loss))
    found = measured(client, probe, pid, loss, bodies)
    cells = [loss.name, f"{len(bodies)}", f"{found.probe * 1e3:.0f}", f"{found.memory / 1e6:.0f}", f"{found.seconds:.2f}"]
    problems = beyond(loss, found)
    if caps:
        large = measured(client, probe, pid, loss, bodies_at_the_caps(loss, Settings()))
        cells += [
            f"{large.seconds:.1f}",
            f"{large.memory / 1e6:.0f}",
            f"{large.probe * 1e3:.0f}",
            " ".join(map(str, sorted(large.statuses | found.statuses))),
        ]
        problems += beyond(loss, large)
    return f"| {' | '.join(cells)} |", problems


def beyond(loss: Loss, found: Figures) -> list[str]:
    """Return what is beyond the bounds."""
    return [
        f"{loss.name}: {what}"
        for what, bad in (
            (f"a probe waited {found.probe * 1e3:.0f} ms", found.probe > LONGEST_PROBE),
            (f"{found.memory / 1e6:.0f} MB", found.memory > LARGEST_PEAK),
            (f"status {found.statuses}", not found.statuses <= STATUSES),
        )
        if bad
    ]


def table() -> tuple[str, dict[str, str]]:
    """Return the text before the rows of WORK.md, and its rows by loss."""
    head, rule, rows = TABLE.read_text(encoding="utf-8").partition("|---|---|---|---|---|---|---|---|---|\n")
    return head + rule, {line.split(" | ")[0].removeprefix("| "): line for line in rows.splitlines()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    rows: dict[str, str] = {}
    problems: list[str] = []
    with served() as (client, probe, pid):
        time.sleep(3)
        idle = probe.worst
        for name in given.names or work.every_loss:
            line, more = row(LOSSES[name], client, probe, pid, not given.small)
            rows[name] = line
            problems += more
            print(line, *more, sep="\n", flush=True)
    load = os.getloadavg()[0]
    head = f"""# Work

`make sweep`: every loss is sent bodies of some {SMALL_BYTES // 1000} KB of JSON, along every axis and every pair of axes, while `/health/live` is asked every
{PROBED_SECONDS * 1e3:.0f} ms by a process of its own; then the calls of the most operations and of the most memory that the default limits admit, in base64.
Bodies during which a probe waited more than {SLOW_PROBE * 1e3:.0f} ms are sent up to {ATTEMPTS} times, and the line is that of the fastest probe.
Memory is the resident peak of the whole process. Load of the {os.cpu_count()} cores at the end: {load:.1f}; worst probe before the first body: {idle * 1e3:.0f} ms.

| loss | bodies | worst probe, ms | peak, MB | slowest, s | at the caps: s | MB | worst probe, ms | status |
|---|---|---|---|---|---|---|---|---|
"""
    if given.names:
        head, kept = table()
        rows = dict(sorted((kept | rows).items()))
    TABLE.write_text(head + "\n".join(rows.values()) + "\n", encoding="utf-8")
    sys.exit("\n".join(problems) or 0)


if __name__ == "__main__":
    main()
