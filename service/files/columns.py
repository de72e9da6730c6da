"""Arrow columns as the tensors of a loss, and the loss of each row as columns again. No Python object is made for a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.files.rows import axis_of_samples, check_options, compute_rows, require_merging
from service.losses import LOSSES, InvalidTensor, Loss
from service.losses.numerics import Array

Column: TypeAlias = pa.Array | pa.ChunkedArray


def loss_columns(
    name: str,
    columns: Mapping[str, Column | Sequence[Column]],
    *,
    options: Mapping[str, Any] | None = None,
    sample_weight: Column | None = None,
    wrt: Sequence[str] = (),
) -> pa.RecordBatch:
    r"""Compute a loss for each row of Arrow columns.

    The result has one row per row: `loss` (float64), `weight` (float64), and `gradient_<input>` for each input in `wrt`. Any
    engine's aggregate then gives the value of `POST /loss/<name>` over all rows, whichever way they are split into batches:

    .. math:: value = \sum_i loss_i \, weight_i / normalizer, \quad normalizer = \sum_i weight_i

    name: the canonical name of a loss that merges over parts of a batch; KeyError where there is none.
    columns: for each input the column of its rows, or several columns, which become the first axis after the samples. A row is a
    number or a list, nested for further axes; lists at one depth have equal lengths. Nulls are rejected.
    options: the loss's options, and as arrays those inputs that have no sample axis, such as the class weights (c,).
    sample_weight: a non-negative weight for each row; multiplies `weight`.
    wrt: the inputs to differentiate. `gradient_<input>` is the gradient of sum(loss * weight), with the axes, the list type and the
    float type of the input's column; several columns give one fixed-size list.

    Raises InvalidTensor, InvalidOption and NonFinite as `service.losses.compute`.
    """
    loss, given = LOSSES[name], dict(options or {})
    require_merging(loss, given)
    several = {key: [column] if isinstance(column, Column) else list(column) for key, column in columns.items()}
    constants = {item.name: np.asarray(given.pop(item.name)) for item in loss.inputs if item.name in given}
    chosen = check_options(loss, given)
    if missing := [item.name for item in loss.inputs if item.required and item.name not in several | constants]:
        raise InvalidTensor(missing[0], "missing; expected a column, or an array among the options where it has no sample axis")
    if several and all(not len(part) for parts in several.values() for part in parts):
        return _no_rows(several, wrt)
    tensors = {key: input_tensor(loss, key, parts) for key, parts in several.items()}
    weights = None if sample_weight is None else to_tensor("sample_weight", sample_weight)
    found = compute_rows(loss, tensors | constants, chosen, weights, wrt)
    results = {key: to_arrow(array) for key, array in found.items()}
    return pa.RecordBatch.from_pydict(results | {f"gradient_{key}": like(results[f"gradient_{key}"], several[key]) for key in wrt})


def input_tensor(loss: Loss, name: str, columns: Sequence[Column]) -> Array:
    """The tensor of an input whose rows are in these columns, the sample axis where the loss has it."""
    parts = [to_tensor(name, column) for column in columns]
    if len({part.shape for part in parts}) > 1:
        raise InvalidTensor(name, f"unequal columns; expected equal shapes, got {', '.join(str(part.shape) for part in parts)}")
    rows_first = parts[0] if len(parts) == 1 else np.stack(parts, axis=1)
    return np.moveaxis(rows_first, 0, axis_of_samples(loss, name, rows_first.ndim))


def to_tensor(name: str, column: Column) -> Array:
    """A column as an array with its rows on the first axis, without a copy where Arrow's layout allows it."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array.type, pa.FixedShapeTensorType):
        _check_nulls(name, array, [len(array)])
        return array.to_numpy_ndarray()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    shape = [len(array)]
    while _is_list(array.type):
        _check_nulls(name, array, shape)
        size = _list_size(name, array, shape)
        array = array.flatten()
        shape.append(size)
    _check_nulls(name, array, shape)
    return _numbers(name, array).reshape(shape)


def to_arrow(array: Array) -> pa.Array:
    """An array as a column of its rows; further axes are nested fixed-size lists."""
    column = pa.array(np.ascontiguousarray(array).reshape(-1))
    for size in reversed(array.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return column


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _check_nulls(name: str, array: pa.Array, shape: Sequence[int]) -> None:
    if array.null_count:
        flat = int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
        raise InvalidTensor(name, "null; expected a number or a list", _index(flat, shape))


def _list_size(name: str, array: pa.Array, shape: Sequence[int]) -> int:
    """The length that all lists of an array have."""
    if pa.types.is_fixed_size_list(array.type):
        return int(array.type.list_size)
    lengths = np.diff(array.offsets.to_numpy())
    if not lengths.size or (lengths == lengths[0]).all():
        return int(lengths[0]) if lengths.size else 0
    flat = int(np.argmax(lengths != lengths[0]))
    raise InvalidTensor(name, f"ragged; expected length {lengths[0]} as before, got {lengths[flat]}", _index(flat, shape))


def _index(flat: int, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def _numbers(name: str, array: pa.Array) -> Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_decimal(array.type):
        array = pc.cast(array, pa.float64())
    if not (pa.types.is_floating(array.type) or pa.types.is_integer(array.type) or pa.types.is_boolean(array.type)):
        raise InvalidTensor(name, f"wrong Arrow type; expected numbers or lists of numbers, got {array.type}")
    return array.to_numpy(zero_copy_only=False)


def like(gradient: pa.Array, columns: Sequence[Column]) -> pa.Array:
    """A gradient in its column's type, where that can hold it: engines expect lists where they passed lists."""
    kind = columns[0].type
    return gradient.cast(kind) if len(columns) == 1 and _is_list(kind) and pa.types.is_floating(_leaf(kind)) else gradient


def _leaf(kind: pa.DataType) -> pa.DataType:
    while _is_list(kind):
        kind = kind.value_type
    return kind


def _no_rows(columns: Mapping[str, Sequence[Column]], wrt: Iterable[str]) -> pa.RecordBatch:
    """The result for no rows, with which some engines learn the types."""
    types = {"loss": pa.float64(), "weight": pa.float64()}
    for key in wrt:
        kind = columns[key][0].type if pa.types.is_floating(_leaf(columns[key][0].type)) else pa.float64()
        types[f"gradient_{key}"] = kind if len(columns[key]) == 1 else pa.list_(kind, len(columns[key]))
    return pa.RecordBatch.from_pydict({key: pa.array([], kind) for key, kind in types.items()})
