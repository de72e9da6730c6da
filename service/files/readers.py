"""Files as a stream of Arrow batches: Parquet, Arrow (Feather), CSV, safetensors and NPZ, each read in parts of bounded size."""

from __future__ import annotations

import glob
import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import safetensors

from service.files.columns import to_arrow
from service.losses.numerics import Array

MAX_ROWS = 16384  # of a chunk: its temporaries fit into a core's cache. With 65536 cross entropy of 10 float32 took 8 % more processor time
MAX_BYTES = 8 * 1024 * 1024  # of a chunk, where rows are wide
CSV_BLOCK = 512 * 1024  # pyarrow reads some 32 of them ahead
PARQUET_BUFFER = 1024 * 1024  # of each column; pyarrow's default reads a row group whole: 178 MB at its peak for one of 4 million rows, 19 with this


class FileError(ValueError):
    """File that cannot be read, or lacks a column named in the command; the message begins with the file."""


@dataclass(frozen=True)
class Wanted:
    """The columns to read: those that hold numbers, the one that names groups, and, with `everything`, all others too."""

    numbers: tuple[str, ...]
    group: str | None = None
    everything: bool = False

    @property
    def names(self) -> list[str]:
        """The columns that the computation needs."""
        return list(dict.fromkeys([*self.numbers, *([self.group] if self.group else [])]))

    def of(self, path: Path, existing: Sequence[str]) -> list[str]:
        """The columns to read of those that a file has; FileError where it lacks one."""
        for name in self.names:
            if existing.count(name) != 1:
                problem = "duplicate column" if name in existing else "no column"
                raise FileError(f"{path}: {problem} {name!r}; expected one of {', '.join(existing[:50])}")
        return list(existing) if self.everything else self.names


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file. row_group: of Parquet, or the record batch of Arrow. row: the first row's number in the file."""

    path: Path
    row_group: int | None
    row: int
    batch: pa.RecordBatch
    share: float  # of the file, read up to the end of this chunk


Part = tuple[int | None, pa.RecordBatch, float]
Reader = Callable[[Path, Wanted], Iterator[Part]]


def expand(patterns: Sequence[str]) -> list[Path]:
    """The files that paths, globs and directories name, in this order, each once; FileError where one names nothing."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        paths = [Path(pattern)] if Path(pattern).exists() else [Path(path) for path in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - absolute patterns
        files = [file for path in paths for file in (sorted(filter(_is_data, path.rglob("*"))) if path.is_dir() else [path])]
        if not files:
            raise FileError(f"{pattern}: no such file; expected a file, a glob or a directory of {', '.join(READERS)}")
        found |= dict.fromkeys(files)
    for path in found:
        reader_of(path)
    return list(found)


def _is_data(path: Path) -> bool:
    """Spark, Dask and Ray write directories, with files such as _SUCCESS and .part.crc among the data."""
    return path.is_file() and path.name[0] not in "._" and any(path.name.endswith(suffix) for suffix in READERS)


def reader_of(path: Path) -> Reader:
    """The reader for a file's suffix."""
    for suffix, reader in READERS.items():
        if path.name.lower().endswith(suffix):
            return reader
    raise FileError(f"{path}: unknown format; expected a name that ends in {', '.join(READERS)}")


def chunks(path: Path, wanted: Wanted) -> Iterator[Chunk]:
    """All rows of a file in order, in chunks of at most MAX_ROWS rows and about MAX_BYTES."""
    row, group_before = 0, None
    try:
        for group, batch, share in reader_of(path)(path, wanted):
            size = _rows(batch.nbytes / max(batch.num_rows, 1))
            for start in range(0, batch.num_rows, size):
                piece = batch.slice(start, size)
                yield Chunk(path, group, row, piece, share)
                row += piece.num_rows
            group_before = group
    except (OSError, pa.ArrowException, zipfile.BadZipFile, safetensors.SafetensorError, EOFError) as exc:
        place = f" after row group {group_before}" if group_before is not None else ""
        raise FileError(f"{path}: not readable{place}: {getattr(exc, 'strerror', None) or exc}") from exc


def _rows(bytes_per_row: float) -> int:
    return max(1, min(MAX_ROWS, int(MAX_BYTES / max(bytes_per_row, 1))))


# ------------------------------------------------------------------ one function a format


def _parquet(path: Path, wanted: Wanted) -> Iterator[Part]:
    """One row group after the other; a row group that is larger than a chunk is decoded page by page."""
    with pq.ParquetFile(path, buffer_size=PARQUET_BUFFER, pre_buffer=False) as file:
        columns, metadata, done = wanted.of(path, file.schema_arrow.names), file.metadata, 0
        for index in range(metadata.num_row_groups):
            group = metadata.row_group(index)
            size = _rows(group.total_byte_size / max(group.num_rows, 1))
            for batch in file.iter_batches(size, row_groups=[index], columns=columns):
                done += batch.num_rows
                yield index, batch, done / metadata.num_rows


def _arrow(path: Path, wanted: Wanted) -> Iterator[Part]:
    """The file format (Feather version 2) and the stream format; uncompressed record batches are not copied."""
    with pa.memory_map(str(path)) as source:
        if source.read(6) != b"ARROW1":
            source.seek(0)
            stream = pa.ipc.open_stream(source)
            names = wanted.of(path, stream.schema.names)
            yield from ((index, batch.select(names), source.tell() / source.size()) for index, batch in enumerate(stream))
            return
        names = wanted.of(path, pa.ipc.open_file(source).schema.names)
        places = [pa.ipc.open_file(source).schema.names.index(name) for name in names]
        file = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=places))
        for index in range(file.num_record_batches):
            yield index, file.get_batch(index).select(names), (index + 1) / file.num_record_batches


def _csv(path: Path, wanted: Wanted) -> Iterator[Part]:
    """A header and rows; the columns of numbers are read as float64, the group's as text."""
    types = dict.fromkeys(wanted.numbers, pa.float64()) | ({wanted.group: pa.string()} if wanted.group else {})
    with pa.OSFile(str(path)) as source:
        stream = pa.CompressedInputStream(source, "gzip") if path.name.lower().endswith(".gz") else source
        first = pacsv.read_csv(pa.py_buffer(_first_line(path))).column_names
        convert = pacsv.ConvertOptions(column_types=types, include_columns=wanted.of(path, first))
        for batch in pacsv.open_csv(stream, pacsv.ReadOptions(block_size=CSV_BLOCK), convert_options=convert):
            yield None, batch, source.tell() / source.size()


def _first_line(path: Path) -> bytes:
    with pa.input_stream(str(path), compression="detect") as stream:
        return stream.read(CSV_BLOCK).partition(b"\n")[0] + b"\n"


def _safetensors(path: Path, wanted: Wanted) -> Iterator[Part]:
    """Tensors by name; those that have as many rows as the named ones are columns."""
    with safetensors.safe_open(path, framework="np") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
        yield from _tensors(path, wanted, {name: tuple(part.get_shape()) for name, part in slices.items()}, lambda name, a, b: slices[name][a:b])


def _npz(path: Path, wanted: Wanted) -> Iterator[Part]:
    """Arrays by name, each streamed out of the archive, so that compressed ones are never whole in memory either."""
    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(path))
        members: dict[str, tuple[IO[bytes], tuple[int, ...], np.dtype[Any]]] = {}
        for name in archive.namelist():
            stream = stack.enter_context(archive.open(name))
            shape, fortran, dtype = _npy_header(stream)
            if name.removesuffix(".npy") in wanted.names and (fortran and len(shape) > 1):
                raise FileError(f"{path}: {name.removesuffix('.npy')!r} is in Fortran order; expected C order (np.ascontiguousarray)")
            if not dtype.hasobject and not (fortran and len(shape) > 1):
                members[name.removesuffix(".npy")] = stream, shape, dtype

        def read(name: str, first: int, last: int) -> Array:
            stream, shape, dtype = members[name]
            size = (last - first) * math.prod(shape[1:]) * dtype.itemsize
            data = stream.read(size)
            if len(data) != size:
                raise FileError(f"{path}: not readable: {name!r} ends early")
            return np.frombuffer(data, dtype).reshape(last - first, *shape[1:])

        yield from _tensors(path, wanted, {name: shape for name, (_, shape, _) in members.items()}, read)


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)


def _tensors(path: Path, wanted: Wanted, shapes: dict[str, tuple[int, ...]], read: Callable[[str, int, int], Array]) -> Iterator[Part]:
    """The rows of arrays that are read in slices of their first axis."""
    wanted.of(path, list(shapes))
    rows = {name: shapes[name][0] if shapes[name] else 0 for name in wanted.names}
    total = next(iter(rows.values()))
    for name, count in rows.items():
        if count != total:
            raise FileError(f"{path}: unequal columns; expected {total} rows of {name!r} as of {wanted.names[0]!r}, got {count}")
    names = wanted.of(path, [name for name, shape in shapes.items() if shape[:1] == (total,)])
    step = _rows(8 * sum(math.prod(shapes[name][1:]) for name in names))
    for first in range(0, total, step):
        last = min(first + step, total)
        arrays = {name: read(name, first, last) for name in names}
        yield None, pa.RecordBatch.from_pydict({name: to_arrow(_known_to_arrow(array)) for name, array in arrays.items()}), last / total


def _known_to_arrow(array: Array) -> Array:
    """Arrow has no bfloat16 and no other byte order than the machine's."""
    if array.dtype.kind == "V":  # ml_dtypes' types
        return array.astype(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


READERS: dict[str, Reader] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
    ".csv": _csv,
    ".csv.gz": _csv,
    ".safetensors": _safetensors,
    ".npz": _npz,
}
