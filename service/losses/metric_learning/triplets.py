"""Triplet losses of embeddings, given or mined in a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import numpy as np

from service.losses.declaration import Bound, NonNegative, Positive, Vector, Work
from service.losses.evaluation import Evaluation, Pullback, elementwise, in_blocks, in_float64, with_elements_of
from service.losses.metric_learning._shared import BATCH, Identity, by_row, pairs_of
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, divide_or_zero, scattered, sigmoid, softplus
from service.losses.numerics.vectors import (
    VECTORS_BLOCK,
    AllDistances,
    Distance,
    Measure,
    by_rates,
    distance_of_rows,
    exponents,
    moderate,
    norm_of,
    norm_of_difference,
    of_difference,
    scaled,
)
from service.losses.registry import loss

TRIPLET = {"anchor": [[0.0, 0.0], [1.0, 1.0]], "positive": [[0.3, 0.4], [1.0, 2.0]], "negative": [[0.6, 0.8], [4.0, 5.0]]}
POWERS = Bound(1e-13, 1e-12, "p other than 1 and 2 takes rounded powers, whose differences cancel at the margin", "call", "tensor")
DIFFERENCES = Bound(1e-14, 1e-13, "distances are rounded before they are subtracted", "call", "tensor")
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class Triplets:
    """Near minus far distance, and the rows' derivatives; with `across`, the distance of positive and negative replaces a larger far distance.

    close: rows of nearly equal distances, and the derivative by the anchor there, which the difference of two unit vectors would round to 0.
    """

    def __init__(
        self,
        near: Measure,
        far: Measure,
        across: Measure | None = None,
        difference: Array | None = None,
        close: tuple[Array, Callable[[], Array]] | None = None,
    ) -> None:
        self.near, self.far, self.across, self.close = near, far, across, close
        self.of_far = np.ones_like(far.values)
        away = far.values
        if across is not None:
            ahead = far.values - across.values
            self.of_far = (ahead < 0) + 0.5 * (ahead == 0)
            away = np.minimum(far.values, across.values)
        self.difference = near.values - away if difference is None else difference

    def slopes(self) -> dict[str, Pullback]:
        """Return, by name of the row, the pullback of a cotangent of the difference (n,) to the row."""
        return {"anchor": self._anchor, "positive": self._positive, "negative": self._negative}

    def _anchor(self, c: Array) -> Array:
        slope = self.near.by_a(c)
        slope -= self.far.by_a(self.of_far * c)
        if self.close is not None:
            rows, derivative = self.close
            slope[rows] = c[rows, None] * derivative()
        return slope

    def _positive(self, c: Array) -> Array:
        slope = self.near.by_b(c)
        return slope if self.across is None else slope - self.across.by_a((1.0 - self.of_far) * c)

    def _negative(self, c: Array) -> Array:
        slope = self.far.by_b(-self.of_far * c)
        return slope if self.across is None else slope - self.across.by_b((1.0 - self.of_far) * c)


def _hinged(triplets: Triplets, margin: float | Array) -> Evaluation:
    beyond = triplets.difference + margin
    active = beyond >= 0
    return elementwise(np.maximum(beyond, 0.0), {name: _times(active, slope) for name, slope in triplets.slopes().items()})


def _times(factor: Array, slope: Pullback) -> Pullback:
    return lambda c: slope(c * factor)


def _squared_triplets(anchor: Array, positive: Array, negative: Array, margin: float, swap: bool) -> Evaluation:
    """Subtract squared distances; rows whose squares overflow are first scaled by a power of two, since the difference may be in range."""
    room = np.finfo(anchor.dtype).maxexp // 2 - 16
    up = np.maximum(0, np.max([exponents(x) for x in (anchor, positive, negative)], axis=0) - room)
    a, p, n = (scaled(x, -up[:, None]) for x in (anchor, positive, negative))
    near, far, across = (distance_of_rows(x, y, "squared_euclidean") for x, y in ((a, p), (a, n), (p, n)))
    difference = np.vecdot(n - p, (a - p) + (a - n))  # |a - p|^2 - |a - n|^2, without cancellation where p and n are nearly equal
    if swap:
        difference = np.where(across.values < far.values, np.vecdot(n - a, (p - a) + (p - n)), difference)
    evaluation = _hinged(Triplets(near, far, across if swap else None, difference), scaled(np.full(len(a), margin), -2 * up))
    values = scaled(evaluation.numerator, 2 * up)

    def pulled(slope: Pullback) -> Pullback:
        return lambda c: scaled(slope(c), up[:, None])

    return elementwise(values, {name: pulled(slope) for name, slope in evaluation.gradients.items()})


def _euclidean_triplets(anchor: Array, positive: Array, negative: Array, margin: float, eps: float) -> Evaluation:
    """Take lengths in float64, and gradients in the type of the rows."""
    wide = anchor.astype(np.float64, copy=False)
    to_positive, to_negative = _gap(wide, positive, eps), _gap(wide, negative, eps)
    near = _length(to_positive, partial(_gap, anchor, positive, eps))
    far = _length(to_negative, partial(_gap, anchor, negative, eps))
    difference = near.values - far.values
    close = _close(near.values, far.values, np.vecdot(to_positive, to_negative))
    if not close.size:
        return _hinged(Triplets(near, far, None, difference), margin)
    between = np.subtract(negative[close], positive[close], dtype=np.float64)
    to_negative = to_negative[close]
    lengths = near.values[close], far.values[close]
    difference[close] = np.vecdot(between, to_positive[close] + to_negative) / (lengths[0] + lengths[1])

    def by_anchor() -> Array:
        return between / lengths[0][:, None] - to_negative * (difference[close] / lengths[0] / lengths[1])[:, None]

    return _hinged(Triplets(near, far, None, difference, (close, by_anchor)), margin)


def _close(near: Array, far: Array, inner: Array) -> Array:
    """Return the rows whose positive and negative are close for their distance: its difference cancels, that of the squares does not.

    Rows whose squares are out of range stay as they are.
    """
    both = near + far
    return np.flatnonzero((near * near + far * far - 2.0 * inner < (both / 64) ** 2) & (both > 1e-140) & (both < 1e140))


def _gap(anchor: Array, other: Array, eps: float) -> Array:
    """Return anchor - other + eps in the type of the anchor."""
    same = other.astype(anchor.dtype, copy=False)
    x: Array = np.subtract(anchor, same, out=None if same is other else same)
    x += eps
    return x


def _length(difference: Array, again: Callable[[], Array]) -> Measure:
    """Measure a difference in float64. Its gradient subtracts again, in the type of the rows, which takes less time than fresh memory to keep it."""
    if difference.shape[-1] == 1:
        return norm_of(difference)
    x, squares, exponent = moderate(difference)
    size = np.sqrt(squares)
    kept = x if exponent.any() or size.max(initial=0.0) > LARGEST_FLOAT32 else None

    def slope(c: Array) -> Array:
        rates = divide_or_zero(c, size)
        if kept is not None:
            return by_rates(kept, rates)
        x = again()
        return by_rates(x, rates, out=x)

    return of_difference(scaled(size, exponent), slope)


@loss(example=TRIPLET, bound=POWERS)
def triplet_margin(
    anchor: Vector, positive: Vector, negative: Vector, *, margin: Positive = 1.0, p: Positive = 2.0, eps: NonNegative = 1e-6, swap: bool = False
) -> Evaluation:
    r"""Triplet margin loss: the anchor's distance to the positive minus that to the negative, plus a margin, at least 0.

    eps is added to each coordinate difference, as in torch (optax adds it inside the root). The loss is exact where torch loses the difference of
    two nearly equal distances, and where its norms overflow or underflow. As in torch, the gradient at the margin is that of the slope, at equal
    distances with swap each has half of it, and the gradient of a distance of 0 is 0.

    Use: Metric learning of embeddings by triplets: face recognition, image retrieval, sentence similarity.
    Formula: \ell = \max(0, d(a, p) - d(a, n) + m), \quad d(x, y) = \lVert x - y + \epsilon \rVert_p
    Where: a `anchor`; p `positive`, and below the norm the option `p`; n `negative`; m `margin`; d the distance; \epsilon `eps`
    margin: margin by which the negative must be farther than the positive.
    p: degree of the norm.
    eps: added to each coordinate difference.
    swap: use the distance between positive and negative where it is smaller (Balntas).
    Synonyms: TripletMarginLoss, triplet, triplet_loss, facenet
    Equivalents: torch.nn.TripletMarginLoss, torch.nn.functional.triplet_margin_loss
    Unlike: optax.losses.triplet_margin_loss it adds 1e-6 below the root, torch to each difference
    Reference: Schroff, Kalenichenko and Philbin, FaceNet, 2015, arXiv:1503.03832; Balntas et al., Learning local feature descriptors with triplets, 2016
    """

    def evaluate(anchor: Array, positive: Array, negative: Array) -> Evaluation:
        if p == 2.0 and not swap:
            return _euclidean_triplets(anchor, positive, negative, margin, eps)
        return others(anchor, positive, negative)

    @in_float64
    def others(anchor: Array, positive: Array, negative: Array) -> Evaluation:
        across = norm_of_difference(positive, negative, p, eps) if swap else None
        return _hinged(Triplets(norm_of_difference(anchor, positive, p, eps), norm_of_difference(anchor, negative, p, eps), across), margin)

    return with_elements_of(anchor, in_blocks(evaluate, anchor, positive, negative, size=VECTORS_BLOCK))


@loss(example=TRIPLET, bound=POWERS)
def triplet_margin_with_distance(
    anchor: Vector,
    positive: Vector,
    negative: Vector,
    *,
    distance: Literal["euclidean", "squared_euclidean", "cosine", "manhattan", "minkowski"] = "euclidean",
    margin: Positive = 1.0,
    swap: bool = False,
    eps: NonNegative = 1e-6,
    p: Positive = 2.0,
) -> Evaluation:
    r"""Triplet margin loss with a choice of distances.

    Kinks as in triplet_margin. A zero vector has cosine 0, so that its cosine distance is 1 and its gradient 0.

    Use: Metric learning of embeddings by triplets, with another distance.
    Formula: \ell = \max(0, d(a, p) - d(a, n) + m)
    Where: a `anchor`; p `positive`; n `negative`; m `margin`; d the distance
    distance: euclidean (torch's default), squared_euclidean (FaceNet), cosine (1 - cos), manhattan, or minkowski, the norm of degree p of the difference.
    margin: margin by which the negative must be farther than the positive.
    swap: use the distance between positive and negative where it is smaller.
    eps: added to each coordinate difference by the euclidean and minkowski distances, as torch's PairwiseDistance does; the others are exact.
    p: degree of the minkowski distance.
    Synonyms: TripletMarginWithDistanceLoss, triplet_margin_with_distance_loss
    Equivalents: torch.nn.TripletMarginWithDistanceLoss, torch.nn.functional.triplet_margin_with_distance_loss
    Reference: Schroff, Kalenichenko and Philbin, FaceNet, 2015, arXiv:1503.03832; torch.nn.TripletMarginWithDistanceLoss
    """

    def evaluate(anchor: Array, positive: Array, negative: Array) -> Evaluation:
        if distance == "euclidean" and not swap:
            return _euclidean_triplets(anchor, positive, negative, margin, eps)
        return others(anchor, positive, negative)

    @in_float64
    def others(anchor: Array, positive: Array, negative: Array) -> Evaluation:
        if distance == "squared_euclidean":
            return _squared_triplets(anchor, positive, negative, margin, swap)
        pairs = (anchor, positive), (anchor, negative), (positive, negative)
        if distance == "minkowski":
            near, far, across = (norm_of_difference(x, y, p, eps) for x, y in pairs)
        else:
            near, far, across = (distance_of_rows(x, y, distance, eps) for x, y in pairs)
        return _hinged(Triplets(near, far, across if swap else None), margin)

    return with_elements_of(anchor, in_blocks(evaluate, anchor, positive, negative, size=VECTORS_BLOCK))


# ------------------------------------------------------------------ triplets mined in a batch


def _mined(embeddings: Array, chosen: tuple[Array, Array, Array], weight: Array, distance: Distance, margin: float, soft: bool) -> Evaluation:
    """Build the Evaluation of triplets of rows (anchors, positives, negatives), a block at a time; each belongs to its anchor."""

    def blocks(triplets: tuple[Array, ...]) -> Iterator[tuple[slice, tuple[Array, ...], Triplets]]:
        step = max(1, BLOCK // max(1, embeddings.shape[1]))
        for start in range(0, len(triplets[0]), step):
            at = slice(start, start + step)
            rows = tuple(x[at] for x in triplets)
            anchor, positive, other = (embeddings[x] for x in rows)
            yield at, rows, Triplets(distance_of_rows(anchor, positive, distance), distance_of_rows(anchor, other, distance))

    beyond = np.empty(len(chosen[0]))
    for at, _, triplets in blocks(chosen):
        beyond[at] = triplets.difference if soft else triplets.difference + margin
    values = softplus(beyond) if soft else np.maximum(beyond, 0.0)
    rates = sigmoid(beyond) if soft else beyond >= 0

    def pullback(cotangent: Array) -> Array:
        out, c = np.zeros_like(embeddings), cotangent[chosen[0]] * rates
        active = np.flatnonzero(c)
        for at, rows, triplets in blocks(tuple(x[active] for x in chosen)):
            for of, slope in zip(rows, triplets.slopes().values(), strict=True):
                out += scattered(embeddings, of, slope(c[active[at]]))
        return out

    return Evaluation(by_row(chosen[0], values, len(weight)), weight, {"embeddings": pullback})


@loss(example=BATCH, merges=False, bound=DIFFERENCES, work=Work("200 n n + 8 n n d", "40 n n"))
@in_float64
def batch_hard_triplet(
    embeddings: Vector,
    labels: Identity,
    *,
    margin: Positive = 1.0,
    distance: Literal["euclidean", "squared_euclidean", "cosine"] = "euclidean",
    form: Literal["hinge", "soft"] = "hinge",
) -> Evaluation:
    r"""Batch-hard triplet loss: for each anchor, the farthest sample of its class and the nearest sample of another class.

    Anchors without a positive or without a negative are excluded. Of ties the first is used; at the margin the gradient is that of the
    slope. The loss depends on the whole batch, so results over shards do not merge. Time is of the order of n^2 d.

    Use: Metric learning of embeddings by triplets mined from the batch: re-identification of persons.
    Formula: \ell_i = \max\left(0, \max_{y_p = y_i} d_{ip} - \min_{y_n \ne y_i} d_{in} + m\right)
    margin: margin by which the nearest negative must be farther than the farthest positive; unused by the soft form.
    distance: euclidean, squared_euclidean or cosine (1 - cos, which TFA calls angular).
    form: hinge, or soft: softplus of the difference, without margin.
    Divisor: the number of anchors with a positive and a negative
    Synonyms: TripletHardLoss, triplet_hard_loss, batch_hard, BatchHardTripletLoss
    Reference: Hermans, Beyer and Leibe, In Defense of the Triplet Loss, 2017, arXiv:1703.07737, equation 5
    """
    positive, other = pairs_of(labels)
    values = AllDistances(embeddings, distance).values
    valid = np.flatnonzero(positive.any(axis=1) & other.any(axis=1))
    farthest = np.where(positive[valid], values[valid], -np.inf).argmax(axis=1) if valid.size else valid
    nearest = np.where(other[valid], values[valid], np.inf).argmin(axis=1) if valid.size else valid
    weight = np.bincount(valid, minlength=len(labels)).astype(np.float64)
    return _mined(embeddings, (valid, farthest, nearest), weight, distance, margin, form == "soft")


@loss(example=BATCH, merges=False, bound=DIFFERENCES, work=Work("700 n n + 50 n n d", "100 n n"))
@in_float64
def batch_semi_hard_triplet(
    embeddings: Vector,
    labels: Identity,
    *,
    margin: Positive = 1.0,
    distance: Literal["euclidean", "squared_euclidean", "cosine"] = "euclidean",
) -> Evaluation:
    r"""Batch semi-hard triplet loss: for each pair of one class, the nearest sample of another class that is farther than the positive.

    If no negative is farther than the positive, the farthest negative is used (TFA). Of ties the first is used; at the margin the
    gradient is that of the slope. The loss depends on the whole batch, so results over shards do not merge. Time is of the order of n^2 (d + log n).

    Use: Metric learning of embeddings by triplets mined from the batch: face recognition (FaceNet).
    Formula: \ell_i = \sum_{y_p = y_i} \max\left(0, d_{ip} - d_{i n(p)} + m\right), \quad n(p) = \arg\min_{y_n \ne y_i, \, d_{in} > d_{ip}} d_{in}
    margin: margin by which the negative must be farther than the positive.
    distance: euclidean, squared_euclidean or cosine (1 - cos, which TFA calls angular).
    Divisor: the number of ordered pairs of one class whose anchor has a negative
    Synonyms: TripletSemiHardLoss, triplet_semihard_loss, semi_hard_triplet
    Reference: Schroff, Kalenichenko and Philbin, FaceNet, 2015, arXiv:1503.03832, section 3.2
    """
    positive, other = pairs_of(labels)
    positive &= other.any(axis=1, keepdims=True)
    values = AllDistances(embeddings, distance).values
    anchors, positives = np.nonzero(positive)
    chosen = anchors, positives, _semi_hard(values, positive, other)[anchors, positives]
    return _mined(embeddings, chosen, positive.sum(axis=1).astype(np.float64), distance, margin, False)


def _semi_hard(values: Array, positive: Array, other: Array) -> Array:
    """Return the index of the negative of each (anchor, positive). Rows are sorted, negatives first among equals."""
    n = len(values)
    if not n:
        return np.zeros((0, 0), np.int64)
    order = np.lexsort((~other, values), axis=1)
    is_other = np.take_along_axis(other, order, 1)
    place = np.where(is_other, np.arange(n), n)
    following = np.minimum.accumulate(place[:, ::-1], axis=1)[:, ::-1]
    last = np.where(is_other, np.arange(n), 0).max(axis=1, keepdims=True)
    farthest = np.take_along_axis(values, np.take_along_axis(order, last, 1), 1)
    first_farthest = np.where(other & (values == farthest), np.arange(n), n).min(axis=1, keepdims=True).clip(max=n - 1)
    picked = np.where(following < n, np.take_along_axis(order, np.minimum(following, n - 1), 1), first_farthest)
    out = np.empty_like(picked)
    np.put_along_axis(out, order, picked, 1)
    return out
