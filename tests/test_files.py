"""`loss-service evaluate` and loss_columns: files of every format against one call over all rows, and what is wrong with them."""

from __future__ import annotations

import csv
import gzip
import json
import os
import pty
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

from service.cli import main
from service.files import loss_columns
from service.files.arguments import parser
from service.files.columns import to_arrow
from service.files.readers import MAX_ROWS, Wanted, chunks
from service.files.rows import axis_of_samples, row_inputs, sample_axis
from service.losses import LOSSES, Controls, InvalidOption, InvalidTensor, Loss, compute
from tests import required

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


def refused(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 1) -> str:
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
    assert "no lists in CSV; expected .parquet, .arrow or .feather for the column 'logits'" in refused(
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
    assert "no such file" in refused(capsys, tmp_path / "*.npz", *CALL, status=2)
    assert "unknown format" in refused(capsys, parts / "_SUCCESS", *CALL, status=2)


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


def test_arrays_that_cannot_be_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "p.npz", logits=np.asfortranarray(LOGITS), y=LABELS)
    assert "is in Fortran order" in refused(capsys, tmp_path / "p.npz", *CALL)
    np.savez(tmp_path / "p.npz", logits=LOGITS, y=LABELS[:-1])
    assert "unequal columns; expected 5000 rows of 'y' as of 'logits', got 4999" in refused(capsys, tmp_path / "p.npz", *CALL)
    np.savez(tmp_path / "p.npz", logits=LOGITS.astype(str), y=LABELS)
    assert "expected numbers or lists of numbers, got string" in refused(capsys, tmp_path / "p.npz", *CALL)


def test_no_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(table().slice(0, 0), tmp_path / "p.parquet")
    assert evaluated(capsys, tmp_path / "p.parquet", *CALL) == {"loss": "cross_entropy", "value": 0.0, "normalizer": 0.0, "rows": 0}
    assert "no rows" in refused(capsys, tmp_path / "p.parquet", *CALL, "--out", tmp_path / "losses.parquet")


def test_narrow_floats_compute_and_return_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = table().set_column(0, "logits", to_arrow(LOGITS.astype(np.float32)))
    pq.write_table(narrow, tmp_path / "p.parquet")
    evaluated(capsys, tmp_path / "p.parquet", *CALL, "--out", tmp_path / "losses.parquet", "--gradients")
    assert read(tmp_path / "losses.parquet")["gradient_predictions"].type.value_type == pa.float32()


# ------------------------------------------------------------------ what is wrong


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
    error = refused(capsys, tmp_path / "a.parquet", tmp_path / "b.parquet", *CALL, "--sample-weight", "w", "--out", out)
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
    assert "row 17: predictions[3, 1]: not finite; expected all finite numbers" in refused(capsys, tmp_path / "p.parquet", "--loss", "ctc")


def test_a_result_that_is_not_finite_names_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictions = np.zeros(ROWS)
    predictions[4321] = 1e300
    pq.write_table(pa.table({"predictions": predictions, "labels": np.zeros(ROWS)}), tmp_path / "p.parquet", row_group_size=1000)
    assert "row group 4, row 4321: per_sample: not finite" in refused(capsys, tmp_path / "p.parquet", "--loss", "squared_error")


def test_rows_of_another_length_are_refused_also_where_a_chunk_has_only_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"logits": to_arrow(LOGITS), "y": LABELS}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"logits": to_arrow(np.ones((5, 11))), "y": LABELS[:5]}), tmp_path / "b.parquet")
    assert "b.parquet, row group 0, row 0: predictions: wrong shape; expected (10,) as in the rows before, got (11,)" in refused(
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
    assert said in refused(capsys, tmp_path / "p.parquet", *arguments, status=1 if late else 2)


def test_out_that_is_an_input_or_whose_column_exists_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(table().append_column("loss", pa.array(WEIGHTS)), path)
    assert "--out: not a new file" in refused(capsys, path, *CALL, "--out", path, status=2)
    assert "the column 'loss' exists" in refused(capsys, path, *CALL, "--out", tmp_path / "losses.parquet")


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_file_is_refused_by_name(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, *rest = write(tmp_path, form)
    assert isinstance(path, Path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 - 3])
    assert refused(capsys, path, *rest).startswith(f"loss-service evaluate: {path}")


# ------------------------------------------------------------------ the process


def start(path: Path, out: Path, **streams: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "service", "evaluate", str(path), "--loss", "mse", "--out", str(out)]
    return subprocess.Popen(command, env={**os.environ}, preexec_fn=restore_interrupts, **streams)


def restore_interrupts() -> None:
    """A shell that runs pytest in the background, as a CI may, makes it and its children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(path: Path) -> None:
    for _ in range(3000):
        if path.exists() and path.stat().st_size:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough rows for a run to be interrupted in its middle."""
    path = tmp_path_factory.mktemp("large") / "p.parquet"
    block = pa.table({"predictions": RNG.random(200_000), "labels": RNG.random(200_000), "text": pa.array(["x" * 20] * 200_000)})
    with pq.ParquetWriter(path, block.schema) as writer:
        for _ in range(20):
            writer.write_table(block)
    return path


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_killed_leaves_the_target_as_it_was(number: signal.Signals, large: Path, tmp_path: Path) -> None:
    out, partial = tmp_path / "losses.parquet", tmp_path / ".losses.parquet.partial"
    out.write_bytes(b"yesterday's")
    process = start(large, out, stdout=subprocess.PIPE)
    wait_for(partial)
    process.send_signal(signal.SIGSTOP)  # a fast machine would be done before the second run has started
    second = start(large, out, stderr=subprocess.PIPE)
    assert b"locked; another run is writing it" in second.communicate()[1]
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    assert process.communicate()[0] == b""
    assert process.returncode != 0
    assert out.read_bytes() == b"yesterday's"
    assert partial.exists() == (number == signal.SIGKILL)
    assert start(large, out, stdout=subprocess.DEVNULL).wait() == 0
    assert pq.read_metadata(out).num_rows == pq.read_metadata(large).num_rows
    assert not partial.exists()


def test_progress_is_shown_on_a_terminal(large: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = start(large, tmp_path / "losses.parquet", stdout=subprocess.PIPE, stderr=theirs)
    printed = process.communicate()[0]
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert json.loads(printed)["rows"] == 4_000_000
    assert b" rows/s, 0:0" in shown
    assert shown.endswith(b"\r\x1b[K")


def test_without_the_extra_the_command_names_it() -> None:
    program = "import sys; sys.modules['pyarrow'] = None; from service.cli import main; sys.exit(main(['evaluate', '--help']))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, "loss-service: evaluate needs pyarrow; install the extra: pip install 'loss-service[files]'\n")


# ------------------------------------------------------------------ the registry


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_every_loss_has_its_flags(loss: Loss) -> None:
    text = parser(loss).format_help()
    for name in (*(item.name for item in loss.inputs), *(option.name for option in loss.options)):
        assert f"--{name.replace('_', '-')}" in text


def arrow(loss: Loss) -> tuple[dict[str, pa.Array], dict[str, Any], int]:
    """The loss's example as columns, and its other fields."""
    rows = {item.name for item in row_inputs(loss)}
    arrays = {key: np.asarray(value, np.float64) for key, value in loss.example.items() if key in rows}
    columns = {key: to_arrow(np.moveaxis(array, axis_of_samples(loss, key, array.ndim), 0)) for key, array in arrays.items()}
    return columns, {key: value for key, value in loss.example.items() if key not in rows}, len(next(iter(columns.values())))


def example(loss: Loss, outputs: Mapping[str, Any]) -> Any:
    names = {item.name for item in loss.inputs}
    tensors = {key: np.asarray(value, np.float64) for key, value in loss.example.items() if key in names}
    return compute(loss, tensors, {key: value for key, value in loss.example.items() if key not in names and key != "reduction"}, **outputs)


@pytest.mark.parametrize("loss", MERGING, ids=lambda loss: loss.name)
def test_the_rows_of_every_merging_loss_add_up_to_one_call(loss: Loss) -> None:
    columns, rest, rows = arrow(loss)
    whole = example(loss, {})
    wrt = tuple(name for name in loss.predicted if name in columns)
    parts = [loss_columns(loss.name, {key: column.slice(at, 1) for key, column in columns.items()}, options=rest, wrt=wrt) for at in range(rows)]
    for batches in ([loss_columns(loss.name, columns, options=rest, wrt=wrt)], parts):
        merged = pa.Table.from_batches(batches)
        weight = merged["weight"].to_numpy()
        assert weight.sum() == pytest.approx(whole.normalizer, rel=1e-12)
        assert (merged["loss"].to_numpy() * weight).sum() / (weight.sum() or 1) == pytest.approx(whole.value, rel=1e-12, abs=1e-15)
        for name in wrt:
            gradient = np.stack([np.asarray(row) for row in merged[f"gradient_{name}"].to_pylist()]) / (weight.sum() or 1)
            expected = whole.gradients[name]
            expected = np.moveaxis(expected, axis_of_samples(loss, name, expected.ndim), 0)
            np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("loss", [loss for loss in LOSSES.values() if not loss.merges], ids=lambda loss: loss.name)
def test_a_loss_of_the_batch_as_a_whole_is_refused(loss: Loss) -> None:
    columns, rest, _ = arrow(loss)
    with pytest.raises(InvalidOption, match="does not merge"):
        loss_columns(loss.name, columns, options=rest)


@pytest.mark.parametrize(("name", "options"), [("cross_entropy", {"top_k": 0.5}), ("dice_ce", {"batch": True})])
def test_an_option_that_does_not_merge_is_refused(name: str, options: dict[str, Any]) -> None:
    columns, rest, _ = arrow(LOSSES[name])
    with pytest.raises(InvalidOption, match=f"{next(iter(options))}: does not merge"):
        loss_columns(name, columns, options=rest | options)


def test_the_sample_axis_is_in_every_loss() -> None:
    for loss in LOSSES.values():
        assert row_inputs(loss), loss.name
        assert sample_axis(loss) == "n" or loss.inputs[0].name in {item.name for item in row_inputs(loss)}


def test_options_of_columns_are_held_to_their_declaration() -> None:
    columns = {"predictions": to_arrow(LOGITS), "labels": pa.array(LABELS)}
    for wrong in ({"label_smoothing": 2.0}, {"label_smoothing": True}, {"label_smoothing": float("nan")}, {"smoothing": 0.1}):
        with pytest.raises(InvalidOption, match="expected"):
            loss_columns("cross_entropy", columns, options=wrong)
    weighted = loss_columns("cross_entropy", columns, options={"weight": np.arange(10.0)})
    whole = compute(LOSSES["cross_entropy"], {"predictions": LOGITS, "labels": LABELS, "weight": np.arange(10.0)}, {}, Controls(outputs=("value",)))
    total = weighted["weight"].to_numpy()
    assert (weighted["loss"].to_numpy() * total).sum() / total.sum() == pytest.approx(whole.value, rel=1e-12)


def test_columns_of_unequal_lengths_are_refused() -> None:
    for rows in (0, 7):
        with pytest.raises(InvalidTensor):
            loss_columns("cross_entropy", {"predictions": to_arrow(LOGITS), "labels": pa.array(LABELS[:rows])})
    with pytest.raises(InvalidTensor):
        loss_columns("cross_entropy", {})


def test_chunked_dictionary_decimal_and_boolean_columns() -> None:
    labels = pa.array(LABELS % 2)
    expected = loss_columns("mean_squared_error", {"predictions": labels.cast(pa.float64()), "labels": pa.array(WEIGHTS)})
    decimal = labels.cast(pa.decimal128(21, 2))
    for column in (labels.cast(pa.bool_()), labels.dictionary_encode(), decimal, pa.chunked_array([labels[:99], labels[99:]])):
        assert loss_columns("mean_squared_error", {"predictions": column, "labels": pa.array(WEIGHTS)}).equals(expected), column.type
    with pytest.raises(InvalidTensor, match="got string"):
        loss_columns("mean_squared_error", {"predictions": labels.cast(pa.string()), "labels": labels})


def test_no_rows_of_columns_have_their_types() -> None:
    some = loss_columns("cross_entropy", {"predictions": to_arrow(LOGITS), "labels": pa.array(LABELS)}, wrt=["predictions"])
    none = loss_columns("cross_entropy", {"predictions": to_arrow(LOGITS[:0]), "labels": pa.array(LABELS[:0])}, wrt=["predictions"])
    assert none.schema == some.schema
