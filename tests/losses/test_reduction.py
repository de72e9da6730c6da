"""The reduction of samples of equal weight, and of gradients with few values."""

from __future__ import annotations

import numpy as np
import pytest

from service.losses import LOSSES, Controls, NonFinite, compute
from service.losses.evaluation import Placed
from service.losses.numerics.elementary import per_sample_size
from tests import required
from tests.losses.test_conformance import evaluate


def test_sizes_of_samples_are_one_number_that_nobody_changes() -> None:
    sizes = per_sample_size(np.zeros((3, 2, 5)))
    np.testing.assert_array_equal(sizes, [10.0, 10.0, 10.0])
    assert sizes.strides == (0,)
    with pytest.raises(ValueError, match="read-only"):
        sizes += 1
    assert per_sample_size(np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_sample_that_is_not_finite_is_named(reduction: str) -> None:
    given = {"predictions": np.array([[0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]), "labels": np.array([0, 0, 1])}
    with pytest.raises(NonFinite) as caught:
        compute(LOSSES["cross_entropy"], given, {"predictions_are": "probabilities"}, Controls(reduction=reduction))  # type: ignore[arg-type]
    assert "per_sample" in str(caught.value)
    assert caught.value.samples == (1,)


def test_a_value_that_is_not_finite_in_a_gradient_of_zeros_is_named() -> None:
    given = {"predictions": np.array([[0.5, 0.5], [1e-39, 1.0]], np.float32), "labels": np.array([0, 0])}
    with pytest.raises(NonFinite) as caught:
        compute(LOSSES["cross_entropy"], given, {"predictions_are": "probabilities"})
    assert "gradients.predictions" in str(caught.value)
    assert caught.value.samples == (1,)


def test_a_gradient_of_zeros_has_its_values_where_the_labels_are() -> None:
    given = {"predictions": -np.ones((3, 2, 4)), "labels": np.array([[0, 1, 1, 0], [1, 1, -100, 0], [0, 0, 0, 1]])}
    evaluation = evaluate(LOSSES["nll"], given, dict(LOSSES["nll"].defaults))
    assert isinstance(evaluation.gradients["predictions"], Placed)
    gradient = required(compute(LOSSES["nll"], given, {}, Controls(reduction="sum")).gradients)["predictions"]
    np.testing.assert_array_equal(gradient, -np.stack([given["labels"] == 0, given["labels"] == 1], axis=1).astype(float))
