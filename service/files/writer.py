"""The file of `--out`: complete or not there."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from service.files.readers import FileError

ROW_GROUP_BYTES = 32 * 1024 * 1024
SUFFIXES = (".parquet", ".arrow", ".feather", ".csv")


class Output:
    """A context in which batches are written beside the target, and which moves them to the target at its end.

    The batches go to `.<name>.partial` in the same directory. Where the context is left by an exception, that file is removed; where
    the process is killed, the next run with the same target overwrites it. A lock keeps two runs from writing one target.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix not in SUFFIXES:
            raise FileError(f"{path}: unknown format; expected a name that ends in {', '.join(SUFFIXES)}")
        self.path, self.partial = path, path.with_name(f".{path.name}.partial")
        self.schema: pa.Schema | None = None
        self.pending: list[pa.RecordBatch] = []
        self.published = False

    def __enter__(self) -> Output:
        try:
            self.file = self.partial.open("ab")
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.close()
            raise FileError(f"{self.path}: locked; another run is writing it") from None
        except OSError as exc:
            raise FileError(f"{self.path}: not writable: {exc.strerror}") from exc
        if not (self.partial.exists() and os.path.samestat(os.fstat(self.file.fileno()), self.partial.stat())):  # renamed before the lock was ours
            self.file.close()
            raise FileError(f"{self.path}: locked; another run is writing it")
        self.file.truncate(0)
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; FileError where their columns differ from those before."""
        if self.schema is None:
            self.schema = batch.schema
            self.writer = self._writer(self.schema)
        elif not batch.schema.equals(self.schema):
            raise FileError(f"{self.path}: unequal files; {_difference(self.schema, batch.schema)}")
        self.pending.append(batch)
        if sum(batch.nbytes for batch in self.pending) >= ROW_GROUP_BYTES:
            self._flush()

    def _writer(self, schema: pa.Schema) -> Any:
        if self.path.suffix == ".parquet":
            return pq.ParquetWriter(self.file, schema)
        if self.path.suffix == ".csv":
            return pacsv.CSVWriter(self.file, _flat(schema.empty_table()).schema)
        return pa.ipc.new_file(self.file, schema)

    def _flush(self) -> None:
        table = pa.Table.from_batches(self.pending, self.schema)
        self.writer.write_table(_flat(table) if self.path.suffix == ".csv" else table)
        self.pending = []

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._publish()
        except OSError as exc:
            raise FileError(f"{self.path}: not writable: {exc.strerror}") from exc
        finally:
            if not self.published:
                with suppress(Exception):  # the first error is the one to report; pyarrow's writer complains unless it is closed
                    if self.schema is not None:
                        self.writer.close()
                self.partial.unlink(missing_ok=True)
            self.file.close()  # which gives up the lock

    def _publish(self) -> None:
        """Complete the partial file, and give it the target's name once it is on the disk."""
        if self.schema is None:
            raise FileError(f"{self.path}: not written; the files have no rows")
        self._flush()
        self.writer.close()
        self.file.flush()
        os.fsync(self.file.fileno())
        self.partial.replace(self.path)
        self.published = True


def _flat(table: pa.Table) -> pa.Table:
    """CSV has no lists: a fixed-size list becomes a column for each place, `name_0`, `name_1`, ..."""
    columns: dict[str, pa.ChunkedArray] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_fixed_size_list(field.type) and not pa.types.is_nested(field.type.value_type):
            values = column.combine_chunks().flatten()
            size = field.type.list_size
            columns |= {f"{field.name}_{at}": values.take(pa.array(np.arange(at, len(values), size))) for at in range(size)}
        elif pa.types.is_nested(field.type):
            raise FileError(f"--out: no lists in CSV; expected .parquet, .arrow or .feather for the column {field.name!r} of {field.type}")
        else:
            columns[field.name] = column
    return pa.table(columns)


def _difference(first: pa.Schema, other: pa.Schema) -> str:
    """The first column in which two files differ, in words."""
    for a, b in zip(first, other, strict=False):
        if not a.equals(b):
            return f"expected the column {a.name!r} of {a.type} as in the files before, got {b.name!r} of {b.type}"
    return f"expected {len(first)} columns as in the files before, got {len(other)}"
