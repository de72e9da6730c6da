"""Sparse alternatives to softmax and sigmoid: sparsemax and entmax."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.classification._shared import CALL, SCORES, Margins, ZeroOrOne, of_margin, signed
from service.losses.declaration import ELEMENTWISE, ClassIndex, Logits, Work
from service.losses.evaluation import Evaluation, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_size, per_sample_sum, spread
from service.losses.numerics.softmax import places, sum_of_others
from service.losses.numerics.special import x_minus_log1p
from service.losses.registry import loss

# ------------------------------------------------------------------ sparse


@loss(example=CALL, hessian_diagonal=True, work=Work("400 n c ..."))
def entmax15(predictions: Logits, labels: ClassIndex) -> Evaluation:
    r"""Loss of 1.5-entmax, which gives sparse probabilities and is smoother than sparsemax.

    The loss is exactly 0 if the true class leads by 2. It is computed as a sum of non-negative terms.

    Use: Multiclass classification and attention with sparse probabilities.
    Formula: \ell = \frac{4}{3} \left( 1 - \sum_k p_k^{3/2} \right) + \sum_k p_k x_k - x_y, \quad p_k = \max\left( \frac{x_k}{2} - \tau, 0 \right)^2, \quad \sum_k p_k = 1
    Where: x `predictions`, raw scores; y the true class
    Synonyms: entmax15_loss, Entmax15Loss, tsallis15
    Reference: Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, 2019, arXiv:1905.05702, equations 10 and 14
    """
    x = np.maximum(0.5 * (predictions - predictions.max(axis=1, keepdims=True)), -2.0)  # scores 1 below the largest have probability 0
    root = np.maximum(x - _entmax_threshold(x), 0.0)  # of each probability
    at_label = labels[:, None]
    own = np.take_along_axis(root, at_label, 1)
    others = root.copy()
    np.put_along_axis(others, at_label, 0.0, 1)
    short = (others * others).sum(axis=1, keepdims=True)  # 1 - p of the label
    lack = short / (1.0 + own)  # 1 - its root
    half_gap = 0.5 * (predictions.max(axis=1, keepdims=True) - np.take_along_axis(predictions, at_label, 1))
    below = np.maximum(half_gap + _entmax_threshold(x), 0.0)  # distance of the label's score below the threshold
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
    """Return tau for which the squares of max(x - tau, 0) sum to 1, where the largest x is 0."""
    falling = -np.sort(-x, axis=1)
    rank = np.arange(1, x.shape[1] + 1, dtype=x.dtype).reshape((1, -1) + (1,) * (x.ndim - 2))
    mean = np.cumsum(falling, axis=1) / rank
    beyond = 1.0 - (np.cumsum(falling * falling, axis=1) - rank * mean * mean)  # 1 minus the squared deviations
    taus = mean - np.sqrt(np.maximum(beyond, 0.0) / rank)
    size = (taus <= falling).sum(axis=1, keepdims=True)
    tau = np.take_along_axis(taus, size - 1, 1)
    root = np.maximum(x - tau, 0.0)
    tau += ((root * root).sum(axis=1, keepdims=True) - 1.0) / (2.0 * root.sum(axis=1, keepdims=True))  # one Newton step
    return tau


@loss(example=CALL | {"alpha": 1.3}, hessian_diagonal=True, work=Work("4000 n c ...", "64 n c ..."))
@in_float64
def entmax(predictions: Logits, labels: ClassIndex, *, alpha: Annotated[float, annotated_types.Gt(1)] = 1.5) -> Evaluation:
    r"""Loss of alpha-entmax, between softmax (alpha near 1) and sparsemax (alpha 2); larger alphas give sparser probabilities.

    The loss is exactly 0 if the true class leads by 1 / (alpha - 1). The threshold is found by bisection to the last digit; the package entmax
    stops after 50 halvings and divides the probabilities by their sum. The loss is computed as a sum of non-negative terms.

    Use: Multiclass classification and attention with sparse probabilities, of a chosen sparsity.
    Formula: \ell = \frac{1 - \sum_k p_k^\alpha}{\alpha (\alpha - 1)} + \sum_k p_k x_k - x_y, \quad p_k = \max\left( 1 + (\alpha - 1)(x_k - \lambda), 0 \right)^{1 / (\alpha - 1)}, \quad \sum_k p_k = 1
    Where: x `predictions`, raw scores; y the true class
    alpha: entropic index, above 1; 1.5 is entmax15 and 2 is multiclass_sparsemax.
    Synonyms: entmax_bisect, EntmaxBisectLoss, entmax_bisect_loss, tsallis_entmax
    Reference: Peters, Niculae and Martins, Sparse Sequence-to-Sequence Models, 2019, arXiv:1905.05702, equations 8 and 14; Blondel, Martins and Niculae, 2019, arXiv:1901.02324
    """
    a = alpha - 1.0
    top = places(predictions, predictions.argmax(axis=1)[:, None])
    gap = predictions.take(top) - predictions
    level = _entmax_level(gap, top, a)
    depth = level + gap
    log_p = np.log1p(np.maximum(-a * depth, -1.0)) / a
    at_label = labels[:, None]
    others = np.exp(log_p)
    np.put_along_axis(others, at_label, 0.0, 1)
    short = others.sum(axis=1, keepdims=True)  # 1 - p of the label
    own = np.where(np.take_along_axis(log_p, at_label, 1) > -0.5, np.log1p(-short), np.take_along_axis(log_p, at_label, 1))
    below = np.maximum(np.take_along_axis(depth, at_label, 1) - 1.0 / a, 0.0)  # distance of the label's score below the threshold
    lack = a * (own + short) - x_minus_log1p(a * short)  # the integral of p^(alpha - 2) (1 - p) from p of the label to 1 is -expm1(lack) / (a alpha)
    power = np.where(others > 0, np.exp(alpha * log_p), 0.0).sum(axis=1, keepdims=True)
    values = (power / alpha - np.expm1(lack) / (a * alpha) + below)[:, 0]
    slope = others
    np.put_along_axis(slope, at_label, -short, 1)

    def curvature(cotangent: Array) -> Array:
        log_rate = np.where(np.isneginf(log_p), -np.inf, (1.0 - a) * log_p)
        highest = log_rate.max(axis=1, keepdims=True)
        rate = np.exp(log_rate - highest)
        return spread(cotangent, rate) * np.exp(highest) * (rate * sum_of_others(rate) / rate.sum(axis=1, keepdims=True))

    return Evaluation(
        per_sample_sum(values),
        per_sample_size(values),
        {"predictions": lambda c: slope * spread(c, slope)},
        lambda: values,
        {"predictions": curvature},
    )


def _entmax_level(gap: Array, top: Array, a: float) -> Array:
    """Return lambda minus the largest score, by bisection of the bits of float64 numbers: until two neighbors bracket the root."""
    low = np.zeros(gap[:, :1].shape, np.int64)
    high = np.full(low.shape, -np.expm1(-a * np.log(gap.shape[1])) / a).view(np.int64) + 1  # where all classes are equal
    while (high - low > 1).any():
        middle = low + (high - low) // 2
        level = middle.view(np.float64)
        p = np.exp(np.log1p(np.maximum(-a * (level + gap), -1.0)) / a)
        p.put(top, 0.0)
        above = p.sum(axis=1, keepdims=True) >= -np.expm1(np.log1p(np.maximum(-a * level, -1.0)) / a)  # the others exceed 1 minus the largest
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return low.view(np.float64)


@loss(example={"predictions": [0.8, -1.2, 2.0], "labels": [1, 0, 0]}, hessian_diagonal=True, bound=ELEMENTWISE)
def binary_sparsemax(predictions: Margins, labels: ZeroOrOne) -> Evaluation:
    r"""Sparsemax loss of two classes: 0 for margins above 1, linear below -1, quadratic between. Labels are 0 and 1, as in optax.

    Use: Binary classification with sparse probabilities.
    Formula: \ell = 0 \text{ where } m \ge 1, \; -m \text{ where } m \le -1, \text{ else } \frac{(1 - m)^2}{4}, \quad m = (2 z - 1) x
    Where: x `predictions`, raw scores; z `labels`
    Synonyms: sparsemax_loss, modified_hinge
    Equivalents: optax.losses.sparsemax_loss
    Reference: Blondel, Martins and Niculae, Learning with Fenchel-Young Losses, 2019, arXiv:1901.02324
    """
    s, m = signed(predictions, 2 * labels - 1)
    wrong = np.clip(0.5 * (1.0 - m), 0.0, 1.0)  # the sparse probability of the wrong class
    return of_margin(predictions, s, np.where(m <= -1.0, -m, wrong * wrong), lambda: -wrong, lambda: 0.5 * ((m > -1.0) & (m < 1.0)).astype(m.dtype))


@loss(example=SCORES, hessian_diagonal=True)
def multiclass_sparsemax(predictions: Logits, labels: ClassIndex) -> Evaluation:
    r"""Sparsemax loss: the analogue of cross entropy for sparsemax, exactly 0 if the true class leads by 1.

    It is computed as half the squared distance of sparsemax(x) from the label, plus the distance of the label's score below the threshold: sums of non-negative terms.

    Use: Multiclass classification and attention with sparse probabilities.
    Formula: \ell = \frac{1}{2} \sum_{j \in S} (x_j^2 - \tau^2) + \frac{1}{2} - x_y, \quad S = \{j : x_j > \tau\}, \quad \sum_{j \in S} (x_j - \tau) = 1
    Where: x `predictions`, raw scores; y the true class
    Synonyms: multiclass_sparsemax_loss, sparsemax
    Equivalents: optax.losses.multiclass_sparsemax_loss
    Reference: Martins and Astudillo, From Softmax to Sparsemax, 2016, arXiv:1602.02068, equation 24
    """
    gap = predictions - predictions.max(axis=1, keepdims=True)
    falling = -np.sort(-gap, axis=1)
    total = np.cumsum(falling, axis=1)
    rank = np.arange(1, gap.shape[1] + 1, dtype=gap.dtype).reshape((1, -1) + (1,) * (gap.ndim - 2))
    size = (1.0 + rank * falling > total).sum(axis=1, keepdims=True)
    threshold = (np.take_along_axis(total, size - 1, 1) - 1.0) / size.astype(gap.dtype)
    sparse = np.maximum(gap - threshold, 0.0)
    slope = sparse.copy()
    np.put_along_axis(slope, labels[:, None], 0.0, 1)
    np.put_along_axis(slope, labels[:, None], -slope.sum(axis=1, keepdims=True), 1)
    lacking = np.maximum(threshold - np.take_along_axis(gap, labels[:, None], 1), 0.0)[:, 0]
    values = 0.5 * (slope * slope).sum(axis=1) + lacking

    def curvature(cotangent: Array) -> Array:
        inside = (sparse > 0) * (1.0 - 1.0 / size.astype(gap.dtype))
        return inside * spread(cotangent, sparse)

    return Evaluation(
        per_sample_sum(values),
        per_sample_size(values),
        {"predictions": lambda c: slope * spread(c, slope)},
        lambda: values,
        {"predictions": curvature},
    )
