"""Lists of items: relevance, ranks, gains, discounts, and sums over pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

import numpy as np

from service.losses.declaration import Domain, TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, spread, times

Scores = Annotated[Array, TensorSpec("n m", gradient="default", description="scores of the items")]
Relevance = Annotated[Array, TensorSpec("n m", description="relevances of the items; only their order matters")]
Grade = Annotated[Array, TensorSpec("n m", domain=Domain(0, 64), description="graded relevances y of the items; their gain is 2^y - 1")]
ListMask = Annotated[Array, TensorSpec("n m", kind="integer", domain=Domain(values=(0, 1)), description="1 for items, 0 for padding")]
ItemWeight = Annotated[Array, TensorSpec("n m", domain=Domain(low=0), description="weight of each item, 1 without it; no part of the divisor")]


class Block(NamedTuple):
    """Pairs [list, i, j] that are computed together: the lists, and their first items i; j goes over all items."""

    lists: slice
    firsts: slice


Elementwise = Callable[[Array], Array]
PairWeights = Callable[[Block], Array]  # a block -> (lists, first items, m), 0 where i and j are no pair


# ------------------------------------------------------------------ what lists share


def items(mask: Array | None, like: Array) -> Array:
    """Return True for entries that are items."""
    return np.ones(like.shape, dtype=bool) if mask is None else mask == 1


def times_weight(values: Array, weight: Array | None) -> Array:
    """Return the values of items times their weights."""
    return values if weight is None else times(weight, values)


def blocks(lists: Array) -> Iterator[Block]:
    """Slice the pairs into blocks: of several lists or, for a long list, of some first items."""
    n, m = lists.shape[:2]
    step, firsts = max(1, BLOCK // (m * m)), min(m, max(1, BLOCK // m))
    for start in range(0, n, step):
        for first in range(0, m, firsts):
            yield Block(slice(start, start + step), slice(first, first + firsts))


def differences(x: Array, block: Block) -> Array:
    """Return x_i - x_j at [list, i, j]."""
    return first(x, block) - x[block.lists, None, :]


def first(x: Array, block: Block) -> Array:
    """x_i at [list, i, j]."""
    return x[block.lists, block.firsts, None]


def both(valid: Array, block: Block) -> Array:
    """Return True where i and j are both items."""
    return first(valid, block) & valid[block.lists, None, :]


def itself(block: Block, m: int) -> Array:
    """Return True where i is j, at [i, j]."""
    places = np.arange(m)
    return places[block.firsts, None] == places


def preferred(labels: Array, valid: Array) -> PairWeights:
    """Select pairs whose first item is more relevant."""
    return lambda block: (first(labels, block) > labels[block.lists, None, :]) & both(valid, block)


def ranks(scores: Array, valid: Array) -> Array:
    """Rank from 1 by decreasing score, ties by position, padding last."""
    order = np.lexsort((-scores, ~valid), axis=-1)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(1, scores.shape[1] + 1), order.shape), 1)
    return places


def non_empty(valid: Array) -> Array:
    """Return 1 for a list with items, 0 for others, as in rax's mean over lists."""
    some: Array = np.any(valid, axis=1)
    return some.astype(np.float64)


def gains(labels: Array) -> Array:
    """Return 2^y - 1."""
    return np.where(labels < 1.0, np.expm1(labels * labels.dtype.type(np.log(2.0))), np.exp2(labels) - 1.0)


def gain_differences(labels: Array, valid: Array, block: Block, exponential: bool = True) -> Array:
    """Return gain_i - gain_j over the largest gain of the list at [list, i, j], in float64, from the difference of nearly equal relevances."""
    whole_lists = Block(slice(None), block.firsts)
    y = times(valid[block.lists], labels[block.lists]).astype(np.float64)
    signed = differences(y, whole_lists)
    gap = np.abs(signed)
    top = y.max(axis=1)[:, None, None]
    tiny = (top < 1e-20) | (not exponential)
    lower, whole = np.minimum(first(y, whole_lists), y[:, None, :]), np.where(top > 0, top, 1.0)
    return np.copysign(np.where(tiny, gap / whole, np.exp2(lower) * gains(gap) / gains(np.where(tiny, 1.0, whole))), signed)


def relative(labels: Array, valid: Array, gain: Elementwise) -> Array:
    """Return the gains of the items over the largest of their list; 0 for padding and lists without gain. Tiny relevances equal their gains."""
    kept = times(valid, labels)
    top = kept.max(axis=1, keepdims=True)
    tiny = top < 1e-20
    found = gain(np.where(tiny, 1.0, kept)) / gain(np.where(tiny, 1.0, top))
    return np.where(tiny, kept / np.where(top > 0, top, 1.0), times(valid, found)).astype(labels.dtype)


def weighted_relative(labels: Array, valid: Array, gain: Elementwise, weight: Array) -> Array:
    """Return the weighted gains of the items over a power of two near the largest of their list, also of products out of range."""
    tiny = labels < 1e-20  # gains are in proportion to relevances
    gained = np.where(tiny, labels, gain(np.where(tiny, 1.0, labels)))
    parts = [np.frexp(np.where(valid, x, 0.0)) for x in (gained, weight)]
    product = parts[0][0] * parts[1][0] * np.where(tiny, gain(np.array([1e-20])) / 1e-20, 1.0)
    exponent = np.where(product == 0, -(1 << 20), parts[0][1] + parts[1][1])
    return np.ldexp(product, exponent - exponent.max(axis=1, keepdims=True))


def discounts(places: Array, cutoff: int = 0) -> Array:
    """Return 1 / log2(1 + place), 0 beyond the cutoff (0: none)."""
    return np.where((places > cutoff) & (cutoff > 0), 0.0, 1.0 / np.log2(1.0 + places))


def steps_apart(places: Array, block: Block, topn: int) -> Array:
    """Return |D(k) - D(k + 1)| at [list, i, j] for items k places apart, 0 for k = 0; over 1 - D(r) where the lower one's place r is beyond topn."""
    here, there = first(places, block), places[block.lists, None, :]
    apart, lower = np.abs(here - there), np.maximum(here, there)
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
    item_weight: Array | None = None,
) -> Evaluation:
    """Sum over pairs their weight times a function of s_i - s_j. A slope may have parts that are summed separately.

    item_weight: weight of the first item, a further factor. The divisor is the number of pairs.
    """

    def over(block: Block, function: Elementwise) -> tuple[Array, Array]:
        """Return the weighted function at [list, i, j], computed only where the weight is not 0, and the mask of pairs."""
        weight = pairs(block)
        found = weight != 0
        weight = weight if item_weight is None else weight * first(item_weight, block)
        chosen = found if item_weight is None else weight != 0
        each = np.zeros(chosen.shape, dtype=scores.dtype)
        each[chosen] = weight[chosen] * function(differences(scores, block)[chosen])
        return each, found

    numerator, count = np.zeros(len(scores)), np.zeros(len(scores))
    for block in blocks(scores):
        each, chosen = over(block, value)
        numerator[block.lists] += each.sum(axis=(1, 2), dtype=np.float64)
        count[block.lists] += np.count_nonzero(chosen, axis=(1, 2))

    def pulled(derivatives: tuple[Elementwise, ...], sign: float) -> Callable[[Array], Array]:
        def pullback(c: Array) -> Array:
            sums = np.zeros((len(derivatives), *scores.shape))
            for block in blocks(scores):
                for total, derivative in zip(sums, derivatives, strict=True):
                    each = over(block, derivative)[0]
                    total[block] += each.sum(axis=2, dtype=np.float64)
                    total[block.lists] += sign * each.sum(axis=1, dtype=np.float64)
            out = sums.sum(axis=0).astype(scores.dtype)
            return spread(c, out) * out

        return pullback

    return Evaluation(
        numerator,
        count if divisor is None else divisor,
        {"predictions": pulled(slope if isinstance(slope, tuple) else (slope,), -1.0)},
        hessian_diagonal={} if curvature is None else {"predictions": pulled((curvature,), 1.0)},
    )
