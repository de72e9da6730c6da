"""Classification losses that are robust to label noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.classification._shared import (
    CALL,
    ClassLabels,
    LogitsOrProbabilities,
    kept_weights,
    of_surprise,
    per_class,
    require_nothing_ignored,
    unignored,
)
from service.losses.declaration import Bound, ClassIndexOrIgnored, ClassWeight, Fraction, IgnoreIndex, Logits, NonNegative, Work
from service.losses.evaluation import Evaluation, Pullback, at_places, positions_of
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_size, per_sample_sum, spread, times
from service.losses.numerics.softmax import Softmax, places
from service.losses.registry import loss


@loss(example=CALL | {"q": 0.7}, hessian_diagonal=True)
def generalized_cross_entropy(
    predictions: LogitsOrProbabilities,
    labels: ClassLabels,
    *,
    q: Annotated[float, annotated_types.Gt(0), annotated_types.Le(1)] = 0.5,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = -100,
    predictions_are: Literal["logits", "probabilities"] = "logits",
) -> Evaluation:
    r"""Generalized cross entropy, robust to label noise: between cross entropy (q near 0) and the absolute error of the probability (q = 1).

    The default of q is keras's, which takes probabilities as they are; the paper has q = 0.7. With probabilities t as labels, p_y is the expected
    probability of the true class, the sum of t p over the classes, as in keras; its weight is the sum of t w.

    Use: Multiclass classification with noisy labels.
    Search: noisy_labels, label_noise
    Formula: \ell = w_y \frac{1 - p_y^q}{q}, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; y the true class; w `weight`
    q: exponent; 1 gives half of mae_probability.
    ignore_index: class index to ignore; not allowed with probabilities as labels.
    predictions_are: logits (a softmax is taken), or probabilities.
    Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number of positions, as for cross_entropy
    Synonyms: GCE, lq_loss
    Equivalents: keras.losses.CategoricalGeneralizedCrossEntropy(predictions_are="probabilities"),
        keras.losses.categorical_generalized_cross_entropy(predictions_are="probabilities")
    Reference: Zhang and Sabuncu, Generalized Cross Entropy Loss, 2018, arXiv:1805.07836, equation 6
    """
    if labels.ndim == predictions.ndim:
        require_nothing_ignored(ignore_index)
        of = _of_expected_probability if predictions_are == "probabilities" else _of_expected_softmax
        return of(predictions, labels, per_class(weight, predictions), q)
    if predictions_are == "probabilities":
        return _of_true_probability(predictions, labels, weight, ignore_index, q)
    return of_surprise(
        predictions,
        labels,
        weight,
        ignore_index,
        lambda s, p, r: -np.expm1(-q * s) / q,
        lambda s, p, r: np.exp(-q * s),
        lambda s, p, r: -q * np.exp(-q * s),
    )


def _of_true_probability(predictions: Array, labels: Array, weight: Array | None, ignore_index: int, q: float) -> Evaluation:
    """(1 - p^q) / q of the probability given to the true class, by that probability."""
    safe, kept = kept_weights(labels, weight, ignore_index, predictions.dtype)
    at = places(predictions, safe[:, None])
    p = predictions.take(at)[:, 0]
    values = times(kept, -np.expm1(q * np.log(p)) / q)

    def derivative(factor: Callable[[], Array]) -> Pullback:
        return lambda cotangent: at_places(predictions, at, times(spread(cotangent, kept) * kept, factor()))

    second = {"predictions": derivative(lambda: times(np.full_like(p, 1.0 - q), p ** (q - 2.0)))}
    counted = unignored(labels, weight, ignore_index)
    return positions_of(values, kept, counted, {"predictions": derivative(lambda: -(p ** (q - 1.0)))}, second)


def _of_expected_probability(predictions: Array, labels: Array, weight: Array, q: float) -> Evaluation:
    """(1 - p^q) / q of the expected probability p of the true class, by the probabilities and by the labels."""
    p = (labels * predictions).sum(axis=1)
    costs, shares = -np.expm1(q * np.log(p)) / q, (weight * labels).sum(axis=1)
    values = times(shares, costs)

    def power(by: float) -> Array:
        return times(shares, p ** (q - by))[:, None]

    gradients: dict[str, Pullback] = {
        "predictions": lambda c: -times(labels, power(1.0)) * spread(c, labels),
        "labels": lambda c: (weight * costs[:, None] - times(predictions, power(1.0))) * spread(c, labels),
    }
    second: dict[str, Pullback] = {"predictions": lambda c: times((1.0 - q) * labels * labels, power(2.0)) * spread(c, labels)}
    return Evaluation(per_sample_sum(values), per_sample_size(values), gradients, lambda: values, second)


def _of_expected_softmax(predictions: Array, labels: Array, weight: Array, q: float) -> Evaluation:
    """The same by scores. share: of each class in the expected probability, the softmax of x + log labels."""
    softmax = Softmax(predictions)
    p, complements, surprise = softmax.probabilities(), softmax.complements, softmax.negative_log()
    lack = (1.0 - labels.sum(axis=1, keepdims=True)) + (labels * complements).sum(axis=1, keepdims=True)  # 1 - the expected probability
    joint = Softmax(np.log(labels) - surprise)
    log_p = np.where(np.abs(lack) < 0.5, np.log1p(-lack), joint.largest + np.log1p(joint.rest))
    costs = (-np.expm1(q * log_p) / q).astype(predictions.dtype, copy=False)
    weights = (weight * labels).sum(axis=1, keepdims=True)
    values = times(weights, costs)[:, 0]

    def move() -> Array:
        """Return share - p: share (1 - p) - p (1 - share)."""
        return joint.probabilities() * complements - p * joint.complements

    def bend(c: Array) -> Array:
        change = move()
        return -times(weights, np.exp(q * log_p)) * (q * change * change + joint.probabilities() * joint.complements - p * complements) * spread(c, p)

    gradients: dict[str, Pullback] = {
        "predictions": lambda c: -times(weights, np.exp(q * log_p)) * move() * spread(c, p),
        "labels": lambda c: (weight * costs - times(weights, np.exp((q - 1.0) * log_p - surprise))) * spread(c, p),
    }
    return Evaluation(per_sample_sum(values), per_sample_size(values), gradients, lambda: values, {"predictions": bend})


@loss(example=CALL, hessian_diagonal=True)
def symmetric_cross_entropy(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    alpha: NonNegative = 0.1,
    beta: NonNegative = 1.0,
    log_zero: Annotated[float, annotated_types.Le(0)] = -4.0,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Symmetric cross entropy: cross entropy plus the reverse cross entropy, of the label relative to the prediction.

    With one true class the reverse term is -log_zero (1 - p).

    Use: Multiclass classification with noisy labels.
    Formula: \ell = w_y \left( -\alpha \log p_y - \beta \sum_k p_k \log q_k \right), \quad \log 0 := A
    Where: p the softmax of `predictions`; q `labels`, one-hot; y the true class; w `weight`
    alpha: weight of the cross entropy.
    beta: weight of the reverse cross entropy.
    log_zero: A, value used for log 0.
    Divisor: the sum of the true classes' weights over positions that are not ignored
    Synonyms: SCE, SCELoss, SymmetricCrossEntropyLoss
    Reference: Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, 2019, arXiv:1908.06112, equation 7
    """
    reverse = -beta * log_zero
    return of_surprise(
        predictions,
        labels,
        weight,
        ignore_index,
        lambda s, p, r: alpha * s + reverse * r,
        lambda s, p, r: alpha + reverse * p,
        lambda s, p, r: -reverse * p,
    )


@loss(example=CALL, hessian_diagonal=True)
def mae_probability(
    predictions: Logits, labels: ClassIndexOrIgnored, *, weight: ClassWeight | None = None, ignore_index: IgnoreIndex = -100
) -> Evaluation:
    r"""Sum over the classes of the absolute errors of the softmax probabilities.

    Use: Multiclass classification with noisy labels.
    Formula: \ell = w_y \sum_k |p_k - q_k| = 2 w_y (1 - p_y), \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; y the true class; w `weight`
    Divisor: the sum of the true classes' weights over positions that are not ignored
    Synonyms: mae_softmax, probability_mae
    Reference: Ghosh, Kumar and Sastry, Robust Loss Functions under Label Noise for Deep Neural Networks, 2017, arXiv:1712.09482
    """
    return of_surprise(predictions, labels, weight, ignore_index, lambda s, p, r: 2.0 * r, lambda s, p, r: 2.0 * p, lambda s, p, r: -2.0 * p)


@loss(example=CALL, hessian_diagonal=True, work=Work("20 n c ... order"))
def taylor_cross_entropy(
    predictions: Logits,
    labels: ClassLabels,
    *,
    order: Annotated[int, annotated_types.Ge(1), annotated_types.Le(50)] = 2,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Taylor series of the cross entropy in 1 - p, truncated after `order` terms.

    Use: Multiclass classification with noisy labels.
    Formula: \ell = \sum_k w_k q_k \sum_{i=1}^{t} \frac{(1 - p_k)^i}{i}, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores; q `labels` as probabilities; w `weight`
    order: t, number of terms; 1 gives half of mae_probability, and more terms approach cross entropy.
    ignore_index: class index to ignore; not allowed with probabilities as labels.
    Divisor: with class indices the sum of the true classes' weights over positions that are not ignored; with probabilities the number of positions, as for cross_entropy
    Synonyms: TaylorCrossEntropyLoss, taylor_ce
    Reference: Feng et al., Can Cross Entropy Loss Be Robust to Label Noise?, 2020, IJCAI, equation 5
    """

    def value(s: Array, p: Array, r: Array) -> Array:
        return _polynomial(r, [1.0 / i for i in range(1, order + 1)]) * r

    return of_surprise(
        predictions,
        labels,
        weight,
        ignore_index,
        value,
        lambda s, p, r: p * _polynomial(r, [1.0] * order),  # 1 - r^t
        lambda s, p, r: -order * p * r ** (order - 1),
    )


def _polynomial(x: Array, coefficients: list[float]) -> Array:
    out = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        out = out * x + coefficient
    return out


NEWTON = 60  # maximum number of steps; ten are usual


# ------------------------------------------------------------------ heavy-tailed


@loss(
    example=CALL | {"t1": 0.8, "t2": 1.4},
    bound=Bound(2e-13, 1e-12, "the powers 1 / (t2 - 1) multiply the rounding of their logarithms, and of the normalizer, by their size"),
    hessian_diagonal=True,
    work=Work("2500 n c ...", "48 n c ..."),
)
def bi_tempered_logistic(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    t1: Fraction = 0.8,
    t2: Annotated[float, annotated_types.Ge(1)] = 1.2,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = -100,
) -> Evaluation:
    r"""Bi-tempered logistic loss: t1 below 1 bounds the loss of outliers, and t2 above 1 gives the softmax heavy tails.

    With both temperatures 1 it is cross entropy. Newton's method finds the normalizer to full accuracy and converges monotonically.

    Use: Multiclass classification with outliers and noisy labels.
    Formula: \ell = -\log_{t_1} p_y - \frac{1}{2 - t_1} \left( 1 - \sum_k p_k^{2 - t_1} \right), \quad \log_t u = \frac{u^{1-t} - 1}{1 - t}, \quad p_k = \left( 1 + (t_2 - 1)(\lambda - x_k) \right)^{-1 / (t_2 - 1)}, \quad \sum_k p_k = 1
    Where: x `predictions`, raw scores; y the true class
    t1: temperature of the logarithm, from 0 to 1.
    t2: temperature of the exponential, from 1 on.
    Divisor: the sum of the true classes' weights over positions that are not ignored
    Synonyms: bi_tempered, BiTemperedLogisticLoss, bi_tempered_loss
    Reference: Amid et al., Robust Bi-Tempered Logistic Loss Based on Bregman Divergences, 2019, arXiv:1906.03361, equations 5 and 6
    """
    safe, kept = kept_weights(labels, weight, ignore_index, predictions.dtype)
    at_label = safe[:, None]
    top = predictions.argmax(axis=1)[:, None]
    log_p = _tempered_log_softmax(np.take_along_axis(predictions, top, 1) - predictions, top, t2)
    others = np.exp(log_p)
    np.put_along_axis(others, at_label, 0.0, 1)
    short = others.sum(axis=1, keepdims=True)  # 1 - p of the label
    own = np.take_along_axis(log_p, at_label, 1)
    powers = np.where(others > 0, np.exp((2.0 - t1) * log_p), 0.0).sum(axis=1, keepdims=True) / (2.0 - t1)
    values = ((_tempered_surprise(own, short, t1) + powers)[:, 0] * kept).astype(predictions.dtype, copy=False)

    def pullback(cotangent: Array) -> Array:
        # by the escort distribution q ~ p^t2, of slopes h = p^(1 - t1), at the label p^(1 - t1) - p^(-t1); h is relative to the most likely class
        escort = np.exp(t2 * log_p)
        total = escort.sum(axis=1, keepdims=True)
        slope = np.exp((1.0 - t1) * log_p)
        at_top = top == at_label
        of_top = np.where(at_top, -short * np.exp(-t1 * own), np.take_along_axis(slope, top, 1))
        product = escort * (slope - of_top)
        at_own = np.where(at_top, 0.0, -short * np.exp((t2 - t1) * own) - np.exp(t2 * own) * of_top)
        np.put_along_axis(product, at_label, at_own.astype(product.dtype, copy=False), 1)
        out = product - escort / total * product.sum(axis=1, keepdims=True)
        return out.astype(predictions.dtype, copy=False) * (kept * spread(cotangent, kept))[:, None]

    def bend(cotangent: Array) -> Array:
        # the gradient is u - e sum u with u = (p - t) p^(t2 - t1) and the escort e = b / sum b, b = p^t2; dp_k / dx_j = b_k ([k = j] - e_j)
        b, rate = np.exp(t2 * log_p), t2 * np.exp((2.0 * t2 - 1.0) * log_p)
        escort = b / b.sum(axis=1, keepdims=True)
        less, total = np.exp(log_p), b.sum(axis=1, keepdims=True)
        np.put_along_axis(less, at_label, -short, 1)  # p - t
        u = less * np.exp((t2 - t1) * log_p)
        grown = b * np.exp((t2 - t1) * log_p) + (t2 - t1) * less * np.exp((2.0 * t2 - t1 - 1.0) * log_p)  # b du / dp
        moved = (rate * (1.0 - 2.0 * escort) + escort * escort * rate.sum(axis=1, keepdims=True)) / total  # de_j / dx_j
        out = grown * (1.0 - 2.0 * escort) + escort * escort * grown.sum(axis=1, keepdims=True) - moved * u.sum(axis=1, keepdims=True)
        return out.astype(predictions.dtype, copy=False) * (kept * spread(cotangent, kept))[:, None]

    return positions_of(values, kept, unignored(labels, weight, ignore_index), {"predictions": pullback}, {"predictions": bend})


def _tempered_log_softmax(gap: Array, top: Array, t: float) -> Array:
    """Return the logarithms of the probabilities, from the differences of the scores to the largest one.

    With s(l) the sum of the powers at the normalizer l, s^-(t - 1) rises and is concave, and at l = 0 it is below its goal 1: Newton's
    steps never overshoot.
    """
    e = t - 1.0
    if e == 0:
        weights = np.exp(-gap)
        np.put_along_axis(weights, top, 0.0, 1)
        return -gap - np.log1p(weights.sum(axis=1, keepdims=True))
    normalizer = np.zeros_like(gap[:, :1])
    for _ in range(NEWTON):
        base = e * (normalizer + gap)
        power = np.exp(-np.log1p(base) / e)
        fall = (power / (1.0 + base)).sum(axis=1, keepdims=True)
        np.put_along_axis(power, top, np.expm1(-np.log1p(e * normalizer) / e), 1)
        log_sum = np.log1p(power.sum(axis=1, keepdims=True))
        step = np.expm1(e * log_sum) * np.exp(log_sum) / (e * fall)
        normalizer += step
        if not (np.abs(step) > np.finfo(gap.dtype).eps * normalizer).any():
            break
    return -np.log1p(e * (normalizer + gap)) / e


def _tempered_surprise(log_p: Array, short: Array, t: float) -> Array:
    """Return -log_t p - (1 - p^(2 - t)) / (2 - t), the integral of s (1 - s)^-t from 0 to 1 - p, by a series for small 1 - p."""
    near = short < 0.25
    r = np.where(near, short, 0.0)
    series, coefficient = np.zeros_like(r), 1.0
    terms = []
    for k in range(28):
        terms.append(coefficient / (k + 2))
        coefficient *= (t + k) / (k + 1)
    for term in reversed(terms):
        series = series * r + term
    direct = (-log_p if t == 1 else -np.expm1((1.0 - t) * log_p) / (1.0 - t)) + np.expm1((2.0 - t) * log_p) / (2.0 - t)
    return np.where(near, series * r * r, direct)
