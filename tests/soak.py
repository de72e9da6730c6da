"""`python -m tests.soak MINUTES`: mixed sizes, encodings and errors at about 80 % of what it can do; memory, descriptors and p99 stay flat.

The service runs as a process of its own. What it can do is measured first with the same mix; the first fifth of the time is warm-up.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import safetensors.numpy

from tests.conftest import running

CALLERS = 4
LOAD = 0.8
GROWTH = 1.05  # of resident memory after warm-up
SLOWER = 2.0  # p99 of the last fifth over that of the first after warm-up: a shared machine is no quieter than that

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
        self.threads = [threading.Thread(target=self._call, args=(seed,)) for seed in range(CALLERS)]

    def run(self, seconds: float) -> None:
        for thread in self.threads:
            thread.start()
        self.stopped.wait(seconds)
        self.stop()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _call(self, seed: int) -> None:
        asked = requests(random.Random(seed))
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


def p99(taken: list[tuple[float, float]], first: float, last: float) -> float:
    """Of the requests that began in that part of the time."""
    begun, ended = taken[0][0], taken[-1][0]
    chosen = [seconds for start, seconds in taken if first <= (start - begun) / (ended - begun) <= last]
    return float(np.quantile(chosen, 0.99))


def soak(seconds: float) -> list[str]:
    """What did not stay as it was; prints the figures."""
    service = running()
    with service as url:
        trial = Callers(url, None)
        trial.run(min(10.0, seconds / 4))
        most = len(trial.taken) / min(10.0, seconds / 4)
        callers = Callers(url, LOAD * most)
        samples: list[tuple[int, int]] = []
        watcher = threading.Thread(target=callers.run, args=(seconds,))
        watcher.start()
        while watcher.is_alive():
            samples.append(sample(service.process.pid))
            watcher.join(seconds / 100)
    return report(callers, samples, most, trial.wrong)


def report(callers: Callers, samples: list[tuple[int, int]], most: float, wrong: list[str]) -> list[str]:
    fifth = len(samples) // 5
    before, after = samples[fifth : 2 * fifth], samples[-fifth:]
    resident = [float(np.median([rss for rss, _ in part])) for part in (before, after)]
    descriptors = [max(count for _, count in part) for part in (before, after)]
    slow = [p99(sorted(callers.taken), 0.2, 0.4), p99(sorted(callers.taken), 0.8, 1.0)]
    print(f"{len(callers.taken)} requests at {LOAD:.0%} of {most:.0f} a second")
    print(f"resident MiB {resident[0] / 2**20:.1f} -> {resident[1] / 2**20:.1f}, descriptors {descriptors[0]} -> {descriptors[1]}")
    print(f"p99 ms {slow[0] * 1e3:.1f} -> {slow[1] * 1e3:.1f}")
    failures = [*wrong, *callers.wrong][:10]
    failures += ["memory grew"] if resident[1] > GROWTH * resident[0] else []
    failures += ["descriptors grew"] if descriptors[1] > descriptors[0] + 2 else []
    failures += ["p99 grew"] if slow[1] > SLOWER * slow[0] + 0.05 else []
    return failures


if __name__ == "__main__":
    found = soak(60 * float(sys.argv[1]))
    print("\n".join(found) or "all stayed as it was")
    sys.exit(1 if found else 0)
