"""`python -m tests.soak MINUTES`: mixed sizes, encodings and errors at about 80 % of what it can do; memory, descriptors and p99 stay flat.

The service runs as a process of its own. What it can do is measured first with the same mix; the first fifth of the time is warm-up.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import safetensors.numpy

from service.losses import LOSSES
from tests.conftest import running

CALLERS = 4
LOAD = 0.8
GROWTH = 1.05  # of resident memory after warm-up
SLOWER = 1.5  # p99 of the later windows over that of the earlier ones
WARM_UP = 0.2
WINDOWS = 8

Request = tuple[str, bytes, dict[str, str], int]


def requests(rng: random.Random) -> list[Request]:
    """(loss, body, headers, expected status)."""
    plain, binary = {"content-type": "application/json"}, {"content-type": "application/vnd.safetensors"}
    found: list[Request] = []
    for size in (3, 30, 300, 3_000, 30_000):
        values = np.random.default_rng(size).normal(size=(2, size))
        body = json.dumps({"predictions": values[0].tolist(), "labels": values[1].tolist()}).encode()
        found.append(("mean_squared_error", body, plain, 200))
        found.append(("smooth_l1", gzip.compress(body, 1), {**plain, "content-encoding": "gzip"}, 200))
        found.append(("mean_squared_error", safetensors.numpy.save({"predictions": values[0], "labels": values[1]}), binary, 200))
        found.append(("mean_squared_error", body[:-4], plain, 400))
    found += [(loss.name, json.dumps(loss.example).encode(), plain, 200) for loss in rng.sample(list(LOSSES.values()), 20)]
    found.append(("mean_squared_error", b'{"predictions": [1], "labels": [[1]]}', plain, 422))
    found.append(("no_such_loss", b"{}", plain, 404))
    rng.shuffle(found)
    return found


class Callers:
    """Threads that ask, each at its pace, and note how long it took."""

    def __init__(self, url: str, per_second: float | None) -> None:
        self.url, self.pause = url, 0.0 if per_second is None else CALLERS / per_second
        self.taken: list[tuple[float, float]] = []
        self.wrong: list[str] = []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._call, args=(requests(random.Random(seed)),)) for seed in range(CALLERS)]

    def run(self, seconds: float) -> None:
        for thread in self.threads:
            thread.start()
        self.stopped.wait(seconds)
        self.stop()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _call(self, asked: list[Request]) -> None:
        due = time.monotonic()
        with httpx.Client(base_url=self.url, timeout=60) as client:
            for turn in range(10**9):
                if self.stopped.wait(max(0.0, due - time.monotonic())):
                    return
                name, body, headers, status = asked[turn % len(asked)]
                start = time.monotonic()
                answer = client.post(f"/loss/{name}", content=body, headers=headers)
                self.taken.append((start, time.monotonic() - start))
                if answer.status_code != status:
                    self.wrong.append(f"{name}: {answer.status_code} in place of {status}")
                due = max(due + self.pause, start)


def sample(pid: int) -> tuple[int, int]:
    """Resident bytes and open descriptors of the service."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def p99s(taken: list[tuple[float, float]], begun: float, ended: float) -> list[float]:
    """Of the requests that began in each window after the warm-up."""
    starts, seconds = np.array(sorted(taken)).T
    edges = np.linspace(begun + WARM_UP * (ended - begun), ended, WINDOWS + 1)
    return [float(np.quantile(seconds[(first <= starts) & (starts < last)], 0.99)) for first, last in pairwise(edges)]


def soak(seconds: float) -> list[str]:
    """Print the figures, and return what changed."""
    service = running()
    with service as url:
        for loss in LOSSES.values():  # each makes its request model when first asked for
            httpx.post(f"{url}/loss/{loss.name}", json=loss.example, timeout=60).raise_for_status()
        trial = Callers(url, None)
        trial.run(min(10.0, seconds / 4))
        most = len(trial.taken) / min(10.0, seconds / 4)
        callers = Callers(url, LOAD * most)
        samples: list[tuple[int, int, float]] = []
        watcher = threading.Thread(target=callers.run, args=(seconds,))
        begun = time.monotonic()
        watcher.start()
        while watcher.is_alive():
            samples.append((*sample(service.process.pid), os.getloadavg()[0]))
            watcher.join(seconds / 200)
    return report(callers, samples, most, trial.wrong, begun)


def report(callers: Callers, samples: list[tuple[int, int, float]], most: float, wrong: list[str], begun: float) -> list[str]:
    """Medians of windows: on a machine that others share one window in eight may be theirs, and the load says which."""
    ended = max(start for start, _ in callers.taken)
    after = [np.array(part) for part in np.array_split(np.array(samples)[int(WARM_UP * len(samples)) :], WINDOWS)]
    resident, descriptors, load = ([float(np.median(part[:, column])) for part in after] for column in range(3))
    slow = p99s(callers.taken, begun, ended)
    half = WINDOWS // 2
    early, late = float(np.median(slow[:half])), float(np.median(slow[half:]))
    print(f"{len(callers.taken)} requests at {LOAD:.0%} of {most:.0f} a second, {len(callers.taken) / (ended - begun):.0f} a second in fact")
    print("windows after the warm-up:")
    print("  resident MiB  " + " ".join(f"{value / 2**20:7.1f}" for value in resident))
    print("  descriptors   " + " ".join(f"{value:7.0f}" for value in descriptors))
    print("  p99 ms        " + " ".join(f"{value * 1e3:7.1f}" for value in slow))
    print("  machine load  " + " ".join(f"{value:7.1f}" for value in load))
    print(f"growth of memory {resident[-1] / resident[0] - 1:+.1%}; p99, median of {half} windows: {early * 1e3:.1f} -> {late * 1e3:.1f} ms")
    minutes, growth = (ended - begun) / 60, resident[-1] / resident[0] - 1
    print(
        f"| {minutes:.0f} minutes of mixed sizes, encodings, errors and losses | memory {growth:+.0%} after warm-up, descriptors {descriptors[0]:.0f} to "
        f"{descriptors[-1]:.0f}, p99 {early * 1e3:.0f} to {late * 1e3:.0f} ms | `make soak MINUTES={minutes:.0f}` |"
    )
    failures = [*wrong, *callers.wrong][:10]
    failures += ["memory grew"] if resident[-1] > GROWTH * resident[0] else []
    failures += ["descriptors grew"] if descriptors[-1] > descriptors[0] else []
    failures += ["p99 grew"] if late > SLOWER * early + 0.005 else []
    return failures


if __name__ == "__main__":
    found = soak(60 * float(sys.argv[1]))
    print("\n".join(found) or "all stayed as it was")
    sys.exit(1 if found else 0)
