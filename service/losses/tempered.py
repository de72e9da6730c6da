"""Cross entropies of other exponentials than e^x: links with sparse or with heavy-tailed probabilities. The class axis is axis 1, as in torch."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.classification import EXAMPLE_LOGITS, kept_weights
from service.losses.core import Bound, ClassIndex, ClassIndexOrIgnored, ClassWeight, Evaluation, Fraction, Logits, loss
from service.losses.numerics import per_sample_size, per_sample_sum, spread, sum_of_others
from service.losses.tensors import Array

CALL = {"predictions": EXAMPLE_LOGITS, "labels": [0, 2]}
NEWTON = 60  # steps at most; ten are usual

# ------------------------------------------------------------------ sparse


@loss(example=CALL, hessian_diagonal=True)
def entmax15(predictions: Logits, labels: ClassIndex) -> Evaluation:
    r"""The loss of which 1.5-entmax is the link: probabilities that reach 0 as sparsemax's do, on a smooth way.

    Exactly 0 where the true class leads by 2. Computed as a sum of what is positive.

    Formula: \ell = \frac{4}{3} \left( 1 - \sum_k p_k^{3/2} \right) + \sum_k p_k x_k - x_y, \quad p_k = \max\left( \frac{x_k}{2} - \tau, 0 \right)^2, \quad \sum_k p_k = 1
    Synonyms: entmax15_loss, Entmax15Loss, tsallis15, entmax
    Reference: Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, 2019, arXiv:1905.05702, equations 10 and 14
    """
    x = np.maximum(0.5 * (predictions - predictions.max(axis=1, keepdims=True)), -2.0)  # what is 1 below the top has no part
    root = np.maximum(x - _entmax_threshold(x), 0.0)  # of each probability
    at_label = labels[:, None]
    own = np.take_along_axis(root, at_label, 1)
    others = root.copy()
    np.put_along_axis(others, at_label, 0.0, 1)
    short = (others * others).sum(axis=1, keepdims=True)  # 1 - p of the label
    lack = short / (1.0 + own)  # 1 - its root
    half_gap = 0.5 * (predictions.max(axis=1, keepdims=True) - np.take_along_axis(predictions, at_label, 1))
    below = np.maximum(half_gap + _entmax_threshold(x), 0.0)  # how far the label's score is under the threshold
    values = ((others**3).sum(axis=1, keepdims=True) + lack * lack * (3.0 - lack)) * (2.0 / 3.0) + 2.0 * below
    slope = others * others
    np.put_along_axis(slope, at_label, -short, 1)
    return Evaluation(
        per_sample_sum(values),
        per_sample_size(values[:, 0]),
        {"predictions": lambda c: slope * spread(c, slope)},
        lambda: values[:, 0],
        {"predictions": lambda c: spread(c, root) * (root * sum_of_others(root) / root.sum(axis=1, keepdims=True))},
    )


def _entmax_threshold(x: Array) -> Array:
    """The number tau for which the squares of max(x - tau, 0) sum to 1, where the largest x is 0."""
    falling = -np.sort(-x, axis=1)
    rank = np.arange(1, x.shape[1] + 1, dtype=x.dtype).reshape((1, -1) + (1,) * (x.ndim - 2))
    mean = np.cumsum(falling, axis=1) / rank
    beyond = 1.0 - (np.cumsum(falling * falling, axis=1) - rank * mean * mean)  # 1 less the squared deviations
    taus = mean - np.sqrt(np.maximum(beyond, 0.0) / rank)
    size = (taus <= falling).sum(axis=1, keepdims=True)
    tau = np.take_along_axis(taus, size - 1, 1)
    root = np.maximum(x - tau, 0.0)
    tau += ((root * root).sum(axis=1, keepdims=True) - 1.0) / (2.0 * root.sum(axis=1, keepdims=True))  # a step of Newton's
    return tau


# ------------------------------------------------------------------ heavy-tailed


@loss(
    example=CALL | {"t1": 0.8, "t2": 1.4},
    bound=Bound(2e-13, 1e-12, "the powers 1 / (t2 - 1) multiply the rounding of their logarithms, and of the normaliser, by their size"),
    hessian_diagonal=True,
)
def bi_tempered_logistic(
    predictions: Logits,
    labels: ClassIndexOrIgnored,
    *,
    t1: Fraction = 0.8,
    t2: Annotated[float, annotated_types.Ge(1)] = 1.2,
    weight: ClassWeight | None = None,
    ignore_index: int = -100,
) -> Evaluation:
    r"""Cross entropy with two temperatures: t1 below 1 bounds the loss of an outlier, t2 above 1 gives the softmax a heavy tail.

    Both 1 are cross entropy. The normaliser is found to the last bits by Newton's method, which climbs to it from one side.

    Formula: \ell = -\log_{t_1} p_y - \frac{1}{2 - t_1} \left( 1 - \sum_k p_k^{2 - t_1} \right), \quad \log_t u = \frac{u^{1-t} - 1}{1 - t}, \quad p_k = \left( 1 + (t_2 - 1)(\lambda - x_k) \right)^{-1 / (t_2 - 1)}, \quad \sum_k p_k = 1
    t1: temperature of the logarithm, from 0 to 1.
    t2: temperature of the exponential, from 1 on.
    ignore_index: class index that does not count.
    Divisor: the sum of the true classes' weights over what is not ignored
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
        # by the escort distribution q ~ p^t2, of slopes h = p^(1 - t1), at the label p^(1 - t1) - p^(-t1); h counts from the likeliest class
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

    return Evaluation(per_sample_sum(values), per_sample_sum(kept), {"predictions": pullback}, lambda: values, {"predictions": bend})


def _tempered_log_softmax(gap: Array, top: Array, t: float) -> Array:
    """Logarithms of the probabilities, from how far the scores are below the largest one.

    With s(l) the sum of the powers at the normaliser l, s^-(t - 1) rises and is concave, and at l = 0 it is below its goal 1: Newton's
    steps never go too far.
    """
    e = t - 1.0
    if e == 0:
        weights = np.exp(-gap)
        np.put_along_axis(weights, top, 0.0, 1)
        return -gap - np.log1p(weights.sum(axis=1, keepdims=True))
    normaliser = np.zeros_like(gap[:, :1])
    for _ in range(NEWTON):
        base = e * (normaliser + gap)
        power = np.exp(-np.log1p(base) / e)
        fall = (power / (1.0 + base)).sum(axis=1, keepdims=True)
        np.put_along_axis(power, top, np.expm1(-np.log1p(e * normaliser) / e), 1)
        log_sum = np.log1p(power.sum(axis=1, keepdims=True))
        step = np.expm1(e * log_sum) * np.exp(log_sum) / (e * fall)
        normaliser += step
        if not (np.abs(step) > np.finfo(gap.dtype).eps * normaliser).any():
            break
    return -np.log1p(e * (normaliser + gap)) / e


def _tempered_surprise(log_p: Array, short: Array, t: float) -> Array:
    """-log_t p - (1 - p^(2 - t)) / (2 - t), which is the integral of s (1 - s)^-t from 0 to 1 - p: a series where that is short."""
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
