"""`make bench-files`: `loss-service evaluate` over 20 million rows of 10 classes, against reading the file alone plus computing alone.

The file is made first (float32 logits as fixed-size lists, int64 labels, a text segment, row groups of 500,000). Each line runs in a process of
its own, ROUNDS times in turn, and the fastest counts. `read` is a loop over pyarrow's batches of the two columns; `compute` is
service.losses.compute on the same batches in memory; both time the loop only. The time of `evaluate` is the whole process with its imports.
Where this process may make a memory cgroup, `evaluate` runs in one of 512 MB, page cache included. The value is compared with one call over all rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


def read(path: Path) -> float:
    start = time.perf_counter()
    for _ in batches(path):
        pass
    return time.perf_counter() - start


def computed(path: Path) -> float:
    taken = 0.0
    for batch in batches(path):
        tensors = arrays(batch)
        start = time.perf_counter()
        compute(LOSS, tensors, {}, VALUE)
        taken += time.perf_counter() - start
    return taken


def whole(path: Path) -> float:
    return compute(LOSS, arrays(pa.Table.from_batches(batches(path)).combine_chunks().to_batches()[0]), {}, VALUE).value or 0.0


STEPS: dict[str, Callable[[Path], float]] = {"read": read, "compute": computed, "whole": whole}


def step(name: str, path: Path) -> float:
    return float(subprocess.run([sys.executable, "-m", "tests.benchmarks.files", name, str(path)], check=True, stdout=subprocess.PIPE).stdout)


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


def evaluate(path: Path, group: Path | None, *more: str) -> tuple[float, float, dict[str, Any]]:
    """Seconds, the peak of the resident set in MB, and the printed line."""
    call = [sys.executable, "-m", "service", "evaluate", str(path), "--loss", "cross_entropy", "--predictions", "logits", "--labels", "y", *more]
    if group:
        call = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group), *call]
    start = time.perf_counter()
    with subprocess.Popen(call, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return time.perf_counter() - start, usage.ru_maxrss / 1024, json.loads(printed)


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory, limited() as group:
        path = Path(directory) / "predictions.parquet"
        make(path, rows)
        reading, computing, runs = [], [], []
        for _ in range(ROUNDS):
            reading.append(step("read", path))
            computing.append(step("compute", path))
            runs.append(evaluate(path, group))
        one = step("whole", path)
        parts = min(reading) + min(computing)
        value = runs[0][2]["value"]
        assert abs(value - one) <= 1e-12 * abs(one), (value, one)
        print(f"{rows:,} rows x {CLASSES}, {path.stat().st_size / 1e6:.0f} MB of Parquet, memory limit {'512 MB (cgroup)' if group else 'none'}")
        print("\n| run | s | million rows/s | of read + compute | peak resident MB |\n|---|---|---|---|---|")
        print(f"| read + compute | {min(reading):.2f} + {min(computing):.2f} | {rows / parts / 1e6:.1f} | 100 % | |")
        rest = {
            "evaluate --jobs 1": ("--jobs", "1"),
            "evaluate --by segment": ("--by", "segment"),
            "evaluate --out": ("--out", f"{directory}/losses.parquet"),
            "evaluate --out --gradients": ("--out", f"{directory}/losses.parquet", "--gradients"),
        }
        lines = {"evaluate": [min(runs)]} | {name: [evaluate(path, group, *more)] for name, more in rest.items()}
        for name, ((seconds, peak, _),) in lines.items():
            print(f"| {name} | {seconds:.2f} | {rows / seconds / 1e6:.1f} | {100 * parts / seconds:.0f} % | {peak:.0f} |")
        print(f"\nvalue {value!r}; one call over all rows {one!r}, relative difference {abs(value - one) / abs(one):.1e}")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(STEPS[sys.argv[1]](Path(sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
