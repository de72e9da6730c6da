"""loss_columns and the flags of `evaluate`, for every loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pytest

from service.files import loss_columns
from service.files.arguments import parser
from service.files.columns import to_arrow
from service.files.rows import axis_of_samples, row_inputs, sample_axis
from service.losses import LOSSES, Controls, InvalidOption, InvalidTensor, Loss, compute
from tests.files.tables import (
    LABELS,
    LOGITS,
    MERGING,
    WEIGHTS,
)


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
def test_a_loss_of_the_batch_as_a_whole_is_rejected(loss: Loss) -> None:
    columns, rest, _ = arrow(loss)
    with pytest.raises(InvalidOption, match="does not merge"):
        loss_columns(loss.name, columns, options=rest)


@pytest.mark.parametrize(("name", "options"), [("cross_entropy", {"top_k": 0.5}), ("dice_ce", {"batch": True})])
def test_an_option_that_does_not_merge_is_rejected(name: str, options: dict[str, Any]) -> None:
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


def test_columns_of_unequal_lengths_are_rejected() -> None:
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
