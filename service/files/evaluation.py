"""The loss of all rows of some files: chunks are computed side by side, and merged and written in the order of the rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from service.files.columns import input_tensor, like, to_arrow, to_tensor
from service.files.readers import Chunk, FileError, Wanted, chunks
from service.files.rows import axis_of_samples, compute_rows, rows_at_once, take_rows
from service.files.writer import Output
from service.losses import InvalidTensor, Loss, LossError, NonFinite
from service.losses.numerics import Array


@dataclass(frozen=True)
class Job:
    """A run: the files, the columns of each input, and what to make of them."""

    paths: tuple[Path, ...]
    loss: Loss
    columns: Mapping[str, tuple[str, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)
    sample_weight: str | None = None
    by: str | None = None
    out: Path | None = None
    gradients: bool = False
    jobs: int = 1

    @property
    def wanted(self) -> Wanted:
        """The columns to read."""
        numbers = [name for names in self.columns.values() for name in names] + ([self.sample_weight] if self.sample_weight else [])
        return Wanted(tuple(numbers), self.by, self.out is not None)

    @property
    def wrt(self) -> tuple[str, ...]:
        """The inputs to differentiate: those that `wrt` of a request means by default and that the files hold."""
        return tuple(name for name in self.loss.predicted if name in self.columns) if self.gradients else ()


@dataclass
class Totals:
    """Sums of loss * weight and of weight, for each group. Extended precision, where the machine has it, keeps a million chunks exact."""

    rows: int = 0
    groups: dict[str, list[np.longdouble]] = field(default_factory=dict)

    def add(self, rows: int, groups: Mapping[str, tuple[float, float]]) -> None:
        """Merge a chunk's sums."""
        self.rows += rows
        for key, sums in groups.items():
            before = self.groups.setdefault(key, [np.longdouble(0), np.longdouble(0)])
            self.groups[key] = [total + np.longdouble(new) for total, new in zip(before, sums, strict=True)]

    def value(self, *keys: str) -> dict[str, float]:
        """The value and normalizer of these groups together; 0 and 0 where nothing counts."""
        sums = [self.groups[key] for key in keys]
        loss, weight = (sum((pair[at] for pair in sums), np.longdouble(0)) for at in (0, 1))
        if not np.isfinite(loss) or not np.isfinite(weight):
            raise NonFinite("value")
        return {"value": float(loss / weight) if weight else 0.0, "normalizer": float(weight)}


@dataclass(frozen=True)
class ChunkResult:
    """Result of a chunk."""

    chunk: Chunk
    shapes: Mapping[str, tuple[int, ...]]  # of one row
    groups: Mapping[str, tuple[float, float]]
    batch: pa.RecordBatch | None


def evaluate(job: Job, report: Callable[[int, float], None] = lambda rows, share: None) -> dict[str, Any]:
    """Compute and merge; `report` gets the rows done and their share of all files' bytes. Raises FileError and LossError, naming rows."""
    totals = Totals()
    shapes: dict[str, tuple[int, ...]] = {}
    sizes = {path: path.stat().st_size for path in job.paths}
    before = dict(zip(job.paths, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    with ExitStack() as stack:
        output = stack.enter_context(Output(job.out)) if job.out else None
        for result in _results(job, stack):
            chunk = result.chunk
            _check_shapes(chunk, shapes, result.shapes)
            totals.add(chunk.batch.num_rows, result.groups)
            if output and result.batch:
                output.write(result.batch)
            report(totals.rows, (before[chunk.path] + chunk.share * sizes[chunk.path]) / max(sum(sizes.values()), 1))
        document = {"loss": job.loss.name, **totals.value(*totals.groups), "rows": totals.rows}
        return document | ({"by": {key: totals.value(key) for key in sorted(totals.groups)}} if job.by else {})


def _results(job: Job, stack: ExitStack) -> Iterator[ChunkResult]:
    """The chunks' results in order. At most two chunks for each thread wait, which bounds the memory."""
    pool = ThreadPoolExecutor(job.jobs)
    stack.callback(pool.shutdown, cancel_futures=True)
    pending: deque[Future[ChunkResult]] = deque()
    for path in job.paths:
        for chunk in chunks(path, job.wanted):
            pending.append(pool.submit(_compute, job, chunk))
            if len(pending) > 2 * job.jobs:
                yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _compute(job: Job, chunk: Chunk) -> ChunkResult:
    """One chunk, in slices where the loss compares all with all inside a row."""
    columns = {name: [chunk.batch.column(column) for column in names] for name, names in job.columns.items()}
    try:
        tensors = {name: input_tensor(job.loss, name, parts) for name, parts in columns.items()}
        weights = to_tensor("sample_weight", chunk.batch.column(job.sample_weight)) if job.sample_weight else None
    except LossError as exc:
        raise _named(chunk, 0, exc, lambda name, rank: 0) from exc
    except pa.ArrowException as exc:
        raise FileError(f"{_place(chunk, None)}: {exc}") from exc
    found = _rows(job, chunk, tensors, weights)
    groups = _groups(found["loss"] * found["weight"], found["weight"], chunk.batch.column(job.by) if job.by else None)
    shapes = {name: tensor.shape[:at] + tensor.shape[at + 1 :] for name, tensor in tensors.items() for at in [_axis(job, name, tensor.ndim)]}
    return ChunkResult(chunk, shapes, groups, _beside(chunk, found, columns) if job.out else None)


def _rows(job: Job, chunk: Chunk, tensors: Mapping[str, Array], weights: Array | None) -> dict[str, Array]:
    rows = chunk.batch.num_rows
    try:
        step = rows_at_once(job.loss, tensors, rows)
    except LossError as exc:
        raise _named(chunk, 0, exc, partial(_axis, job)) from exc
    parts = []
    for first in range(0, rows, step):
        last = min(first + step, rows)
        try:
            taken = tensors if step >= rows else take_rows(job.loss, tensors, first, last)
            parts.append(compute_rows(job.loss, taken, job.options, None if weights is None else weights[first:last], job.wrt))
        except LossError as exc:
            raise _named(chunk, first, exc, partial(_axis, job)) from exc
    return parts[0] if len(parts) == 1 else {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _axis(job: Job, name: str, rank: int) -> int:
    return axis_of_samples(job.loss, name, rank) if name in job.columns else 0


def _groups(loss: Array, weight: Array, column: pa.Array | None) -> dict[str, tuple[float, float]]:
    """The sums of loss * weight and of weight, for each value of the column."""
    if column is None:
        return {"": (float(loss.sum()), float(weight.sum()))}
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = [*coded.dictionary.to_pylist(), None]
    codes = coded.indices.fill_null(len(coded.dictionary)).to_numpy()
    counts, losses, weights = (np.bincount(codes, of, len(values)).tolist() for of in (None, loss, weight))
    found: dict[str, tuple[float, float]] = {}
    for value, count, *sums in zip(values, counts, losses, weights, strict=True):
        if count:
            before = found.get(_key(value), (0.0, 0.0))  # a dictionary may have a value twice
            found[_key(value)] = (before[0] + sums[0], before[1] + sums[1])
    return found


def _key(value: Any) -> str:
    """A group's name in JSON: text as it is, null and booleans as JSON has them."""
    return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)


def _beside(chunk: Chunk, found: Mapping[str, Array], columns: Mapping[str, list[pa.Array]]) -> pa.RecordBatch:
    """The caller's columns, the loss and the gradients."""
    batch = chunk.batch
    for name, array in found.items():
        if name == "weight":
            continue
        if name in batch.schema.names:
            raise FileError(f"{chunk.path}: the column {name!r} exists; expected no column that --out adds")
        parts = columns.get(name.removeprefix("gradient_"))
        batch = batch.append_column(name, like(to_arrow(array), parts) if parts else to_arrow(array))
    return batch


# ------------------------------------------------------------------ places of problems


def _place(chunk: Chunk, row: int | None) -> str:
    group = "" if chunk.row_group is None else f", row group {chunk.row_group}"
    return f"{chunk.path}{group}" + ("" if row is None else f", row {chunk.row + row}")


def _named(chunk: Chunk, first: int, error: LossError, axis: Callable[[str, int], int]) -> FileError:
    """The error with file, row group and row in place of an index into the batch; `axis` has the position of the row in such an index."""
    text, row = str(error), None
    if isinstance(error, NonFinite) and error.samples:
        row, text = error.samples[0], f"{error.what}: {error.problem}"
    elif isinstance(error, InvalidTensor) and len(error.pointer) > 1:
        name, *index = error.pointer
        place = f"{name}[{', '.join(map(str, index))}]"
        row = int(index.pop(axis(str(name), len(index))))
        text = text.replace(place, f"{name}[{', '.join(map(str, index))}]" if index else str(name), 1)
    return FileError(f"{_place(chunk, None if row is None else first + row)}: {text}")


def _check_shapes(chunk: Chunk, known: dict[str, tuple[int, ...]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Hold every chunk to the row shape of the first one: a call over all rows at once would reject the difference."""
    for name, shape in shapes.items():
        expected = known.setdefault(name, shape)
        if shape != expected:
            raise FileError(f"{_place(chunk, 0)}: {name}: wrong shape; expected {expected} as in the rows before, got {shape}")
