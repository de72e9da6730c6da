"""Alignments of series of points by dynamic time warping."""

from __future__ import annotations

import math
from functools import cache
from typing import Annotated, NamedTuple

import numpy as np

from service.losses.declaration import Bound, Positive, TensorSpec, Work
from service.losses.evaluation import Evaluation, Pullback, in_float64, paced
from service.losses.numerics import Array
from service.losses.numerics.double_double import DoubleDouble, halved, two_product, two_sum
from service.losses.numerics.elementary import spread
from service.losses.registry import loss
from service.losses.sequence._shared import finite_top, shifted, shifted_back

ROW = 1 << 14  # places of one diagonal of all samples processed together
SEGMENT = 1 << 13  # places of all diagonals of a segment; at 2^16, functions of large arrays keep small requests waiting 3 times as long

Series = Annotated[Array, TensorSpec("n t d", gradient="default", description="a series of points for each sample")]
OtherSeries = Annotated[Array, TensorSpec("n u d", gradient="on request", description="the series to align with, of any length")]


@loss(
    example={"predictions": [[[0.0], [1.0], [2.0]]], "labels": [[[0.1], [2.1]]], "gamma": 0.5},
    work=Work("600000 t + 600000 u + 450 n t u + 100 n t u d + 200 n t d + 200 n u d", "300 n t u^0.5 + 300 n t^0.5 u"),
)
def soft_dtw(predictions: Series, labels: OtherSeries, *, gamma: Positive = 1.0) -> Evaluation:
    r"""Soft dynamic time warping: the soft minimum of the cost of an alignment of two series, with squared distances as costs.

    It can be negative, and is not 0 for equal series, since the soft minimum is below the minimum. Sums along the paths are kept in two float64 numbers
    each, so that a distant point does not absorb the costs of the others, unless a squared distance is above about 1e30 times gamma. soft_dtw_divergence is 0 for
    equal series (normalize = true in tslearn).

    Use: Alignment, averaging and forecasting of time series by their shape.
    Formula: \ell = -\gamma \log \sum_{A} \exp\left( -\frac{1}{\gamma} \sum_{(i, j) \in A} \|x_i - y_j\|^2 \right)
    gamma: smoothness of the minimum; the limit 0 is dynamic time warping.
    Divisor: the number of samples
    Synonyms: SoftDTW, SoftDTWLoss, soft_dynamic_time_warping
    Reference: Cuturi and Blondel, Soft-DTW, 2017, arXiv:1703.01541, algorithms 1 and 2
    """
    few = max(1, ROW // min(predictions.shape[1], labels.shape[1]))
    samples = [slice(start, start + few) for start in range(0, len(predictions), few)]
    swap = labels.shape[1] > predictions.shape[1]  # diagonals are as wide as the second series
    x, y = (labels, predictions) if swap else (predictions, labels)
    warpings = [_Warping(x[some], y[some], gamma) for some in samples]
    numerator = np.concatenate([warping.values for warping in warpings] or [np.zeros(0)])

    @cache
    def slopes() -> tuple[Array, Array]:
        with np.errstate(all="ignore"):  # as in the evaluation, of which this repeats a part
            found = [warping.slopes() for warping in warpings]
        of_x, of_y = (np.concatenate([pair[side] for pair in found] or [np.zeros_like(like)]) for side, like in ((0, x), (1, y)))
        return (of_y, of_x) if swap else (of_x, of_y)

    def pulled(side: int, like: Array) -> Pullback:
        return lambda cotangent: (slopes()[side] * spread(cotangent, slopes()[side])).astype(like.dtype, copy=False)

    gradients = {"predictions": pulled(0, predictions), "labels": pulled(1, labels)}
    return Evaluation(numerator, np.ones(len(numerator)), gradients, lambda: numerator.astype(predictions.dtype))


@loss(
    example={"predictions": [[[0.0], [1.0], [2.0]]], "labels": [[[0.1], [2.1]]], "gamma": 0.5},
    bound=Bound(1e-12, 1e-11, "it is a difference of alignments to the other series and to themselves", "call", "tensor"),
    work=Work(
        "1800000 t + 1800000 u + 450 n t u + 100 n t u d + 450 n t t + 100 n t t d + 450 n u u + 100 n u u d + 600 n t d + 600 n u d",
        "300 n t u^0.5 + 300 n t^0.5 u + 600 n t^1.5 + 600 n u^1.5",
    ),
)
@in_float64
def soft_dtw_divergence(predictions: Series, labels: OtherSeries, *, gamma: Positive = 1.0) -> Evaluation:
    r"""Soft-DTW divergence: soft_dtw of two series, less half of that of each series with itself; 0 for equal series.

    tslearn and the implementations in PyTorch have it as soft_dtw with normalize = true, for series of one length only. The value is a difference, with an
    absolute error of about 1e-16 of the largest of its terms.

    Use: Alignment, averaging and forecasting of time series by their shape, with a value that is smallest for equal series.
    Formula: \ell = \mathrm{sdtw}_\gamma(x, t) - \tfrac{1}{2} \left( \mathrm{sdtw}_\gamma(x, x) + \mathrm{sdtw}_\gamma(t, t) \right)
    Where: x `predictions`; t `labels`; \mathrm{sdtw}_\gamma soft_dtw
    gamma: smoothness of the minimum.
    Divisor: the number of samples
    Synonyms: normalized_soft_dtw, soft_dtw_normalized, SoftDTWDivergence, sdtw_divergence
    Search: dynamic time warping
    Reference: Blondel, Mensch and Vert, Differentiable Divergences Between Time Series, 2021, arXiv:2010.08354, equation 8
    """
    across, of_x, of_y = (soft_dtw.function(*pair, gamma=gamma) for pair in ((predictions, labels), (predictions, predictions), (labels, labels)))
    numerator = (across.numerator - 0.5 * of_x.numerator) - 0.5 * of_y.numerator

    def less_own(name: str, own: Evaluation) -> Pullback:
        return lambda c: across.gradients[name](c) - own.gradients["predictions"](c)  # half of the sum of two equal ones

    gradients = {"predictions": less_own("predictions", of_x), "labels": less_own("labels", of_y)}
    return Evaluation(numerator, np.ones(len(numerator)), gradients, lambda: numerator)


class _Segment(NamedTuple):
    """Consecutive diagonals from `start` on, with the two before them in front: diagonal d has the index d - start + 2 in best and drop.

    band: the places of the second series that these diagonals reach, w of them. local (2, k, n, w): minus the squared distances.
    best (2, k + 2, n, w): sums along the paths minus the drops up to there. drop (2, k + 2, n).
    All are in two parts, with the sign of scores, so that the best is the largest. shares (k, 3, n, w), only for the gradient: shares of the paths to each
    pair by a step of the first series, of the second, of both.
    """

    start: int
    band: slice
    local: Array
    best: Array
    drop: Array
    shares: Array | None


class _Warping:
    """Sums along all paths of some samples, diagonal by diagonal (row d holds the pairs (d - j, j)).

    Only the two diagonals before each segment are kept, and segments are computed again for the gradient: for series of t and u points
    the memory is about u * sqrt(t + u) numbers instead of u * t. values (n,): the soft minima.
    """

    def __init__(self, x: Array, y: Array, gamma: float) -> None:
        n, t, u = len(x), x.shape[1], y.shape[1]
        self.x, self.y, self.gamma, self.diagonals = x.astype(np.float64, copy=False), y.astype(np.float64, copy=False), gamma, t + u - 1
        self.step = min(self.diagonals, max(math.isqrt(self.diagonals) + 1, SEGMENT // (n * u)))
        before = np.zeros((2, 2, n, u))
        before[0] = -np.inf
        self.kept = [(before, np.zeros((2, 2, n)))]
        drops = np.zeros((2, self.diagonals, n))
        for start in range(0, self.diagonals, self.step):
            segment = self._segment(start)
            self.kept.append((self._whole(segment, segment.best[:, -2:]), segment.drop[:, -2:].copy()))
            drops[:, start : start + self.step] = segment.drop[:, 2:]
        self.values = -(drops.sum(axis=(0, 1)) + segment.best[:, -1, :, -1].sum(axis=0))

    def _segment(self, start: int, shared: bool = False) -> _Segment:
        end = min(start + self.step, self.diagonals)
        band = slice(max(0, start - self.x.shape[1]), min(end, self.y.shape[1]))  # from the last place before these diagonals that leads into them
        local, (kept, dropped) = self._costs(start, end, band), self.kept[start // self.step]
        best, drop = (np.concatenate((old, np.empty((2, end - start, *old.shape[2:]))), axis=1) for old in (kept[..., band], dropped))
        segment = _Segment(start, band, local, best, drop, np.zeros((local.shape[1], 3, *local.shape[2:])) if shared else None)
        for k in paced(range(local.shape[1])):
            at = k + 2
            if start + k == 0:
                best[:, at], drop[:, at] = 0.0, local[:, 0, :, 0]
                best[0, at, :, 1:] = -np.inf
                continue
            high, low, gaps, rest = self._choices(segment, at)
            if segment.shares is not None:
                np.divide(gaps, 1.0 + rest, out=segment.shares[k])
            total, error = two_sum(high, local[0, k])
            best[:, at] = _certain(two_sum(total, error + (low + local[1, k] + self.gamma * np.log1p(rest))), total)
            drop[:, at] = _largest(np.concatenate((best[:, at], best[:, at - 1]), axis=2))  # of two diagonals: a step of both skips one
            best[:, at] = _less(best[:, at], drop[:, at])
        return segment

    def _whole(self, segment: _Segment, best: Array) -> Array:
        """Return diagonals of a segment with no path at the places outside its band."""
        whole = np.zeros((*best.shape[:3], self.y.shape[1]))
        whole[0] = -np.inf
        whole[..., segment.band] = best
        return whole

    def _choices(self, segment: _Segment, at: int) -> tuple[Array, Array, Array, Array]:
        """Return the paths into a diagonal by a step of the first series, of the second, of both: the best (two parts), e^gap, their sum."""
        before = segment.best[:, at - 1]
        both = _less(segment.best[:, at - 2], segment.drop[:, at - 1])
        sums = np.stack((before, _two_shifted(before), _two_shifted(both)))
        tops = _tops(sums[:, 0])
        gaps = (sums[:, 0] - finite_top(_picked(sums[:, 0], tops))) + (sums[:, 1] - _picked(sums[:, 1], tops))
        tops = _tops(gaps)  # the low parts decide between nearly equal high ones
        high, low = _picked(sums[:, 0], tops), _picked(sums[:, 1], tops)
        gaps -= finite_top(_picked(gaps, tops))
        np.exp(np.divide(gaps, self.gamma, out=gaps), out=gaps)
        np.copyto(gaps, 0.0, where=tops)
        rest = gaps.sum(axis=0)
        np.copyto(gaps, 1.0, where=tops)
        return high, low, gaps, rest

    def _costs(self, start: int, end: int, band: slice) -> Array:
        """Return minus the squared distances of the pairs on some diagonals (2, diagonals, n, w), -infinity where there is none."""
        i = np.arange(start, end)[:, None] - np.arange(band.start, band.stop)
        there, i = (i >= 0) & (i < self.x.shape[1]), i.clip(0, self.x.shape[1] - 1)
        high, low = _squared_distances(self.x, i, self.y[:, None, band])
        return np.stack((np.where(there, -high, -np.inf), np.where(there, -low, 0.0))).transpose(0, 2, 1, 3)

    def slopes(self) -> tuple[Array, Array]:
        """Return the gradients of the values by both series: each pair's difference, times twice the probability that a path visits it."""
        of_x, of_y = np.zeros_like(self.x), np.zeros_like(self.y)
        weight = np.zeros((self.step + 2, *self.kept[0][0].shape[2:]))
        carried = weight[:2].copy()  # shares of the segment passed to the diagonals before it
        for start in reversed(range(0, self.diagonals, self.step)):
            segment = self._segment(start, shared=True)
            last = segment.local.shape[1] + 1
            weight[: last - 1], weight[last - 1 : last + 1] = 0.0, carried
            if start + last - 1 == self.diagonals:
                weight[last, :, -1] = 1.0
            inside = weight[..., segment.band]
            for at in paced(reversed(range(2, last + 1))):
                d = start + at - 2
                self._add_slopes(d, weight[at], of_x, of_y)
                if d and segment.shares is not None:
                    first, second, both = segment.shares[at - 2] * inside[at]
                    inside[at - 1] += first + shifted_back(second, 1)
                    inside[at - 2] += shifted_back(both, 1)
            carried = weight[:2].copy()
        return of_x, of_y

    def _add_slopes(self, d: int, weight: Array, of_x: Array, of_y: Array) -> None:
        j = np.arange(max(0, d - self.x.shape[1] + 1), min(self.y.shape[1], d + 1))
        step = 2.0 * weight[:, j, None] * (self.x[:, d - j] - self.y[:, j])
        of_x[:, d - j] += step
        of_y[:, j] -= step


def _squared_distances(x: Array, i: Array, y: Array) -> DoubleDouble:
    """Return the squared distances of the points i (k, w) of x (n, t, d) and those of y (n, 1, w, d) in two float64 parts.

    The soft minimum depends on their differences. Features are processed together up to a segment's size: NumPy calls of a few microseconds each would
    release the interpreter's lock and take it again before another thread wakes (24,000 features one by one kept a liveness probe waiting 0.3 to 1.3 s).
    """
    few = max(1, SEGMENT // (len(x) * i.size))
    high: Array = np.zeros(())
    low: Array = np.zeros(())
    for start in range(0, x.shape[2], few):
        features = slice(start, start + few)
        gap, error = two_sum(x[:, i, features], -y[..., features])
        square, rounding = two_product(gap, gap)
        part, rest = halved((square, rounding + 2.0 * gap * error))
        high, lost = two_sum(high, part)
        low = low + (lost + rest)
    return _certain((high, low), high)


def _tops(x: Array) -> Array:
    """Return True for the first largest of three arrays (3, ...), in a fifth of the time of an argmax along the axis."""
    second, third = x[1] > x[0], x[2] > np.maximum(x[0], x[1])
    return np.stack((~(second | third), second & ~third, third))


def _picked(x: Array, tops: Array) -> Array:
    """Return the one of three arrays (3, ...) that is selected."""
    return np.where(tops[0], x[0], np.where(tops[1], x[1], x[2]))


def _certain(x: DoubleDouble, size: Array) -> DoubleDouble:
    """Return the two parts, with low part 0 and high part `size` where that is infinite or the parts are NaN."""
    good = np.isfinite(x[0]) & np.isfinite(x[1])
    return np.where(good, x[0], size), np.where(good, x[1], 0.0)


def _largest(x: Array) -> Array:
    """Return the largest of each row (2, n, places) by its high part, 0 where all are -infinity."""
    top = np.argmax(x[0], axis=1)
    high, low = (part[np.arange(len(top)), top] for part in x)
    return np.stack((finite_top(high), low))


def _less(x: Array, taken: Array) -> Array:
    """Return sums x (2, n, places) minus a number (2, n) for each row; -infinity is kept."""
    reached = np.isfinite(x[0])
    high, error = two_sum(np.where(reached, x[0], 0.0), -taken[0][:, None])
    return np.stack((np.where(reached, high, x[0]), np.where(reached, (error + x[1]) - taken[1][:, None], 0.0)))


def _two_shifted(x: Array) -> Array:
    """Shift sums of two parts right, filling with no path (-infinity, 0)."""
    return np.stack((shifted(x[0], 1, -np.inf), shifted(x[1], 1, 0.0)))
