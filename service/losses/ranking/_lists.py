"""Lists of items: relevance, ranks, gains, discounts, and sums over pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

import numpy as np

from service.losses.declaration import Domain, TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, LN2, spread, times

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
Terms = Callable[[Array], tuple[Array, ...]]  # differences of scores -> values, and slopes in one or more parts that are summed separately
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
    """Return x_i - x_j at [list, i, j].

    It is x_i 1 + 1 (-x_j), a matrix product whose products are exact: a third of the time of a subtraction, which has rows of m numbers.
    """
    rows = x[block.lists]
    n, m = rows.shape
    firsts = rows[:, block.firsts]
    left, right = np.ones((n, firsts.shape[1], 2), x.dtype), np.ones((n, 2, m), x.dtype)
    left[:, :, 0] = firsts
    np.negative(rows, out=right[:, 1])
    return left @ right


def first(x: Array, block: Block) -> Array:
    """x_i at [list, i, j]."""
    return x[block.lists, block.firsts, None]


def both(valid: Array, block: Block) -> Array:
    """Return True where i and j are both items."""
    return first(valid, block) & valid[block.lists, None, :]


def without_itself(each: Array, block: Block) -> Array:
    """Set the places [list, i, i] to 0 or False, in place."""
    m = each.shape[2]
    each.reshape(len(each), -1)[:, block.firsts.start :: m + 1] = 0
    return each


def itself(block: Block, m: int) -> Array:
    """Return True where i is j, at [i, j]."""
    places = np.arange(m)
    return places[block.firsts, None] == places


def preferred(labels: Array, valid: Array) -> PairWeights:
    """Select pairs whose first item is more relevant."""
    if valid.all():
        return lambda block: differences(labels, block) > 0
    return lambda block: (differences(labels, block) > 0) & both(valid, block)


def order_of(scores: Array, valid: Array) -> Array:
    """Return the indices that sort each list by decreasing score, ties by position, padding last."""
    return np.argsort(np.where(valid, -scores, np.inf), axis=1, kind="stable")


def ranks(scores: Array, valid: Array) -> Array:
    """Rank from 1 by decreasing score, ties by position, padding last."""
    order = order_of(scores, valid)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(1, scores.shape[1] + 1), order.shape), 1)
    return places


def non_empty(valid: Array) -> Array:
    """Return 1 for a list with items, 0 for others, as in rax's mean over lists."""
    return np.ones(len(valid)) if valid.all() else np.any(valid, axis=1).astype(np.float64)  # any takes 0.5 ns an item


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
    whole = np.where(top > 0, top, 1.0)
    if exponential:
        powers = np.exp2(y)
        near = np.minimum(first(powers, whole_lists), powers[:, None, :]) * np.expm1(gap * LN2)
        grown = np.where(gap < 1.0, near, np.abs(differences(powers, whole_lists)))  # half of the time of a power of two for each pair
        gap = np.where(tiny, gap, grown) if tiny.any() else grown
    gap /= np.where(tiny, whole, gains(np.where(tiny, 1.0, whole)))
    return np.copysign(gap, signed)


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
    terms: Terms,
    curvature: Elementwise | None = None,
    divisor: Array | None = None,
    item_weight: Array | None = None,
) -> Evaluation:
    """Sum over pairs their weight times a function of s_i - s_j.

    item_weight: weight of the first item, a further factor. The divisor is the number of pairs. The function is computed of all i and j: to gather
    the pairs, and to scatter the results, takes as long as ten of its passes.
    """
    numerator, count, sums = np.zeros(len(scores)), np.zeros(len(scores)), np.zeros(0)
    for block in blocks(scores):
        found = pairs(block)
        weight, own = found.astype(np.float64, copy=False), None if item_weight is None else item_weight[block.lists, block.firsts].astype(np.float64)
        value, *slopes = terms(differences(scores, block))
        numerator[block.lists] += _row_sums(value, weight, own).sum(axis=1)
        if divisor is None:
            count[block.lists] += weight.sum(axis=(1, 2)) if found.dtype == bool else np.count_nonzero(found, axis=(1, 2))
        sums = sums if sums.size else np.zeros((len(slopes), *scores.shape))
        for part, each in enumerate(slopes):
            _add(sums[part], block, each, weight, own, -1.0)
    slope = sums.sum(axis=0).astype(scores.dtype) if sums.size else np.zeros_like(scores)

    def diagonal(c: Array) -> Array:
        total = np.zeros(scores.shape)
        for block in blocks(scores):
            own = None if item_weight is None else item_weight[block.lists, block.firsts].astype(np.float64)
            _add(total, block, curvature(differences(scores, block)), pairs(block).astype(np.float64, copy=False), own, 1.0)  # type: ignore[misc]
        out = total.astype(scores.dtype)
        return spread(c, out) * out

    return Evaluation(
        numerator,
        count if divisor is None else divisor,
        {"predictions": lambda c: spread(c, slope) * slope},
        hessian_diagonal={} if curvature is None else {"predictions": diagonal},
    )


def _row_sums(each: Array, weight: Array, own: Array | None) -> Array:
    """Return the sums over j of weights times `each` at [list, i], times the weights of i; 0 times infinity is 0."""
    rows = np.vecdot(each.astype(np.float64, copy=False), weight)
    if np.isnan(np.add.reduce(rows, axis=None)):
        rows = np.add.reduce(times(weight, each), axis=2, dtype=np.float64)
    return rows if own is None else times(own, rows)


def _add(total: Array, block: Block, each: Array, weight: Array, own: Array | None, sign: float) -> None:
    """Add the weighted sums over j to the items i, and `sign` times those over i to the items j; 0 times infinity is 0."""
    product = weight * each.astype(np.float64, copy=False)
    rows = product @ np.ones(each.shape[2])
    columns = (np.full(rows.shape, sign) if own is None else sign * own)[:, None] @ product
    if np.isnan(np.add.reduce(rows, axis=None)) or np.isnan(np.add.reduce(columns, axis=None)):
        product = times(weight, each.astype(np.float64))
        rows = np.add.reduce(product, axis=2)
        columns = sign * np.add.reduce(product if own is None else times(own[:, :, None], product), axis=1, keepdims=True)
    total[block] += rows if own is None else times(own, rows)
    total[block.lists] += columns[:, 0]
