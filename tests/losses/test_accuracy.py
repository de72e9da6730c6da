"""Every loss meets the bound that it declares, against its truth function (accuracy.py says how)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mpmath import mp

from service.losses import LOSSES, Controls, InvalidTensor, NonFinite, compute
from tests import required
from tests.losses import draw
from tests.losses.accuracy import Report, compare, measure, truths
from tests.losses.adversarial import Call

SHOWN = 5

with_a_truth = pytest.mark.parametrize("name", sorted(truths()))


@with_a_truth
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_value_and_gradient_are_within_the_bound(name: str, dtype: str) -> None:
    failures = measure(LOSSES[name], dtype).failures
    assert not failures, "\n".join([f"{len(failures)} errors of {name} in {dtype}", *failures[:SHOWN]])


FOUND: list[tuple[str, dict[str, Any], dict[str, Any]]] = [  # by longer searches: 0 * infinity, and logarithms of what is nearly 1
    ("aft", {"predictions": [1000.0], "lower_bound": [0.3], "upper_bound": [0.0], "right_censored": [1]}, {"distribution": "extreme", "scale": 1.0}),
    ("decoupled_contrastive", {"input1": [[-3.0], [4.7]], "input2": [[-1.1], [-0.7]]}, {"temperature": 0.1}),
    ("negative_binomial_nll", {"predictions": [1e-17], "labels": [1e-17], "dispersion": [1e-8]}, {}),
    ("poisson_nll", {"predictions": [-40.0], "labels": [1e-17]}, {"log_input": True, "full": True, "eps": 1e-8, "factorial": "exact"}),
]


@pytest.mark.parametrize(("name", "tensors", "options"), FOUND)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_was_found_stays_mended(name: str, dtype: str, tensors: dict[str, Any], options: dict[str, Any]) -> None:
    loss, report = LOSSES[name], Report()
    integers = {item.name for item in loss.inputs if item.forms[0].kind == "integer"}
    arrays = {key: np.array(values, "int64" if key in integers else dtype) for key, values in tensors.items()}
    compare(loss, Call(arrays, options, "found"), dtype, report)
    assert not report.failures, "\n".join(report.failures)


@pytest.mark.parametrize("name", draw.every_loss)
def test_an_empty_batch_has_the_value_zero(name: str) -> None:
    """An empty batch, if the declaration allows it, has the value 0 and gradients of the right shape."""
    loss, rng = LOSSES[name], np.random.default_rng(0)
    sizes = {form.names[0]: 0 for item in loss.inputs for form in item.forms if form.names and not form.names[0].isdigit()}
    arrays = {item.name: draw.tensor(item.forms[0], rng, sizes, (), "float64") for item in loss.inputs if item.required}
    try:
        answer = compute(loss, arrays, {})
    except InvalidTensor:
        return
    assert answer.value == 0.0
    for key, gradient in (answer.gradients or {}).items():
        assert gradient.shape == arrays[key].shape


def test_a_mean_is_in_range_where_its_sum_is_not() -> None:
    huge = {"predictions": np.full((2, 3), 1.5e308), "labels": np.zeros((2, 3))}
    answer = compute(LOSSES["mean_absolute_error"], huge, {})
    assert answer.value == pytest.approx(1.5e308, rel=1e-15)
    np.testing.assert_allclose(required(answer.per_sample), 1.5e308, rtol=1e-15)
    with pytest.raises(NonFinite):
        compute(LOSSES["mean_absolute_error"], huge, {}, Controls(reduction="sum"))


@pytest.mark.parametrize("concentration", [6.5508243326086634, 6.55, 6.5509, 6.6, 6.1, 7.04])
def test_von_mises_has_its_digits_about_its_root(concentration: float) -> None:
    """At a concentration of 6.55 equal angles have the density 1, so that the loss is 0."""
    with mp.workdps(40):
        true = mp.log(2 * mp.pi * mp.besseli(0, mp.mpf(concentration))) - mp.mpf(concentration)
        ours = LOSSES["von_mises_nll"](np.array([0.3]), np.array([0.3]), np.array([concentration])).numerator[0]
        assert abs(ours / true - 1) < 1e-14


def test_every_loss_has_a_truth() -> None:
    missing = sorted(LOSSES.keys() - truths().keys())
    assert not missing, f"no truth function in tests/losses/truth for: {', '.join(missing)}"
