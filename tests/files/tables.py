"""A table of predictions and labels, its files of every format, and runs of `loss-service evaluate` over them."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

from service.cli import main
from service.files.columns import to_arrow
from service.losses import LOSSES, Controls, compute

ROWS, CLASSES = 5000, 10
RNG = np.random.default_rng(7)
LOGITS = RNG.standard_normal((ROWS, CLASSES)) * 3
LABELS = RNG.integers(0, CLASSES, ROWS)
WEIGHTS = RNG.random(ROWS)
SEGMENT = RNG.choice(["a", "b", "c"], ROWS)
WHOLE = compute(LOSSES["cross_entropy"], {"predictions": LOGITS, "labels": LABELS}, {}, Controls("sum"))
MERGING = [loss for loss in LOSSES.values() if loss.merges]


def lists(array: np.ndarray, kind: str) -> pa.Array:
    """Rows as fixed-size lists, lists, large lists or a tensor type."""
    if kind == "tensor":
        return pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(array))
    fixed = to_arrow(array)
    return {"fixed": fixed, "list": fixed.cast(pa.list_(pa.float64())), "large": fixed.cast(pa.large_list(pa.float64()))}[kind]


def table(kind: str = "fixed") -> pa.Table:
    return pa.table({"logits": lists(LOGITS, kind), "y": LABELS, "w": WEIGHTS, "segment": SEGMENT})


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["evaluate", *map(str, arguments)]) == 0, capsys.readouterr().err
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.count("\n") == 1
    return json.loads(printed.out)


def rejected(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 1) -> str:
    try:
        ended: Any = main(["evaluate", *map(str, arguments)])
    except SystemExit as exc:
        ended = exc.code
    assert ended == status
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


CALL = ("--loss", "cross_entropy", "--predictions", "logits", "--labels", "y")
NAMES = [f"c{k}" for k in range(CLASSES)]


def write(path: Path, form: str) -> tuple[object, ...]:
    """The rows in a format, and the arguments that read them."""
    columns = {name: LOGITS[:, k] for k, name in enumerate(NAMES)}
    rest: dict[str, Any] = {"y": LABELS, "w": WEIGHTS, "segment": SEGMENT}
    several = ("--loss", "cross_entropy", "--predictions", ",".join(NAMES), "--labels", "y")
    match form.split("-"):
        case ["parquet", "columns"]:
            pq.write_table(pa.table(columns | rest), path / "p.parquet", row_group_size=777)
            return (path / "p.parquet", *several)
        case ["parquet", kind]:
            pq.write_table(table(kind), path / "p.parquet", row_group_size=777)
            return (path / "p.parquet", *CALL)
        case ["arrow", "stream"]:
            with pa.ipc.new_stream(path / "p.arrow", table().schema) as stream:
                stream.write_table(table(), max_chunksize=777)
            return (path / "p.arrow", *CALL)
        case ["feather", compression]:
            pa.feather.write_feather(table(), path / "p.feather", compression, chunksize=777)
            return (path / "p.feather", *CALL)
        case ["csv"] | ["csv", "gz"]:
            with gzip.open(path / "p.csv.gz", "wt") if form.endswith("gz") else (path / "p.csv").open("w") as file:
                writer = csv.writer(file)
                writer.writerow([*NAMES, *rest])
                writer.writerows(zip(*columns.values(), *rest.values(), strict=True))
            return (path / ("p.csv.gz" if form.endswith("gz") else "p.csv"), *several)
        case ["safetensors"]:
            arrays = {"logits": LOGITS, "y": LABELS, "w": WEIGHTS, "class_weight": np.ones(CLASSES)}
            safetensors.numpy.save_file(arrays, path / "p.safetensors")
            return (path / "p.safetensors", *CALL)
        case ["npz", kind]:
            save = np.savez if kind == "stored" else np.savez_compressed
            save(path / "p.npz", logits=LOGITS, **rest)
            return (path / "p.npz", *CALL)
    raise AssertionError(form)


FORMS = [
    *("parquet-fixed", "parquet-list", "parquet-large", "parquet-tensor", "parquet-columns", "arrow-stream", "feather-uncompressed", "feather-lz4"),
    *("csv", "csv-gz", "safetensors", "npz-stored", "npz-deflated"),
]
