"""Single elements of every loss of the registry: their pullbacks, their weights and their number."""

from __future__ import annotations

import numpy as np
import pytest

from service.losses import LOSSES, Controls, Evaluation, InvalidTensor, Loss, compute
from service.losses.numerics import Array
from service.losses.reduction import Output
from tests import required
from tests.losses import draw
from tests.losses.test_conformance import STEP, evaluate, every_loss, generator

DRAWS = 6
OUTPUTS: tuple[Output, ...] = ("value", "gradients")
RATIOS = {"weighted_mean_absolute_percentage_error"}  # its divisor is no number of elements


def elements_of(evaluation: Evaluation) -> Array:
    assert evaluation.elements is not None
    return evaluation.elements()


def has_elements(name: str) -> bool:
    return evaluate(LOSSES[name], *draw.call(LOSSES[name], generator(name, 0))).elements is not None


def slope_along(loss: Loss, arrays: dict[str, Array], options: dict[str, object], wrt: str, direction: Array, cotangent: Array, step: float) -> float:
    ends = [elements_of(evaluate(loss, arrays | {wrt: arrays[wrt] + sign * step * direction}, options)) for sign in (1, -1)]
    return float((cotangent * (ends[0] - ends[1])).sum() / (2 * step))


@every_loss
def test_elements_have_pullbacks_of_their_own(name: str) -> None:
    """Central differences of sum(c * elements) against the pullback of c."""
    if not has_elements(name):
        return
    loss, tried = LOSSES[name], 0
    by_convention = "gradients" in loss.conventions
    for number in range(DRAWS):
        rng = generator(name, number)
        arrays, options = draw.call(loss, rng)
        evaluation = evaluate(loss, arrays, options)
        elements = elements_of(evaluation)
        cotangent = rng.normal(size=elements.shape)
        for wrt, pullback in evaluation.gradients.items():
            slope = pullback(cotangent)
            assert slope.shape == arrays[wrt].shape
            direction = rng.normal(size=slope.shape)

            first, second = (slope_along(loss, arrays, options, wrt, direction, cotangent, step) for step in (STEP, STEP / 2))
            if by_convention or abs(first - second) > 1e-5 * (1 + abs(first)):
                continue  # a kink lies within the step
            scale = float(np.abs(slope * direction).sum()) + float(np.abs(cotangent * elements).sum())
            assert abs((slope * direction).sum() - second) <= 2e-6 * (1e-3 + scale), (wrt, options)
            tried += 1
    assert tried or by_convention or not loss.differentiable, "no derivative was compared"


@every_loss
def test_the_second_derivatives_of_elements_are_those_of_their_gradients(name: str) -> None:
    loss = LOSSES[name]
    if not has_elements(name) or "hessian_diagonal" in loss.conventions:
        return
    for number in range(DRAWS if loss.hessian_diagonal else 0):
        rng = generator(name, number)
        arrays, options = draw.call(loss, rng)
        evaluation = evaluate(loss, arrays, options)
        cotangent = rng.normal(size=elements_of(evaluation).shape)
        for wrt, pullback in evaluation.hessian_diagonal.items():
            diagonal = pullback(cotangent)
            index = tuple(int(rng.integers(s)) for s in diagonal.shape)
            unit = np.zeros_like(diagonal)
            unit[index] = STEP
            ends = [evaluate(loss, arrays | {wrt: arrays[wrt] + s * unit}, options).gradients[wrt](cotangent)[index] for s in (1, -1, 0)]
            forward, backward = (ends[0] - ends[2]) / STEP, (ends[2] - ends[1]) / STEP
            if abs(forward - backward) < 1e-3 * (1 + abs(forward)):
                assert abs(diagonal[index] - (forward + backward) / 2) <= 1e-5 * (1 + abs(forward)), (wrt, options)


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "sum", "batchmean"])
def test_weights_alike_in_a_sample_are_the_sample_s(name: str, reduction: str) -> None:
    """And weights that differ scale sum(w l) and, of the mean, sum(w)."""
    loss = LOSSES[name]
    if reduction not in loss.reductions or not has_elements(name):
        return
    outputs = (*OUTPUTS, "hessian_diagonal") if loss.hessian_diagonal else OUTPUTS
    for number in range(4):
        rng = generator(name, number)
        arrays, options = draw.call(loss, rng)
        evaluation = evaluate(loss, arrays, options)
        elements = elements_of(evaluation)
        samples = rng.integers(0, 4, size=len(elements)).astype(float)
        alike = np.broadcast_to(samples.reshape((-1,) + (1,) * (elements.ndim - 1)), elements.shape)
        by = [compute(loss, arrays, options, Controls(reduction, weight, outputs=outputs)) for weight in (samples, alike)]
        assert by[1].value == pytest.approx(by[0].value, rel=1e-9, abs=1e-12)
        assert by[1].normalizer == pytest.approx(by[0].normalizer, rel=1e-12)
        assert by[1].parts == pytest.approx(dict(by[0].parts), rel=1e-9, abs=1e-12)
        for found, expected in ((required(by[1].gradients), required(by[0].gradients)), (by[1].hessian_diagonal or {}, by[0].hessian_diagonal or {})):
            for key in expected:
                np.testing.assert_allclose(found[key], expected[key], rtol=1e-7, atol=1e-9 * (1 + np.abs(expected[key]).max(initial=0.0)))
        if elements.ndim > 1:
            weight = rng.uniform(0.1, 2.0, size=elements.shape)
            answer = compute(loss, arrays, options, Controls(reduction, weight, outputs=outputs))
            assert required(answer.value) * required(answer.normalizer) == pytest.approx((weight * elements).sum(), rel=1e-9, abs=1e-9)
            upstream = Controls("none", cotangent=weight / (answer.normalizer or 1.0), outputs=("gradients",))
            for key, gradient in required(compute(loss, arrays, options, upstream).gradients).items():
                np.testing.assert_allclose(required(answer.gradients)[key], gradient * bool(answer.normalizer), rtol=1e-9, atol=1e-12)


@every_loss
def test_the_shares_are_those_of_the_divisor(name: str) -> None:
    """An element without a share of the divisor has no loss: leaving it out changes nothing. The shares of a sample sum to its weight."""
    for number in range(DRAWS if has_elements(name) else 0):
        evaluation = evaluate(LOSSES[name], *draw.call(LOSSES[name], generator(name, number)))
        elements = elements_of(evaluation)
        if evaluation.shares is not None:
            shares = evaluation.element_shares(elements)
            np.testing.assert_allclose(shares.reshape(len(elements), -1).sum(axis=1), evaluation.weight, rtol=1e-12, atol=1e-15)
            if name not in RATIOS:
                assert not elements[shares == 0].any()
                assert (shares >= 0).all()


@every_loss
def test_none_divides_by_a_number_of_elements(name: str) -> None:
    """Whatever the weights, and the same number in the gradients: a cotangent of samples is one of elements over that number."""
    loss = LOSSES[name]
    for number in range(DRAWS if has_elements(name) and name not in RATIOS else 0):
        rng = generator(name, number)
        arrays, options = draw.call(loss, rng)
        elements = elements_of(evaluate(loss, arrays, options))
        cotangent = rng.normal(size=len(elements))
        answer = compute(loss, arrays, options, Controls("none", cotangent=cotangent))
        per_sample = required(answer.per_sample)
        sums = elements.reshape(len(elements), -1).sum(axis=1, dtype=float)
        count = np.divide(sums, per_sample, out=np.zeros_like(sums), where=per_sample != 0)
        np.testing.assert_allclose(count, np.rint(count), rtol=1e-9)
        assert (count <= elements[0].size * (1 + 1e-9)).all()
        if elements.ndim == 1:
            np.testing.assert_allclose(per_sample, elements, rtol=1e-12)
            continue
        each = np.divide(cotangent, count, out=np.zeros_like(count), where=count != 0)
        spread = np.broadcast_to(each.reshape((-1,) + (1,) * (elements.ndim - 1)), elements.shape)
        by_element = compute(loss, arrays, options, Controls("none", cotangent=spread, outputs=("gradients",))).gradients
        for key, gradient in required(by_element).items():
            if per_sample.all():
                np.testing.assert_allclose(gradient, required(answer.gradients)[key], rtol=1e-7, atol=1e-9 * (1 + np.abs(gradient).max(initial=0.0)))


@every_loss
def test_controls_of_other_shapes_are_rejected(name: str) -> None:
    loss = LOSSES[name]
    arrays, options = draw.call(loss, generator(name, 0))
    n = evaluate(loss, arrays, options).numerator.size
    strange = np.ones((n, 17, 13))
    expected = "expected" if has_elements(name) else "has no per_element"
    for controls in (Controls("none", cotangent=strange), Controls(loss.reductions[0], sample_weight=strange)):
        with pytest.raises(InvalidTensor, match=f"wrong shape; .*{expected}"):
            compute(loss, arrays, options, controls)


def test_class_weights_are_in_the_losses_of_none() -> None:
    """torch.nn.functional.nll_loss(x, [0, 1], weight=[2, 5], reduction="none"): its gradients are -2 and -5."""
    arrays = {"predictions": np.log([[0.5, 0.5], [0.25, 0.75]]), "labels": np.array([0, 1]), "weight": np.array([2.0, 5.0])}
    answer = compute(LOSSES["nll"], arrays, {}, Controls("none"))
    np.testing.assert_allclose(required(answer.per_sample), [2 * np.log(2), -5 * np.log(0.75)])
    np.testing.assert_array_equal(required(answer.gradients)["predictions"], [[-2, 0], [0, -5]])
