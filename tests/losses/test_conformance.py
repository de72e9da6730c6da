"""Properties of every loss of the registry, on calls drawn from its declaration alone."""

from __future__ import annotations

import inspect
import zlib
from contextlib import suppress

import numpy as np
import pytest

from service.losses import LOSSES, Controls, Evaluation, InvalidTensor, Loss, NonFinite, compute
from service.losses.checking import check
from service.losses.declaration import Real
from service.losses.numerics import Array
from service.losses.registry import loss
from tests import required
from tests.losses import draw

DRAWS = 12
STEP = 1e-5
MERGING: dict[str, dict[str, object]] = {"rpn": {"normalization": "torchvision"}, "dpo": {"loss_type": "sigmoid"}}  # the notes say of which choices
SELDOM = {"fcos", "yolo_head"}  # they merge but for parts with few objects or none
every_loss = pytest.mark.parametrize("name", draw.every_loss)


def generator(name: str, draw_number: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(name.encode()), draw_number])


def evaluate(loss: Loss, arrays: dict[str, Array], options: dict[str, object]) -> Evaluation:
    with np.errstate(all="ignore"):
        return loss.function(**check(loss.inputs, arrays, options), **options)


@every_loss
def test_the_pullback_is_the_derivative(name: str) -> None:
    """Central difference along a random direction, against the pullback; the first result is kept before the second call."""
    loss, tried = LOSSES[name], 0
    by_convention = "gradients" in loss.conventions  # held to the truth function alone, which says what is constant
    for number in range(DRAWS):
        rng = generator(name, number)
        arrays, options = draw.call(loss, rng)
        evaluation = evaluate(loss, arrays, options)
        cotangent = rng.normal(size=evaluation.numerator.shape)
        for wrt, pullback in evaluation.gradients.items():
            first = pullback(cotangent).copy()
            again = pullback(cotangent)
            np.testing.assert_array_equal(first, again, err_msg=f"the pullback of {wrt} changes from call to call")
            if by_convention:
                continue
            direction = rng.normal(size=arrays[wrt].shape)
            estimates = [slope_along(loss, arrays, options, wrt, direction, cotangent, step) for step in (STEP, STEP / 2)]
            if abs(estimates[0] - estimates[1]) > 1e-5 * (1 + abs(estimates[0])):
                continue  # a kink lies within the step
            scale = float(np.abs(first * direction).sum()) + float(np.abs(cotangent * evaluation.numerator).sum())
            assert abs((first * direction).sum() - estimates[1]) <= 2e-6 * (1e-3 + scale), (wrt, options)
            tried += 1
    assert tried or by_convention or not loss.differentiable, "no derivative was compared"


def slope_along(loss: Loss, arrays: dict[str, Array], options: dict[str, object], wrt: str, direction: Array, cotangent: Array, step: float) -> float:
    ends = [evaluate(loss, arrays | {wrt: arrays[wrt] + sign * step * direction}, options).numerator for sign in (1, -1)]
    return float((cotangent * (ends[0] - ends[1])).sum() / (2 * step))


@every_loss
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_inputs_are_not_written_to(name: str, dtype: str) -> None:
    """They are views of the request's body, and writable, as NumPy's argmax copies others."""
    for number in range(DRAWS // 3):
        arrays, options = draw.call(LOSSES[name], generator(name, number), dtype)
        kept = {key: array.copy() for key, array in arrays.items()}
        with suppress(NonFinite):
            compute(LOSSES[name], arrays, options)
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, kept[key], err_msg=key)


@every_loss
def test_the_declared_gradients_are_there(name: str) -> None:
    """An input that the card calls differentiable has a gradient in some call, and no other input ever has one."""
    loss, seen = LOSSES[name], set()
    for number in range(DRAWS):
        arrays, options = draw.call(loss, generator(name, number))
        evaluation = evaluate(loss, arrays, options)
        for wrt, pullback in evaluation.gradients.items():
            if wrt in arrays:
                assert pullback(np.ones_like(evaluation.numerator)).shape == arrays[wrt].shape
                seen.add(wrt)
        assert bool(evaluation.hessian_diagonal) == loss.hessian_diagonal
    assert seen == set(loss.differentiable)


@every_loss
def test_the_hessian_diagonal_is_the_derivative_of_the_gradient(name: str) -> None:
    loss = LOSSES[name]
    if not loss.hessian_diagonal:
        assert not evaluate(loss, *draw.call(loss, generator(name, 0))).hessian_diagonal
        return
    if "hessian_diagonal" in loss.conventions:
        return  # a test of its own compares it with the library
    for number in range(DRAWS):
        rng = generator(name, number)
        arrays, options = draw.call(loss, rng)
        evaluation = evaluate(loss, arrays, options)
        cotangent = rng.normal(size=evaluation.numerator.shape)
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
def test_a_loss_changes_nothing_that_it_is_given(name: str) -> None:
    loss = LOSSES[name]
    arrays, options = draw.call(loss, generator(name, 1))
    before = {key: array.copy() for key, array in arrays.items()}
    answers = [compute(loss, arrays, options) for _ in range(2)]
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, before[key])
    assert answers[0].value == answers[1].value


@every_loss
def test_a_pullback_gives_the_same_each_time(name: str) -> None:
    """Memory that a first use takes, such as that of exponentials, comes back with the same bits, and no answer shares it with the next."""
    arrays, options = draw.call(LOSSES[name], generator(name, 6))
    evaluation = evaluate(LOSSES[name], arrays, options)
    cotangent = np.random.default_rng(0).normal(size=evaluation.numerator.size)
    pullbacks = [*evaluation.gradients.values(), *evaluation.hessian_diagonal.values()]
    with np.errstate(all="ignore"):
        first = [pullback(cotangent) for pullback in pullbacks]
        before = [array.copy() for array in first]
        second = [pullback(cotangent) for pullback in pullbacks]
    for one, copy, other in zip(first, before, second, strict=True):
        np.testing.assert_array_equal(one, copy)
        np.testing.assert_array_equal(other, copy)


@every_loss
def test_samples_may_come_in_any_order(name: str) -> None:
    """Permuting the samples permutes per_sample and the gradients; the value stays."""
    loss = LOSSES[name]
    arrays, options = draw.call(loss, generator(name, 2))
    axis = loss.inputs[0].forms[0].names.index("n") if "n" in loss.inputs[0].forms[0].names else None
    if axis is None:
        assert loss.family in ("detection", "ranking", "composite") or not loss.merges, "a loss of samples names its first axis n"
        return
    n = arrays[loss.inputs[0].name].shape[axis]
    order = np.random.default_rng(0).permutation(n)

    def permuted(key: str, array: Array) -> Array:
        forms = next(item.forms for item in loss.inputs if item.name == key)
        names = next((form.names for form in forms if len(form.names) == array.ndim), forms[0].names)
        return np.take(array, order, names.index("n")) if "n" in names else array

    one = compute(loss, arrays, options)
    other = compute(loss, {key: permuted(key, array) for key, array in arrays.items()}, options)
    assert one.value == pytest.approx(other.value, rel=1e-12, abs=1e-300)
    if len(required(one.per_sample)) == n:
        np.testing.assert_allclose(required(other.per_sample), required(one.per_sample)[order], rtol=1e-12)
    for key, gradient in (one.gradients or {}).items():
        np.testing.assert_allclose(required(other.gradients)[key], permuted(key, gradient), rtol=1e-10, atol=1e-14)


@every_loss
def test_float32_gives_float32(name: str) -> None:
    loss = LOSSES[name]
    arrays, options = draw.call(loss, generator(name, 3), "float32")
    answer = compute(loss, arrays, options)
    assert answer.per_sample is not None
    assert answer.per_sample.dtype == np.float64
    assert {gradient.dtype for gradient in (answer.gradients or {}).values()} <= {np.dtype("float32")}
    wide = compute(loss, {key: array.astype("float64") if array.dtype.kind == "f" else array for key, array in arrays.items()}, options)
    assert answer.value == pytest.approx(wide.value, rel=1e-4, abs=1e-5)


@every_loss
def test_the_reductions_are_one_another(name: str) -> None:
    """mean * normalizer is the sum; none's per_sample is that over the number of elements; the gradients scale alike."""
    loss = LOSSES[name]
    arrays, options = draw.call(loss, generator(name, 4))
    by = {reduction: compute(loss, arrays, options, Controls(reduction=reduction)) for reduction in loss.reductions}
    if "sum" in by and evaluate(loss, arrays, options).mean_of == "elements":
        assert required(by["mean"].value) * required(by["mean"].normalizer) == pytest.approx(by["sum"].value, rel=1e-12, abs=1e-300)
        for key, gradient in required(by["sum"].gradients).items():
            np.testing.assert_allclose(required(by["mean"].gradients)[key] * required(by["mean"].normalizer), gradient, rtol=1e-9, atol=1e-14)
    if "batchmean" in by:
        assert required(by["batchmean"].value) * required(by["batchmean"].normalizer) == pytest.approx(by["sum"].value, rel=1e-12, abs=1e-300)
    evaluation = evaluate(loss, arrays, options)
    count = evaluation.weight if evaluation.count is None else evaluation.count
    np.testing.assert_allclose(required(by["none"].per_sample) * count, required(by["mean"].per_sample) * evaluation.weight, rtol=1e-12, atol=1e-14)
    assert by["none"].value is None
    assert by["none"].normalizer is None


@every_loss
def test_answers_over_shards_merge_where_the_card_says_so(name: str) -> None:
    """sum(value * normalizer) / sum(normalizer) over two parts of a batch is the value of the whole, and gradients merge alike; or the card says no."""
    loss = LOSSES[name]
    split = "n" if any("n" in item.forms[0].names for item in loss.inputs) else loss.inputs[0].forms[0].names[0]
    axis = {item.name: item.forms[0].names.index(split) for item in loss.inputs if split in item.forms[0].names}
    differs = False
    for number in range(DRAWS):
        arrays, options = draw.call(loss, generator(name, number))
        options |= MERGING.get(name, {}) | dict(loss.merging)
        n = next(arrays[key].shape[along] for key, along in axis.items() if key in arrays)
        halves = [{key: part(array, axis.get(key), slice(*ends)) for key, array in arrays.items()} for ends in ((0, n // 2), (n // 2, n))]
        try:
            whole, *parts = (compute(loss, tensors, options) for tensors in (arrays, *halves))
        except (InvalidTensor, NonFinite):
            continue  # such as an option that counts samples
        total = sum(required(answer.normalizer) for answer in parts)
        merged = sum(required(answer.value) * required(answer.normalizer) for answer in parts) / total if total else 0.0
        differs |= merged != pytest.approx(whole.value, rel=1e-9, abs=1e-12)
        assert not loss.merges or merged == pytest.approx(whole.value, rel=1e-9, abs=1e-12), options
        for key, gradient in required(whole.gradients).items() if loss.merges else ():
            shares = [required(answer.gradients)[key] * (required(answer.normalizer) / total if total else 0.0) for answer in parts]
            joined = np.concatenate(shares, axis[key]) if key in axis else sum(shares)
            np.testing.assert_allclose(joined, gradient, rtol=1e-8, atol=1e-11)
    assert loss.merges or differs or name in SELDOM, "it merges, though its card says that it does not"


def part(array: Array, axis: int | None, of: slice) -> Array:
    return array if axis is None else array[(slice(None),) * axis + (of,)]


@every_loss
def test_the_docstring_tells_what_the_card_needs(name: str) -> None:
    """Every option has a line (the decorator saw to it); the prose is a sentence, the formula LaTeX, the example a call."""
    loss = LOSSES[name]
    assert loss.summary.endswith(".")
    assert loss.use.endswith(".")
    assert loss.formula
    assert loss.reference
    assert inspect.getmodule(loss.function).__doc__
    assert {item.name for item in loss.inputs if item.required} <= set(loss.example)
    tensors = {item.name: np.asarray(loss.example[item.name], dtype=float) for item in loss.inputs if item.name in loss.example}
    chosen = {option.name: loss.example[option.name] for option in loss.options if option.name in loss.example}
    assert compute(loss, tensors, chosen).value is not None


def test_an_unfit_declaration_fails_at_import() -> None:
    def undocumented(predictions: Real, *, beta: float = 1.0) -> Evaluation:
        """Nothing is said of beta.

        Use: A test.
        Formula: x
        Reference: none
        """
        raise AssertionError

    with pytest.raises(TypeError, match="describes the option beta"):
        loss(example={})(undocumented)
    with pytest.raises(TypeError, match="registered twice"):
        loss(example={})(LOSSES["huber"].function)
