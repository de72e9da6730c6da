"""`loss-service evaluate`: bad rows, files and commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from service.files.columns import to_arrow
from service.losses import LOSSES
from tests.files.tables import (
    CALL,
    CLASSES,
    FORMS,
    LABELS,
    LOGITS,
    ROWS,
    WEIGHTS,
    evaluated,
    rejected,
    table,
    write,
)


def broken(change: str) -> pa.Table:
    """A table whose row 3001, in row group 3, is wrong."""
    logits, labels = LOGITS.copy(), LABELS.copy()
    rows: Any
    match change:
        case "label":
            labels[3001] = 99
        case "nan":
            logits[3001, 4] = np.nan
        case "null":
            return table().set_column(1, "y", pa.array(labels, mask=np.arange(ROWS) == 3001))
        case "null in a list":
            flat = pa.array(logits.reshape(-1), mask=np.arange(ROWS * CLASSES) == 30014)
            return table().set_column(0, "logits", pa.FixedSizeListArray.from_arrays(flat, CLASSES))
        case "ragged":
            rows = logits.tolist()
            rows[3001].append(1.0)
            return table().set_column(0, "logits", pa.array(rows))
        case "weight":
            weights = WEIGHTS.copy()
            weights[3001] = -1
            return table().set_column(2, "w", pa.array(weights))
    return table().set_column(0, "logits", to_arrow(logits)).set_column(1, "y", pa.array(labels))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("label", "row 3001: labels: out of range; expected a class index in [0, 10) or ignore_index (-100), got 99"),
        ("nan", "row 3001: predictions[4]: not finite; expected all finite numbers, got nan; replace it, or leave its sample out"),
        ("null", "row 3001: labels: null; expected a number"),
        ("null in a list", "row 3001: predictions[4]: null; expected a number"),
        ("ragged", "row 3001: predictions: ragged; expected length 10 as before, got 11"),
        ("weight", "row 3001: sample_weight: out of range; expected [0, infinity), got -1.0"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(change: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(table("list" if change == "ragged" else "fixed"), tmp_path / "a.parquet")
    pq.write_table(broken(change), tmp_path / "b.parquet", row_group_size=1000)
    out = tmp_path / "losses.parquet"
    error = rejected(capsys, tmp_path / "a.parquet", tmp_path / "b.parquet", *CALL, "--sample-weight", "w", "--out", out)
    assert error.startswith(f"loss-service evaluate: {tmp_path / 'b.parquet'}, row group 3, {said}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet"]


def test_rows_of_ctc_are_named_although_its_samples_are_the_second_axis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logits = np.zeros((20, 6, 4))
    rows = {"predictions": to_arrow(logits), "labels": to_arrow(np.ones((20, 2), int))}
    rows |= {"input_lengths": pa.array([6] * 20), "label_lengths": pa.array([2] * 20)}
    names = {item.name for item in LOSSES["ctc"].inputs if item.required}
    columns = {name: rows.get(name, rows["label_lengths"]) for name in names}
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    assert evaluated(capsys, tmp_path / "p.parquet", "--loss", "ctc")["normalizer"] == 20
    logits[17, 3, 1] = np.inf
    pq.write_table(pa.table(columns | {"predictions": to_arrow(logits)}), tmp_path / "p.parquet")
    assert "row 17: predictions[3, 1]: not finite; expected all finite numbers" in rejected(capsys, tmp_path / "p.parquet", "--loss", "ctc")


def test_a_result_that_is_not_finite_names_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictions = np.zeros(ROWS)
    predictions[4321] = 1e300
    pq.write_table(pa.table({"predictions": predictions, "labels": np.zeros(ROWS)}), tmp_path / "p.parquet", row_group_size=1000)
    assert "row group 4, row 4321: per_sample: not finite" in rejected(capsys, tmp_path / "p.parquet", "--loss", "squared_error")


def test_rows_of_another_length_are_rejected_also_where_a_chunk_has_only_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"logits": to_arrow(LOGITS), "y": LABELS}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"logits": to_arrow(np.ones((5, 11))), "y": LABELS[:5]}), tmp_path / "b.parquet")
    assert "b.parquet, row group 0, row 0: predictions: wrong shape; expected (10,) as in the rows before, got (11,)" in rejected(
        capsys, tmp_path, *CALL
    )


USAGE = [
    (("--loss", "nothing_like_it"), "there is no loss 'nothing_like_it'"),
    (("--predictions", "logits"), "--loss"),
    (
        ("--loss", "dice"),
        "loss: does not merge over parts of a batch; expected a loss that does, got dice, which is defined on the batch as a whole (divisor: samples",
    ),
    ((*CALL, "--label-smoothing", "2"), "--label-smoothing: not in the range of the option; expected number >= 0 and <= 1, got '2'"),
    ((*CALL, "--delta", "2"), "--delta"),
    ((*CALL, "--weight", "1,x"), "--weight: not numbers; expected 1,2.5 or a JSON array"),
    ((*CALL, "--jobs", "0"), "--jobs: not a number of threads; expected an integer from 1 to 1024, got '0'"),
    ((*CALL, "--gradients"), "--gradients: not allowed without --out"),
    ((*CALL, "--out", "losses.xlsx"), "losses.xlsx: unknown format"),
    ((*CALL, "--by", "no"), "no column 'no'; expected one of logits, y, w, segment"),
]


@pytest.mark.parametrize(("arguments", "said"), USAGE)
def test_a_wrong_command_is_one_line(arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(table(), tmp_path / "p.parquet")
    late = {"--by", "losses.xlsx"} & set(arguments)
    assert said in rejected(capsys, tmp_path / "p.parquet", *arguments, status=1 if late else 2)


def test_out_that_is_an_input_or_whose_column_exists_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(table().append_column("loss", pa.array(WEIGHTS)), path)
    assert "--out: not a new file" in rejected(capsys, path, *CALL, "--out", path, status=2)
    assert "the column 'loss' exists" in rejected(capsys, path, *CALL, "--out", tmp_path / "losses.parquet")


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_file_is_rejected_by_name(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, *rest = write(tmp_path, form)
    assert isinstance(path, Path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 - 3])
    assert rejected(capsys, path, *rest).startswith(f"loss-service evaluate: {path}")
