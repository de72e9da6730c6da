"""`make sweep`: bodies scaled along every axis and every pair of axes of every loss, against a real server, while its liveness is probed.

Writes tests/losses/WORK.md. `--small` leaves out the calls at the caps, which take up to half a minute each.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from service.losses import LOSSES, Loss
from service.losses.numerics import Array
from service.settings import Settings
from tests.conftest import running
from tests.losses import work

TABLE = Path(__file__).with_name("WORK.md")
SMALL_BYTES = 100_000  # of a body, about; below LOSS_SERVICE_INLINE_BYTES
PROBED_SECONDS = 0.005  # between two probes
NUMBER_BYTES = 6  # of a number that is rounded to three digits


class Probe:
    """The liveness probe of a server, again and again; `worst` is the longest that it took, in seconds."""

    def __init__(self, port: int) -> None:
        self.worst, self.stopped = 0.0, False
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.stopped:
            start = time.perf_counter()
            self.socket.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            if not self.socket.recv(4096):
                return
            self.worst = max(self.worst, time.perf_counter() - start)
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


def body_at_the_caps(loss: Loss, settings: Settings) -> bytes:
    """The call of the most operations that the caps admit, along one axis or two."""

    def fits(sizes: dict[str, int]) -> bool:
        if elements(loss, sizes) * 8 * 4 / 3 > settings.max_body_bytes / 2:
            return False
        empty = {
            item.name: np.broadcast_to(0.0, [int(axis) if axis.isdigit() else sizes[axis] for axis in item.forms[0].names])
            for item in loss.inputs
            if item.required
        }
        cost = work.cost(loss, empty, work.options_for(loss, sizes))
        most[0] = cost.operations
        held = sum(array.size * 8 for array in empty.values()) * 2
        return cost.operations <= settings.max_work * 0.98 and cost.memory + held <= settings.max_work_bytes * 0.98

    most, found = [0.0], []
    for growing in work.grown(loss):
        size = largest(loss, growing, fits)
        fits(work.sized(loss, growing, size))
        found.append((most[0], growing, size))
    _, growing, size = max(found)
    arrays, options = call(loss, work.sized(loss, growing, size))
    tensors = {
        name: {"shape": array.shape, "dtype": array.dtype.name, "base64": base64.b64encode(array.tobytes()).decode()}
        for name, array in arrays.items()
    }
    return json.dumps({**tensors, **options}).encode()


def sent(client: httpx.Client, loss: Loss, body: bytes) -> tuple[int, float]:
    start = time.perf_counter()
    response = client.post(f"/loss/{loss.name}", content=body, headers={"content-type": "application/json"})
    return response.status_code, time.perf_counter() - start


@contextmanager
def served() -> Iterator[tuple[httpx.Client, Probe, int]]:
    service = running()
    with service as url, httpx.Client(base_url=url, timeout=120) as client:
        probe = Probe(int(url.rpartition(":")[2]))
        try:
            yield client, probe, service.process.pid
        finally:
            probe.stopped = True


def row(loss: Loss, client: httpx.Client, probe: Probe, pid: int, caps: bool) -> str:
    """A line of the table; an AssertionError for a status that no body may have."""
    forget(pid)
    probe.worst = 0.0
    answers = [sent(client, loss, body) for body in small_bodies(loss)]
    worst, memory, at_caps = probe.worst, peak(pid), ""
    if caps and loss.work.names:
        forget(pid)
        probe.worst = 0.0
        status, seconds = sent(client, loss, body_at_the_caps(loss, Settings()))
        at_caps = f"{seconds:.1f} | {peak(pid) / 1e6:.0f} | {probe.worst * 1e3:.0f} | {status}"
        answers.append((status, seconds))
    assert {status for status, _ in answers} <= {200, 413, 422}, (loss.name, answers)
    slowest = max(seconds for _, seconds in answers[: len(answers)])
    return f"| {loss.name} | {len(answers)} | {worst * 1e3:.0f} | {memory / 1e6:.0f} | {slowest:.2f} | {at_caps or ' | | |'} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    rows = []
    with served() as (client, probe, pid):
        time.sleep(3)
        idle = probe.worst
        for name in given.names or work.every_loss:
            rows.append(row(LOSSES[name], client, probe, pid, not given.small))
            print(rows[-1], flush=True)
    load = os.getloadavg()[0]
    head = f"""# Work

`make sweep`: every loss is sent bodies of some {SMALL_BYTES // 1000} KB of JSON, along every axis and every pair of axes, while `/health/live` is asked every
{PROBED_SECONDS * 1e3:.0f} ms; then, where the work grows faster than the inputs, the largest call that the default limits admit. Every status was 200, 413 or 422.
Memory is the resident peak of the whole process. Load of the {os.cpu_count()} cores at the end: {load:.1f}; worst probe before the first body: {idle * 1e3:.0f} ms.

| loss | bodies | worst probe, ms | peak, MB | slowest, s | at the caps: s | MB | worst probe, ms | status |
|---|---|---|---|---|---|---|---|---|
"""
    TABLE.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
