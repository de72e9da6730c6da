"""Embeddings: triplets, given or mined in a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from service.losses.declaration import Bound, NonNegative, Positive, Vector
from service.losses.evaluation import Evaluation, Pullback, elementwise
from service.losses.metric_learning._shared import BATCH, Identity, pairs_of
from service.losses.numerics import Array, ordinary
from service.losses.numerics.double_double import Twofold, add, negative, widened
from service.losses.numerics.elementary import BLOCK, scattered, sigmoid, softplus
from service.losses.numerics.ordinary import patched, wide
from service.losses.numerics.vectors import Distance, Distances, Pairing, exponents, length, measure
from service.losses.registry import loss

TRIPLET = {"anchor": [[0.0, 0.0], [1.0, 1.0]], "positive": [[0.3, 0.4], [1.0, 2.0]], "negative": [[0.6, 0.8], [4.0, 5.0]]}
POWERS = Bound(1e-13, 1e-12, "p other than 1 and 2 takes rounded powers, whose differences cancel at the margin")


class Triplets:
    """Near distance minus far distance, the rows' derivatives, and where swap asks for it the distance of positive and negative."""

    def __init__(self, near: Pairing, far: Pairing, across: Pairing | None = None) -> None:
        self.near, self.far, self.across = near, far, across
        self.shares = np.ones_like(far.value[0]), np.zeros_like(far.value[0])
        away = far.value
        if across is not None:
            ahead = add(far.value, negative(across.value))[0]
            self.shares = tuple((ahead * sign > 0) + 0.5 * (ahead == 0) for sign in (-1, 1))
            swapped = ahead > 0
            away = np.where(swapped, across.value[0], away[0]), np.where(swapped, across.value[1], away[1])
        self.difference: Twofold = add(near.value, negative(away))

    def beyond(self, margin: float | Array) -> Array:
        """The difference plus the margin."""
        return add(self.difference, widened(np.full_like(self.difference[0], margin)))[0]

    def slopes(self) -> dict[str, Pullback]:
        """By name of the row, from a cotangent of the difference (n,) to the row's derivative."""
        return {"anchor": self._anchor, "positive": self._positive, "negative": self._negative}

    def _anchor(self, c: Array) -> Array:
        return c[:, None] * add(self.near.first(), self._share(0, self.far.first()))[0]

    def _positive(self, c: Array) -> Array:
        if self.across is None:
            return c[:, None] * self.near.second()[0]
        return c[:, None] * add(self.near.second(), self._share(1, self.across.first()))[0]

    def _negative(self, c: Array) -> Array:
        slope = self._share(0, self.far.second())
        return c[:, None] * (slope if self.across is None else add(slope, self._share(1, self.across.second())))[0]

    def _share(self, which: int, slope: Twofold) -> Twofold:
        share = -self.shares[which][:, None].astype(slope[0].dtype)
        return share * slope[0], share * slope[1]


def _hinged(triplets: Triplets, margin: float) -> Evaluation:
    beyond = triplets.beyond(margin)
    active = (beyond >= 0).astype(beyond.dtype)
    return elementwise(np.maximum(beyond, 0.0), {name: _times(active, slope) for name, slope in triplets.slopes().items()})


def _times(factor: Array, slope: Pullback) -> Pullback:
    return lambda c: slope(c * factor)


def _squared_triplets(anchor: Array, positive: Array, negative: Array, margin: float, swap: bool) -> Evaluation:
    """Squares of distances that are out of range may have a difference that is not: rows so large are made smaller by a power of two first."""
    room = np.finfo(anchor.dtype).maxexp // 2 - 16
    rows = anchor, positive, negative
    up = np.maximum(0, np.max([exponents(x) for x in rows], axis=0) - room)
    a, p, n = (np.ldexp(x, -up[:, None]) for x in rows)
    near, far, across = (measure(x, y, "squared_euclidean") for x, y in ((a, p), (a, n), (p, n)))
    triplets = Triplets(near, far, across if swap else None)
    beyond = triplets.beyond(np.ldexp(anchor.dtype.type(margin), -2 * up))
    active = (beyond >= 0).astype(beyond.dtype)

    def pulled(slope: Pullback) -> Pullback:
        return lambda c: np.ldexp(slope(c * active), up[:, None])

    return elementwise(np.ldexp(np.maximum(beyond, 0.0), 2 * up), {name: pulled(slope) for name, slope in triplets.slopes().items()})


def _euclidean_triplets(anchor: Array, positive: Array, negative: Array, margin: float, eps: float) -> Evaluation:
    margin, eps = float(anchor.dtype.type(margin)), float(anchor.dtype.type(eps))

    def exact(a: Array, p: Array, n: Array) -> Evaluation:
        return _hinged(Triplets(length(a, p, 2.0, eps), length(a, n, 2.0, eps)), margin)

    quick = ordinary.TripletDistances((anchor, positive, negative), margin, eps)
    beyond, hard = ordinary.settled(quick, lambda look, _: look.beyond)
    active = (beyond >= 0).astype(np.float64)

    def pull(c: Array) -> Array:
        def again(rows: Array) -> Array:
            return exact(wide(anchor[rows]), wide(positive[rows]), wide(negative[rows])).gradients["anchor"](c[rows])[None]

        return quick.pull(c * active, again)

    values, shared = np.maximum(beyond, 0.0), ordinary.Together(("anchor", "positive", "negative"), pull)
    evaluation = Evaluation(values, np.ones(len(values)), shared.pullbacks(), lambda: values.astype(anchor.dtype))
    return patched(evaluation, hard, exact, anchor, positive, negative)


@loss(example=TRIPLET, bound=POWERS)
def triplet_margin(
    anchor: Vector, positive: Vector, negative: Vector, *, margin: Positive = 1.0, p: Positive = 2.0, eps: NonNegative = 1e-6, swap: bool = False
) -> Evaluation:
    r"""Asks that the positive be nearer to the anchor than the negative, by a margin.

    eps is added to each coordinate difference, as in torch (optax adds it inside the root). Exact where torch loses the difference of
    two nearly equal distances, and where its norms overflow or vanish. At the margin the gradient is that of the slope, at equal
    distances with swap half goes to each, where a distance is 0 its gradient is 0: torch's choices.

    Formula: \ell = \max(0, d(a, p) - d(a, n) + m), \quad d(x, y) = \lVert x - y + \epsilon \rVert_p
    margin: by how much the negative should be farther.
    p: degree of the norm.
    eps: added to each coordinate difference.
    swap: takes the distance of positive and negative where that is the smaller one (Balntas).
    Synonyms: TripletMarginLoss, triplet_margin_loss, triplet, triplet_loss, facenet
    Reference: Schroff, Kalenichenko and Philbin, FaceNet, 2015, arXiv:1503.03832; Balntas et al., Learning local feature descriptors with triplets, 2016
    """
    if p == 2.0 and not swap:
        return _euclidean_triplets(anchor, positive, negative, margin, eps)
    across = length(positive, negative, p, eps) if swap else None
    return _hinged(Triplets(length(anchor, positive, p, eps), length(anchor, negative, p, eps), across), margin)


@loss(example=TRIPLET, bound=Bound(1e-14, 1e-12, "slopes of cosines are rounded before those of the positive and the negative are subtracted"))
def triplet_margin_with_distance(
    anchor: Vector,
    positive: Vector,
    negative: Vector,
    *,
    distance: Distance = "euclidean",
    margin: Positive = 1.0,
    swap: bool = False,
    eps: NonNegative = 1e-6,
) -> Evaluation:
    r"""Asks that the positive be nearer to the anchor than the negative, by a margin, in a distance of choice.

    Kinks as in triplet_margin. A zero vector has cosine 0, so that its cosine distance is 1 and its gradient 0.

    Formula: \ell = \max(0, d(a, p) - d(a, n) + m)
    distance: euclidean (torch's default), squared_euclidean (FaceNet), cosine (1 - cos) or manhattan.
    margin: by how much the negative should be farther.
    swap: takes the distance of positive and negative where that is the smaller one.
    eps: added to each coordinate difference by the euclidean distance, as torch's default PairwiseDistance does; the others are exact.
    Synonyms: TripletMarginWithDistanceLoss, triplet_margin_with_distance_loss
    Reference: Schroff, Kalenichenko and Philbin, FaceNet, 2015, arXiv:1503.03832; torch.nn.TripletMarginWithDistanceLoss
    """
    if distance == "euclidean" and not swap:
        return _euclidean_triplets(anchor, positive, negative, margin, eps)
    if distance == "squared_euclidean":
        return _squared_triplets(anchor, positive, negative, margin, swap)
    across = measure(positive, negative, distance, eps) if swap else None
    return _hinged(Triplets(measure(anchor, positive, distance, eps), measure(anchor, negative, distance, eps), across), margin)


# ------------------------------------------------------------------ triplets mined in a batch


def _mined(embeddings: Array, chosen: tuple[Array, Array, Array], weight: Array, distance: Distance, margin: float, soft: bool) -> Evaluation:
    """The Evaluation of triplets of rows (anchors, positives, negatives), each counting for its anchor; a block of triplets at a time."""

    def blocks(triplets: tuple[Array, ...]) -> Iterator[tuple[slice, tuple[Array, ...], Triplets]]:
        step = max(1, BLOCK // max(1, embeddings.shape[1]))
        for start in range(0, len(triplets[0]), step):
            at = slice(start, start + step)
            rows = tuple(x[at] for x in triplets)
            anchor, positive, other = (embeddings[x] for x in rows)
            yield at, rows, Triplets(measure(anchor, positive, distance), measure(anchor, other, distance))

    beyond = np.empty(len(chosen[0]), embeddings.dtype)
    for at, _, triplets in blocks(chosen):
        beyond[at] = triplets.difference[0] if soft else triplets.beyond(margin)
    values = softplus(beyond) if soft else np.maximum(beyond, 0.0)
    rates = sigmoid(beyond) if soft else (beyond >= 0).astype(beyond.dtype)

    def pullback(cotangent: Array) -> Array:
        out, c = np.zeros_like(embeddings), cotangent.astype(values.dtype)[chosen[0]] * rates
        active = np.flatnonzero(c)
        for at, rows, triplets in blocks(tuple(x[active] for x in chosen)):
            for of, slope in zip(rows, triplets.slopes().values(), strict=True):
                out += scattered(embeddings, of, slope(c[active[at]]))
        return out

    return Evaluation(np.bincount(chosen[0], values, minlength=len(weight)).astype(np.float64), weight, {"embeddings": pullback})


@loss(example=BATCH, merges=False, pairs="n n")
def batch_hard_triplet(
    embeddings: Vector,
    labels: Identity,
    *,
    margin: Positive = 1.0,
    distance: Literal["euclidean", "squared_euclidean", "cosine"] = "euclidean",
    form: Literal["hinge", "soft"] = "hinge",
) -> Evaluation:
    r"""For each anchor of the batch the farthest sample of its class against the nearest of another class.

    An anchor without a positive or without a negative does not count. Of ties the first one is taken; at the margin the gradient is that of the
    slope. The loss is of the whole batch: answers over parts of it do not merge. Time is of the order of n^2 d.

    Formula: \ell_i = \max\left(0, \max_{y_p = y_i} d_{ip} - \min_{y_n \ne y_i} d_{in} + m\right)
    margin: by how much the nearest negative should be farther than the farthest positive; unused by the soft form.
    distance: euclidean, squared_euclidean or cosine (1 - cos, which TFA calls angular).
    form: hinge, or soft: softplus of the difference, without margin.
    Divisor: the number of anchors with a positive and a negative
    Synonyms: TripletHardLoss, triplet_hard_loss, batch_hard, BatchHardTripletLoss
    Reference: Hermans, Beyer and Leibe, In Defense of the Triplet Loss, 2017, arXiv:1703.07737, equation 5
    """
    positive, other = pairs_of(labels)
    values = Distances(embeddings, distance).values
    valid = np.flatnonzero(positive.any(axis=1) & other.any(axis=1))
    farthest = np.where(positive[valid], values[valid], -np.inf).argmax(axis=1) if valid.size else valid
    nearest = np.where(other[valid], values[valid], np.inf).argmin(axis=1) if valid.size else valid
    weight = np.bincount(valid, minlength=len(labels)).astype(np.float64)
    return _mined(embeddings, (valid, farthest, nearest), weight, distance, margin, form == "soft")


@loss(example=BATCH, merges=False, pairs="n n")
def batch_semi_hard_triplet(
    embeddings: Vector,
    labels: Identity,
    *,
    margin: Positive = 1.0,
    distance: Literal["euclidean", "squared_euclidean", "cosine"] = "euclidean",
) -> Evaluation:
    r"""For each pair of one class the nearest sample of another class that is farther from the anchor than the positive.

    Where no negative is farther than the positive, the farthest negative is taken (TFA). Of ties the first one is taken; at the margin the
    gradient is that of the slope. The loss is of the whole batch: answers over parts of it do not merge. Time is of the order of n^2 (d + log n).

    Formula: \ell_i = \sum_{y_p = y_i} \max\left(0, d_{ip} - d_{i n(p)} + m\right), \quad n(p) = \arg\min_{y_n \ne y_i, \, d_{in} > d_{ip}} d_{in}
    margin: by how much the negative should be farther.
    distance: euclidean, squared_euclidean or cosine (1 - cos, which TFA calls angular).
    Divisor: the number of ordered pairs of one class whose anchor has a negative
    Synonyms: TripletSemiHardLoss, triplet_semihard_loss, semi_hard_triplet
    Reference: Schroff, Kalenichenko and Philbin, FaceNet, 2015, arXiv:1503.03832, section 3.2
    """
    positive, other = pairs_of(labels)
    positive &= other.any(axis=1, keepdims=True)
    values = Distances(embeddings, distance).values
    anchors, positives = np.nonzero(positive)
    chosen = anchors, positives, _semi_hard(values, positive, other)[anchors, positives]
    return _mined(embeddings, chosen, positive.sum(axis=1).astype(np.float64), distance, margin, False)


def _semi_hard(values: Array, positive: Array, other: Array) -> Array:
    """For each (anchor, positive) the index of its negative. Rows are sorted, negatives first among equals."""
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
