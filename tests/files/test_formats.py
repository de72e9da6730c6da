"""`loss-service evaluate`: files of every format against one call over all rows."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import ml_dtypes
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

from service.files.columns import to_arrow
from service.files.readers import MAX_ROWS, Wanted, chunks
from service.losses import LOSSES, Controls, compute
from tests import required
from tests.files.tables import (
    CALL,
    CLASSES,
    FORMS,
    LABELS,
    LOGITS,
    NAMES,
    ROWS,
    SEGMENT,
    WEIGHTS,
    WHOLE,
    evaluated,
    lists,
    rejected,
    table,
    write,
)


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_value_of_one_call(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write(tmp_path, form)
    answer = evaluated(capsys, *arguments, "--label-smoothing", "0.1", "--sample-weight", "w")
    tensors = {"predictions": LOGITS, "labels": LABELS}
    whole = compute(LOSSES["cross_entropy"], tensors, {"label_smoothing": 0.1}, Controls(sample_weight=WEIGHTS, outputs=("value",)))
    assert list(answer) == ["loss", "value", "normalizer", "rows"]
    assert (answer["loss"], answer["rows"]) == ("cross_entropy", ROWS)
    np.testing.assert_allclose([answer["value"], answer["normalizer"]], [required(whole.value), required(whole.normalizer)], rtol=1e-12)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "safetensors"])
def test_by_gives_the_value_of_each_group(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = evaluated(capsys, *write(tmp_path, form), "--by", "segment")
    assert list(answer["by"]) == ["a", "b", "c"]
    for segment, found in answer["by"].items():
        at = segment == SEGMENT
        whole = compute(LOSSES["cross_entropy"], {"predictions": LOGITS[at], "labels": LABELS[at]}, {}, Controls(outputs=("value",)))
        np.testing.assert_allclose([found["value"], found["normalizer"]], [whole.value, at.sum()], rtol=1e-12)


@pytest.mark.parametrize("kind", ["dictionary", "integer", "boolean", "null"])
def test_groups_of_any_column_type_are_named_as_json_has_them(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = np.arange(ROWS) % 2
    column, names = {
        "dictionary": (pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(["x", "y"])), ["x", "y"]),
        "integer": (pa.array(codes + 10), ["10", "11"]),
        "boolean": (pa.array(codes == 0), ["false", "true"]),
        "null": (pa.array(["x", None] * (ROWS // 2)), ["null", "x"]),
    }[kind]
    pq.write_table(table().append_column("group", column), tmp_path / "p.parquet", row_group_size=777)
    answer = evaluated(capsys, tmp_path / "p.parquet", *CALL, "--by", "group")
    assert list(answer["by"]) == names
    assert [found["normalizer"] for found in answer["by"].values()] == [ROWS / 2] * 2


def read(path: Path) -> pa.Table:
    if path.suffix == ".csv":
        return pa.csv.read_csv(path)
    return pq.read_table(path) if path.suffix == ".parquet" else pa.feather.read_table(path)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
@pytest.mark.parametrize("form", FORMS)
def test_out_has_the_callers_rows_with_losses_and_gradients(form: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, out = write(tmp_path, form), tmp_path / f"losses{suffix}"
    evaluated(capsys, *arguments, "--out", out, "--gradients", "--jobs", "3")
    found = read(out)
    np.testing.assert_array_equal(found["y"], LABELS)
    np.testing.assert_allclose(found["loss"], required(WHOLE.per_sample), rtol=1e-14)
    gradients = found["gradient_predictions"].combine_chunks()
    gradients = (
        gradients.to_numpy_ndarray() if isinstance(gradients, pa.FixedShapeTensorArray) else gradients.flatten().to_numpy().reshape(ROWS, CLASSES)
    )
    np.testing.assert_allclose(gradients, required(WHOLE.gradients)["predictions"], rtol=1e-13, atol=1e-15)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_csv_out_has_a_column_for_each_place_of_a_gradient(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated(capsys, *write(tmp_path, "csv"), "--out", tmp_path / "losses.csv", "--gradients")
    found = read(tmp_path / "losses.csv")
    assert found.column_names == [*NAMES, "y", "w", "segment", "loss", *(f"gradient_predictions_{k}" for k in range(CLASSES))]
    for k in range(CLASSES):
        np.testing.assert_allclose(found[f"gradient_predictions_{k}"], required(WHOLE.gradients)["predictions"][:, k], rtol=1e-13, atol=1e-15)
    write(tmp_path, "parquet-list")
    assert "no lists in CSV; expected .parquet, .arrow or .feather for the column 'logits'" in rejected(
        capsys, tmp_path / "p.parquet", *CALL, "--out", tmp_path / "q.csv"
    )
    assert not (tmp_path / "q.csv").exists()


def test_several_files_globs_and_directories_keep_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "_SUCCESS").touch()
    for at in range(0, ROWS, 500):
        pq.write_table(table().slice(at, 500), parts / f"{at:05}.parquet")
    for named in ([parts], [parts / "*.parquet"], sorted(parts.glob("*.parquet")), [parts, parts / "00000.parquet"]):
        evaluated(capsys, *named, *CALL, "--out", tmp_path / "losses.parquet")
        np.testing.assert_allclose(read(tmp_path / "losses.parquet")["loss"], required(WHOLE.per_sample), rtol=1e-14)
    assert "no such file" in rejected(capsys, tmp_path / "*.npz", *CALL, status=2)
    assert "unknown format" in rejected(capsys, parts / "_SUCCESS", *CALL, status=2)


def test_the_value_does_not_depend_on_the_threads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = write(tmp_path, "parquet-fixed")
    answers = [evaluated(capsys, *arguments, "--by", "segment", "--jobs", jobs) for jobs in (1, 2, 7)]
    assert answers[0] == answers[1] == answers[2]


def test_a_row_group_larger_than_a_chunk_is_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = 2 * MAX_ROWS + 5
    pq.write_table(pa.table({"predictions": np.arange(rows) / rows, "labels": np.zeros(rows)}), tmp_path / "p.parquet", row_group_size=rows)
    answer = evaluated(capsys, tmp_path / "p.parquet", "--loss", "mse", "--out", tmp_path / "losses.arrow")
    assert answer["value"] == pytest.approx(np.mean((np.arange(rows) / rows) ** 2), rel=1e-12)
    np.testing.assert_array_equal(read(tmp_path / "losses.arrow")["loss"], (np.arange(rows) / rows) ** 2)


@pytest.mark.parametrize("form", ["parquet", "parquet-list", "feather", "csv", "safetensors", "npz-stored", "npz-deflated"])
def test_reading_takes_no_more_memory_than_some_chunks(form: str, tmp_path: Path) -> None:
    """50 MB in one row group, of which Arrow and NumPy hold at most 24 MB at a time."""
    rows = 600_000
    array = np.tile(LOGITS, (rows // ROWS, 1))
    path = tmp_path / f"p.{form.partition('-')[0]}"
    match form:
        case "parquet" | "parquet-list":
            column = lists(array, "list" if form.endswith("list") else "fixed")
            pq.write_table(pa.table({"logits": column}), path, row_group_size=rows, use_dictionary=False)
        case "feather":
            pa.feather.write_feather(pa.table({"logits": lists(array, "fixed")}), path, "uncompressed")
        case "csv":
            pa.csv.write_csv(pa.table({"logits": array[:, 0]} | {f"c{k}": array[:, k] for k in range(1, 6)}), path)
        case "safetensors":
            safetensors.numpy.save_file({"logits": array}, path)
        case _:
            (np.savez if form.endswith("stored") else np.savez_compressed)(path, logits=array)
    del array
    before, most, count = pa.total_allocated_bytes(), 0, 0
    tracemalloc.start()
    try:
        for chunk in chunks(path, Wanted(("logits",))):
            most = max(most, pa.total_allocated_bytes() - before)
            count += chunk.batch.num_rows
        most += tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == rows
    assert most < 24e6


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", ">f8"])
def test_arrays_of_other_types(dtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array = LOGITS.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    if dtype == ">f8":
        np.savez(tmp_path / "p.npz", logits=array, y=LABELS, names=np.array(["of", "other"]), scalar=np.float64(1))
    else:
        safetensors.numpy.save_file({"logits": array, "y": LABELS}, tmp_path / "p.safetensors")
    whole = compute(LOSSES["cross_entropy"], {"predictions": array.astype(np.float64), "labels": LABELS}, {}, Controls(outputs=("value",)))
    answer = evaluated(capsys, tmp_path, *CALL, "--out", tmp_path.with_suffix(".parquet"), "--gradients")
    assert answer["value"] == pytest.approx(whole.value, rel=1e-12 if dtype == ">f8" else 1e-6)


def test_arrays_that_cannot_be_rows_are_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "p.npz", logits=np.asfortranarray(LOGITS), y=LABELS)
    assert "is in Fortran order" in rejected(capsys, tmp_path / "p.npz", *CALL)
    np.savez(tmp_path / "p.npz", logits=LOGITS, y=LABELS[:-1])
    assert "unequal columns; expected 5000 rows of 'y' as of 'logits', got 4999" in rejected(capsys, tmp_path / "p.npz", *CALL)
    np.savez(tmp_path / "p.npz", logits=LOGITS.astype(str), y=LABELS)
    assert "expected numbers or lists of numbers, got string" in rejected(capsys, tmp_path / "p.npz", *CALL)


def test_no_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(table().slice(0, 0), tmp_path / "p.parquet")
    assert evaluated(capsys, tmp_path / "p.parquet", *CALL) == {"loss": "cross_entropy", "value": 0.0, "normalizer": 0.0, "rows": 0}
    assert "no rows" in rejected(capsys, tmp_path / "p.parquet", *CALL, "--out", tmp_path / "losses.parquet")


def test_narrow_floats_compute_and_return_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = table().set_column(0, "logits", to_arrow(LOGITS.astype(np.float32)))
    pq.write_table(narrow, tmp_path / "p.parquet")
    evaluated(capsys, tmp_path / "p.parquet", *CALL, "--out", tmp_path / "losses.parquet", "--gradients")
    assert read(tmp_path / "losses.parquet")["gradient_predictions"].type.value_type == pa.float32()
