"""Alignments of series of points by time warping."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Positive, TensorSpec
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.double_double import DoubleDouble, two_product, two_sum
from service.losses.numerics.elementary import spread
from service.losses.registry import loss
from service.losses.sequence._shared import diagonals, finite_top, from_diagonals, shifted, shifted_back

Series = Annotated[Array, TensorSpec("n t d", gradient="default", description="a series of points for each sample")]
OtherSeries = Annotated[Array, TensorSpec("n u d", gradient="on request", description="the series to align with, of any length")]


@loss(example={"predictions": [[[0.0], [1.0], [2.0]]], "labels": [[[0.1], [2.1]]], "gamma": 0.5})
def soft_dtw(predictions: Series, labels: OtherSeries, *, gamma: Positive = 1.0) -> Evaluation:
    r"""The smallest cost of an alignment of two series by time warping, with a soft minimum; the cost of a pair is its squared distance.

    It can be negative, and is not 0 for equal series: the soft minimum is below the minimum. Sums along the paths are kept in two float64 numbers
    each, so that one far point does not swallow what the others cost, unless a squared distance is beyond about 1e30 times gamma.

    Formula: \ell = -\gamma \log \sum_{A} \exp\left( -\frac{1}{\gamma} \sum_{(i, j) \in A} \|x_i - y_j\|^2 \right)
    gamma: softness of the minimum; towards 0 it is dynamic time warping.
    Divisor: the number of samples
    Synonyms: SoftDTW, SoftDTWLoss, soft_dynamic_time_warping
    Reference: Cuturi and Blondel, Soft-DTW, 2017, arXiv:1703.01541, algorithms 1 and 2
    """
    n, t, features = predictions.shape
    costs = _squared_distances(predictions, labels)
    local = np.stack((diagonals(-costs[0], -np.inf), diagonals(-costs[1], 0.0)))  # with the sign of scores: the best is the largest
    best = np.zeros(local.shape)  # running sums along the paths, as high and low parts, less the drops up to there
    drop = np.zeros(local.shape[:3])
    drop[:, 0] = local[:, 0, :, 0]
    best[0, 0, :, 1:] = -np.inf

    def choices(d: int) -> tuple[Array, Array, Array, Array]:
        """What comes to the places of diagonal d by a step of the first series, of the second, of both: the best (two parts), e^gap, their sum."""
        before = best[:, d - 1]
        both = _less(best[:, d - 2], drop[:, d - 1]) if d > 1 else np.stack((np.full_like(before[0], -np.inf), before[1]))
        sums = np.stack((before, _two_shifted(before), _two_shifted(both)))
        top = np.argmax(sums[:, 0], axis=0)[None]
        gaps = (sums[:, 0] - finite_top(np.take_along_axis(sums[:, 0], top, 0))) + (sums[:, 1] - np.take_along_axis(sums[:, 1], top, 0))
        top = np.argmax(gaps, axis=0)[None]  # the low parts decide between nearly equal high ones
        high, low = np.take_along_axis(sums[:, 0], top, 0), np.take_along_axis(sums[:, 1], top, 0)
        gaps = np.exp((gaps - finite_top(np.take_along_axis(gaps, top, 0))) / gamma)
        np.put_along_axis(gaps, top, 0.0, 0)
        rest = gaps.sum(axis=0)
        np.put_along_axis(gaps, top, 1.0, 0)
        return high[0], low[0], gaps, rest

    for d in range(1, local.shape[1]):
        high, low, _, rest = choices(d)
        total, error = two_sum(high, local[0, d])
        best[:, d] = _certain(two_sum(total, error + (low + local[1, d] + gamma * np.log1p(rest))), total)
        drop[:, d] = _largest(np.concatenate((best[:, d], best[:, d - 1]), axis=2))  # of two diagonals: a step of both skips one
        best[:, d] = _less(best[:, d], drop[:, d])
    numerator = -(drop.sum(axis=(0, 1)) + best[:, -1, :, -1].sum(axis=0))

    def visits() -> Array:
        """How probable each pair is."""
        weight = np.zeros_like(local[0])
        weight[-1, :, -1] = 1.0
        for d in reversed(range(1, len(weight))):
            _, _, gaps, rest = choices(d)
            first, second, both = gaps * (weight[d] / (1.0 + rest))
            weight[d - 1] += first + shifted_back(second, 1)
            if d > 1:
                weight[d - 2] += shifted_back(both, 1)
        return from_diagonals(weight, t).astype(predictions.dtype)

    def pulled(like: Array, sign: float, axis: int) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            weight, out = visits(), np.empty_like(like)
            for k in range(features):  # so that no array has all four axes
                out[..., k] = (weight * (predictions[:, :, None, k] - labels[:, None, :, k])).sum(axis=axis)
            return (2.0 * sign) * out * spread(cotangent, out)

        return pullback

    gradients = {"predictions": pulled(predictions, 1.0, 2), "labels": pulled(labels, -1.0, 1)}
    return Evaluation(numerator, np.ones(n), gradients, lambda: numerator.astype(predictions.dtype))


def _squared_distances(x: Array, y: Array) -> DoubleDouble:
    """Of all pairs of points (n, t, u), in two float64 parts: the soft minimum is of their differences."""
    shape = (x.shape[0], x.shape[1], y.shape[1])
    high, low = np.zeros(shape), np.zeros(shape)
    for k in range(x.shape[2]):
        gap, error = two_sum(x[:, :, None, k].astype(np.float64), -y[:, None, :, k].astype(np.float64))
        square, rounding = two_product(gap, gap)
        total, lost = two_sum(high, square)
        high, low = total, low + (lost + (rounding + 2.0 * gap * error))
    return _certain((high, low), high)


def _certain(x: DoubleDouble, size: Array) -> DoubleDouble:
    """The two parts, the low one 0 and the high one `size` where that is infinite or the parts are not numbers."""
    good = np.isfinite(x[0]) & np.isfinite(x[1])
    return np.where(good, x[0], size), np.where(good, x[1], 0.0)


def _largest(x: Array) -> Array:
    """The largest of each row (2, n, places) by its high part, 0 where all are -infinity."""
    top = np.argmax(x[0], axis=1)
    high, low = (part[np.arange(len(top)), top] for part in x)
    return np.stack((finite_top(high), low))


def _less(x: Array, taken: Array) -> Array:
    """Sums x (2, n, places) less a number (2, n) for each row; -infinity stays."""
    reached = np.isfinite(x[0])
    high, error = two_sum(np.where(reached, x[0], 0.0), -taken[0][:, None])
    return np.stack((np.where(reached, high, x[0]), np.where(reached, (error + x[1]) - taken[1][:, None], 0.0)))


def _two_shifted(x: Array) -> Array:
    """Sums of two parts, moved right: no path (-infinity, 0) comes in."""
    return np.stack((shifted(x[0], 1, -np.inf), shifted(x[1], 1, 0.0)))
