"""Lists of items: relevance, ranks, gains, discounts, and sums over pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np

from service.losses.declaration import Domain, TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, spread, times

Scores = Annotated[Array, TensorSpec("n m", gradient="default", description="scores of the items")]
Relevance = Annotated[Array, TensorSpec("n m", description="relevances of the items; only their order counts")]
Grade = Annotated[Array, TensorSpec("n m", domain=Domain(0, 64), description="graded relevances y of the items; their gain is 2^y - 1")]
ListMask = Annotated[Array, TensorSpec("n m", kind="integer", domain=Domain(values=(0, 1)), description="1 for items, 0 for padding")]
Elementwise = Callable[[Array], Array]
PairWeights = Callable[[slice], Array]  # rows of lists -> (rows, m, m), 0 where i and j are no pair


# ------------------------------------------------------------------ what lists share


def items(mask: Array | None, like: Array) -> Array:
    """Which entries are items."""
    return np.ones(like.shape, dtype=bool) if mask is None else mask == 1


def blocks(lists: Array) -> Iterator[slice]:
    """Rows whose pairs fit a block."""
    n, m = lists.shape[:2]
    step = max(1, BLOCK // (m * m))
    return (slice(start, start + step) for start in range(0, n, step))


def differences(x: Array, rows: slice) -> Array:
    """x_i - x_j at [list, i, j]."""
    return x[rows, :, None] - x[rows, None, :]


def both(valid: Array, rows: slice) -> Array:
    """Where i and j both are items."""
    return valid[rows, :, None] & valid[rows, None, :]


def preferred(labels: Array, valid: Array) -> PairWeights:
    """Pairs whose first item is the more relevant one."""
    return lambda rows: (labels[rows, :, None] > labels[rows, None, :]) & both(valid, rows)


def ranks(scores: Array, valid: Array) -> Array:
    """Places from 1 by falling score, ties by position, padding last."""
    order = np.lexsort((-scores, ~valid), axis=-1)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(1, scores.shape[1] + 1), order.shape), 1)
    return places


def non_empty(valid: Array) -> Array:
    """1 for a list with items, 0 for others: rax's mean over lists."""
    some: Array = np.any(valid, axis=1)
    return some.astype(np.float64)


def gains(labels: Array) -> Array:
    """2^y - 1."""
    return np.where(labels < 1.0, np.expm1(labels * labels.dtype.type(np.log(2.0))), np.exp2(labels) - 1.0)


def gain_differences(labels: Array, valid: Array, rows: slice, exponential: bool = True) -> Array:
    """|gain_i - gain_j| over the largest gain of the list at [list, i, j], in float64: of nearly equal relevances by their difference."""
    y = times(valid[rows], labels[rows]).astype(np.float64)
    gap = np.abs(differences(y, slice(None)))
    top = y.max(axis=1)[:, None, None]
    tiny = (top < 1e-20) | (not exponential)
    lower, whole = np.minimum(y[:, :, None], y[:, None, :]), np.where(top > 0, top, 1.0)
    return np.where(tiny, gap / whole, np.exp2(lower) * gains(gap) / gains(np.where(tiny, 1.0, whole)))


def relative(labels: Array, valid: Array, gain: Elementwise) -> Array:
    """The gains of the items over the largest of their list; 0 for padding and where there is none. Tiny relevances are their own gains."""
    kept = times(valid, labels)
    top = kept.max(axis=1, keepdims=True)
    tiny = top < 1e-20
    found = gain(np.where(tiny, 1.0, kept)) / gain(np.where(tiny, 1.0, top))
    return np.where(tiny, kept / np.where(top > 0, top, 1.0), times(valid, found)).astype(labels.dtype)


def discounts(places: Array, cutoff: int = 0) -> Array:
    """1 / log2(1 + place), 0 beyond the cutoff (0: none)."""
    return np.where((places > cutoff) & (cutoff > 0), 0.0, 1.0 / np.log2(1.0 + places))


def steps_apart(places: Array, topn: int) -> Array:
    """|D(k) - D(k + 1)| at [list, i, j] for items k places apart, 0 for k = 0; over 1 - D(r) where the lower one's place r is beyond topn."""
    apart = np.abs(places[:, :, None] - places[:, None, :])
    lower = np.maximum(places[:, :, None], places[:, None, :])
    place = np.arange(1, places.shape[1] + 2)
    discount = discounts(place)
    step = np.append(0.0, discount[:-1] * discount[1:] * np.log1p(1.0 / place[1:]) / np.log(2.0))
    found: Array = step[apart]
    return np.where((lower > topn) & (topn > 0) & (apart > 0), found / (1.0 - discount[np.maximum(lower, 2) - 1]), found)


def pairwise(
    scores: Array,
    pairs: PairWeights,
    value: Elementwise,
    slope: Elementwise | tuple[Elementwise, ...],
    curvature: Elementwise | None = None,
    divisor: Array | None = None,
) -> Evaluation:
    """The sum over pairs of their weight times a function of s_i - s_j. A slope may come in parts that are summed apart. Divisor: the number of pairs."""

    def over(rows: slice, function: Elementwise) -> tuple[Array, Array]:
        """The weighted function at [list, i, j], computed at the pairs alone, and where they are."""
        weight = pairs(rows)
        chosen = weight != 0
        each = np.zeros(chosen.shape, dtype=scores.dtype)
        each[chosen] = weight[chosen] * function(differences(scores, rows)[chosen])
        return each, chosen

    numerator, count = np.zeros(len(scores)), np.zeros(len(scores))
    for rows in blocks(scores):
        each, chosen = over(rows, value)
        numerator[rows] = each.sum(axis=(1, 2), dtype=np.float64)
        count[rows] = np.count_nonzero(chosen, axis=(1, 2))

    def pulled(derivatives: tuple[Elementwise, ...], sign: float) -> Callable[[Array], Array]:
        def pullback(c: Array) -> Array:
            out = np.empty_like(scores)
            for rows in blocks(scores):
                parts = [over(rows, derivative)[0] for derivative in derivatives]
                out[rows] = sum(each.sum(axis=2, dtype=np.float64) + sign * each.sum(axis=1, dtype=np.float64) for each in parts)
            return spread(c, out) * out

        return pullback

    return Evaluation(
        numerator,
        count if divisor is None else divisor,
        {"predictions": pulled(slope if isinstance(slope, tuple) else (slope,), -1.0)},
        hessian_diagonal={} if curvature is None else {"predictions": pulled((curvature,), 1.0)},
    )
