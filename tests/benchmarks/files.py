"""`make bench-files`: `loss-service evaluate` over 20 million rows of 10 classes, against reading the file alone plus computing alone.

The file is made first (float32 logits as fixed-size lists, int64 labels, a text segment, row groups of 500,000). Each line runs in a process of
its own, ROUNDS times in turn, and the fastest counts. `read` is a loop over pyarrow's batches of the two columns; `compute` is
service.losses.compute on the same batches in memory; both time the loop only. The time of `evaluate` is the whole process with its imports.
Where this process may make a memory cgroup, `evaluate` runs in one of 512 MB, page cache included. The value is compared with one call over all rows.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from service.losses import LOSSES, Controls, compute

ROWS, CLASSES, ROW_GROUP, ROUNDS = 20_000_000, 10, 500_000, 3
LIMIT = 512 * 1024 * 1024
CGROUPS = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
LOSS = LOSSES["cross_entropy"]
VALUE = Controls(outputs=("value",))


def make(path: Path, rows: int) -> None:
    rng, writer = np.random.default_rng(0), None
    for first in range(0, rows, ROW_GROUP):
        n = min(ROW_GROUP, rows - first)
        logits = pa.array(rng.standard_normal((n, CLASSES), np.float32).reshape(-1))
        columns = {
            "logits": pa.FixedSizeListArray.from_arrays(logits, CLASSES),
            "y": rng.integers(0, CLASSES, n),
            "segment": rng.choice(["a", "b", "c"], n),
        }
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(columns=["logits", "y"])


def arrays(batch: pa.RecordBatch) -> dict[str, np.ndarray]:
    return {"predictions": batch.column("logits").flatten().to_numpy().reshape(-1, CLASSES), "labels": batch.column("y").to_numpy()}


def read(path: Path) -> tuple[float, float]:
    with timed() as taken:
        for _ in batches(path):
            pass
    return taken[0], taken[1]


def computed(path: Path) -> tuple[float, float]:
    taken = [0.0, 0.0]
    for batch in batches(path):
        tensors = arrays(batch)
        with timed() as of_batch:
            compute(LOSS, tensors, {}, VALUE)
        taken = [a + b for a, b in zip(taken, of_batch, strict=True)]
    return taken[0], taken[1]


def whole(path: Path) -> tuple[float]:
    return (compute(LOSS, arrays(pa.Table.from_batches(batches(path)).combine_chunks().to_batches()[0]), {}, VALUE).value or 0.0,)


STEPS: dict[str, Callable[[Path], tuple[float, ...]]] = {"read": read, "compute": computed, "whole": whole}


@contextmanager
def timed() -> Iterator[list[float]]:
    """The seconds and processor seconds of the block, once it has ended."""
    taken: list[float] = []
    start, used = time.perf_counter(), time.process_time()
    yield taken
    taken += [time.perf_counter() - start, time.process_time() - used]


def step(name: str, path: Path) -> list[float]:
    return [float(number) for number in run(None, "tests.benchmarks.files", name, str(path)).printed.split()]


@contextmanager
def limited() -> Iterator[Path | None]:
    """A memory cgroup of LIMIT bytes, or None where this process may not make one."""
    root = CGROUPS[0] if CGROUPS[0].exists() else CGROUPS[1]
    group = root / f"loss-service-{os.getpid()}"
    try:
        group.mkdir()
        (group / ("memory.limit_in_bytes" if root == CGROUPS[0] else "memory.max")).write_text(str(LIMIT))
    except OSError:
        yield None
        return
    try:
        yield group
    finally:
        group.rmdir()


@dataclass(frozen=True)
class Run:
    """A finished command. peak is the kernel's VmHWM in MB: the resident set of this program alone, shared pages of its files included."""

    seconds: float
    processor_seconds: float
    peak: float
    printed: str


def run(group: Path | None, *command: str) -> Run:
    call = ["sh", "-c", 'test -z "$0" || echo $$ > "$0/cgroup.procs"; exec "$@"', str(group or ""), sys.executable, "-m", *command]
    start, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as out, subprocess.Popen(call, stdout=out) as process:
        status = Path(f"/proc/{process.pid}/status")
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            found = re.search(r"VmHWM:\s+(\d+)", status.read_text())  # ru_maxrss would have this process's own peak, which a fork inherits
            peak = max(peak, int(found[1]) if found and time.perf_counter() - start > 0.2 else 0)
            time.sleep(0.01)
        seconds, (_, code, usage) = time.perf_counter() - start, ended
        process.returncode = os.waitstatus_to_exitcode(code)
        assert process.returncode == 0, (command, process.returncode)
        out.seek(0)
        return Run(seconds, usage.ru_utime + usage.ru_stime, peak / 1024, out.read().decode())


def evaluate(path: Path, group: Path | None, *more: str) -> Run:
    call = ("evaluate", str(path), "--loss", "cross_entropy", "--predictions", "logits", "--labels", "y", *more)
    return run(group, "service", *call)


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory, limited() as group:
        path, out = Path(directory) / "predictions.parquet", f"{directory}/losses.parquet"
        make(path, rows)
        reading, computing, runs = [], [], []
        for _ in range(ROUNDS):
            reading.append(step("read", path))
            computing.append(step("compute", path))
            runs.append(evaluate(path, group))
        parts = [min(step[at] for step in reading) + min(step[at] for step in computing) for at in (0, 1)]
        value, one = json.loads(runs[0].printed)["value"], step("whole", path)[0]
        assert abs(value - one) <= 1e-12 * abs(one), (value, one)
        print(f"{rows:,} rows x {CLASSES}, {path.stat().st_size / 1e6:.0f} MB of Parquet, memory limit {'512 MB (cgroup)' if group else 'none'}")
        print(
            "\n| run | s | of read + compute | processor s | of read + compute | million rows/s | peak resident MB |\n|---|---|---|---|---|---|---|"
        )
        print(f"| read + compute | {parts[0]:.1f} | | {parts[1]:.1f} | | {rows / parts[0] / 1e6:.1f} | |")
        lines = {
            "evaluate": min(runs, key=lambda run: run.seconds),
            "evaluate --jobs 1": evaluate(path, group, "--jobs", "1"),
            "evaluate --by segment": evaluate(path, group, "--by", "segment"),
            "evaluate --out": evaluate(path, group, "--out", out),
            "evaluate --out --gradients": evaluate(path, group, "--out", out, "--gradients"),
        }
        for name, it in lines.items():
            shares = f"{it.seconds:.1f} | {parts[0] / it.seconds:.0%} | {it.processor_seconds:.1f} | {parts[1] / it.processor_seconds:.0%}"
            print(f"| {name} | {shares} | {rows / it.seconds / 1e6:.1f} | {it.peak:.0f} |")
        print(f"\nvalue {value!r}; one call over all rows {one!r}, relative difference {abs(value - one) / abs(one):.1e}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(*STEPS[sys.argv[1]](Path(sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
