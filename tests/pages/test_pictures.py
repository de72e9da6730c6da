"""Pictures follow from declarations, and a curve made by one call is the curve made by many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.api.ranges import option_range, tensor_range
from service.losses import LOSSES, Controls, Loss, compute
from service.losses.checking import check
from service.losses.declaration import Domain, TensorSpec
from service.pages import pictures

REPEATED = [loss for loss in LOSSES.values() if pictures.picture(loss).kind in ("curve", "field")]
NONE = Controls(reduction="none", outputs=("per_sample", "gradients"))
POINTS = 6


def parts(loss: Loss) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors and the options of the picture's request."""
    names = {item.name for item in loss.inputs}
    request = pictures.picture(loss).request
    tensors = {name: np.asarray(value, float) for name, value in request.items() if name in names}
    return tensors, {name: value for name, value in request.items() if name not in names}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_every_loss_has_a_picture_that_computes(loss: Loss) -> None:
    found = pictures.picture(loss)
    assert found.kind != "table"
    tensors, options = parts(loss)
    compute(loss, tensors, options, Controls(outputs=("value", "per_sample", "gradients")))
    shown = {item["name"]: item for item in pictures.inputs(loss)}
    assert set(found.moved) <= shown.keys()
    for item in shown.values():
        low, high = item["range"]
        assert low < high or item["kind"] == "integer", item["name"]


@pytest.mark.parametrize("loss", REPEATED, ids=lambda loss: loss.name)
def test_one_call_gives_what_many_give(loss: Loss) -> None:
    """The samples of a repeated batch know nothing of each other: else a curve would show another loss."""
    found, (tensors, options) = pictures.picture(loss), parts(loss)
    subject = found.moved[0]
    low, high = next(item["range"] for item in pictures.inputs(loss) if item["name"] == subject)
    batch = {name: np.repeat(array, POINTS, 0) if name in found.repeated else array for name, array in tensors.items()}
    batch[subject].reshape(POINTS, -1)[:, 0] = low + (high - low) * (np.arange(POINTS) + 0.5) / POINTS
    together = compute(loss, batch, options, NONE)
    assert together.per_sample is not None
    assert together.gradients is not None
    for at in range(POINTS):
        alone = compute(loss, {name: array[at : at + 1] if name in found.repeated else array for name, array in batch.items()}, options, NONE)
        assert alone.per_sample is not None
        assert alone.gradients is not None
        np.testing.assert_allclose(together.per_sample[at], alone.per_sample[0], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(together.gradients[subject][at], alone.gradients[subject][0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_slider_ranges_hold_the_default_and_only_what_is_allowed(loss: Loss) -> None:
    tensors, chosen = parts(loss)
    for option in loss.options:
        ends = option_range(option)
        assert (ends is None) == (option.type not in ("number", "integer"))
        if ends is None:
            continue
        low, high = ends
        assert low < high
        assert low <= option.default <= high or abs(option.default) < 1e-3, option.name
        for bound, holds in (("ge", low >= option.bounds.get("ge", low)), ("gt", low > option.bounds.get("gt", low - 1))):
            assert holds, (option.name, bound)
        assert high <= option.bounds.get("le", high)
        assert high < option.bounds.get("lt", high + 1)
    check(loss.inputs, tensors, {option.name: option.default for option in loss.options} | chosen)


@pytest.mark.parametrize(
    ("domain", "ends"),
    [
        (Domain(), (-3.0, 3.0)),
        (Domain(0, 1), (0.0, 1.0)),
        (Domain(low=0), (0.0, 3.0)),
        (Domain(low=0, low_open=True), (0.03, 3.0)),
        (Domain(1, 1e12), (1.0, 4.0)),
        (Domain(values=(-1.0, 1.0)), (-1.0, 1.0)),
    ],
)
def test_a_tensor_is_plotted_where_its_domain_allows(domain: Domain, ends: tuple[float, float]) -> None:
    assert tensor_range(TensorSpec("n", domain=domain)) == pytest.approx(ends)


def test_a_range_is_wide_enough_for_the_example() -> None:
    assert tensor_range(TensorSpec("n"), [10.0, -40.0]) == (-60.0, 60.0)


def test_peers_take_the_same_numbers() -> None:
    assert "pseudo_huber" in pictures.peers(LOSSES["huber"])
    assert "hinge" not in pictures.peers(LOSSES["huber"])
    assert pictures.peers(LOSSES["iou"]) == []
