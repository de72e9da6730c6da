"""Embeddings: pairs, triplets and distances."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses import ordinary
from service.losses.core import ELEMENTWISE, Bound, Evaluation, NonNegative, Positive, Pullback, loss
from service.losses.geometry import Angles, Distance, Distances, Pairing, exponents, length, measure
from service.losses.numerics import BLOCK, elementwise, sigmoid, softplus, times
from service.losses.ordinary import patched, wide
from service.losses.tensors import Array, Domain, Tensor
from service.losses.twofold import Twofold, add, negative, two_sum, widened

Vector = Annotated[Array, Tensor("n d", gradient="default", description="embeddings, one row a sample")]
Vectors = Annotated[Array, Tensor("n ... d", gradient="default", description="vectors along the last axis")]
VectorsLabel = Annotated[Array, Tensor("n ... d", gradient="on request", description="vectors to point along")]
Score = Annotated[Array, Tensor("n ...", gradient="default", description="scores or distances")]
SignOfPair = Annotated[Array, Tensor("n", kind="integer", domain=Domain(values=(-1, 1)), description="1 for a similar pair, -1 for a dissimilar one")]
Sign = Annotated[Array, Tensor("n ...", kind="integer", domain=Domain(values=(-1, 1)), description="1 or -1")]
Similar = Annotated[Array, Tensor("n", kind="integer", domain=Domain(values=(0, 1)), description="1 for a similar pair, 0 for a dissimilar one")]
Identity = Annotated[Array, Tensor("n", kind="integer", description="class of each sample, any integers")]
Cosine = Annotated[float, annotated_types.Ge(-1), annotated_types.Le(1)]

PAIR = {"input1": [[1.0, 0.0], [1.0, 2.0]], "input2": [[0.6, 0.8], [2.0, -1.0]]}
TRIPLET = {"anchor": [[0.0, 0.0], [1.0, 1.0]], "positive": [[0.3, 0.4], [1.0, 2.0]], "negative": [[0.6, 0.8], [4.0, 5.0]]}
BATCH = {"embeddings": [[0.0, 0.1], [0.2, 0.0], [0.5, 0.5], [1.0, 0.8]], "labels": [0, 0, 1, 1]}
POWERS = Bound(1e-13, 1e-12, "p other than 1 and 2 takes rounded powers, whose differences cancel at the margin")


def scattered(like: Array, rows: Array, values: Array) -> Array:
    """Zeros like `like` with `values` added in at `rows`, which may repeat."""
    out = np.zeros_like(like)
    if rows.size:
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
        out[ordered[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return out


# ------------------------------------------------------------------ pairs


@loss(example=PAIR | {"labels": [1, -1]})
def cosine_embedding(input1: Vector, input2: Vector, labels: SignOfPair, *, margin: Cosine = 0.0) -> Evaluation:
    r"""One minus the cosine of similar pairs; of dissimilar pairs how far the cosine exceeds the margin.

    The cosine is exact: torch adds 1e-12 to the squared norms, which is felt below norms of about 1e-4, and loses 1 - cos of nearly
    parallel vectors. A zero vector has cosine 0 and gradient 0. At cos = margin the gradient is that of the slope, as in torch.

    Formula: \ell = 1 - \cos(a, b) \text{ for } y = 1, \quad \max(0, \cos(a, b) - m) \text{ for } y = -1
    margin: cosine that dissimilar pairs may have.
    Synonyms: CosineEmbeddingLoss, cosine_embedding_loss
    Reference: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006; torch.nn.CosineEmbeddingLoss
    """
    margin = float(input1.dtype.type(margin))

    def exact(a: Array, b: Array, y: Array) -> Evaluation:
        angles = Angles(a, b)
        values, slope = _of_cosine(angles.cosine, angles.one_minus(), y, margin)
        return elementwise(
            values,
            {  # a derivative is infinite at vectors near 0
                "input1": lambda c: times((c * slope)[:, None], angles.derivative(0)),
                "input2": lambda c: times((c * slope)[:, None], angles.derivative(1)),
            },
        )

    quick = ordinary.Cosines(input1, input2)
    rises, hard = ordinary.settled(quick, lambda look, rows: np.where(labels[rows] == 1, 1.0 - look.cosine, look.cosine - margin))
    slope = np.where(labels == 1, -1.0, rises >= 0)

    def pull(c: Array) -> Array:
        def again(rows: Array) -> Array:
            slow = exact(wide(input1[rows]), wide(input2[rows]), labels[rows]).gradients
            return np.stack([slow[name](c[rows]) for name in names])

        return quick.pull(c * slope, again)

    names = "input1", "input2"
    values = np.maximum(rises, 0.0)
    evaluation = Evaluation(values, np.ones(len(values)), ordinary.Together(names, pull).pullbacks(), lambda: values.astype(input1.dtype))
    return patched(evaluation, hard, exact, input1, input2, labels)


def _of_cosine(cosine: Twofold, one_minus: Array, labels: Array, margin: float) -> tuple[Array, Array]:
    """The values and their derivatives by the cosine."""
    excess = (cosine[0] - margin) + cosine[1]
    similar = labels == 1
    return np.where(similar, one_minus, np.maximum(excess, 0.0)), np.where(similar, -1.0, excess >= 0).astype(excess.dtype)


@loss(example={"predictions": [[1.0, 0.0], [1.0, 2.0]], "labels": [[0.6, 0.8], [2.0, 4.0]]})
def cosine_distance(predictions: Vectors, labels: VectorsLabel, *, form: Literal["distance", "negative", "squared_chord"] = "distance") -> Evaluation:
    r"""One minus the cosine of the angle between two vectors.

    A zero vector has cosine 0 and gradient 0 (optax gives NaN, keras 0).

    Formula: \ell = 1 - \frac{a \cdot b}{|a| |b|}
    form: distance is 1 - cos (optax); negative is -cos (keras, lightly, SimSiam); squared_chord is 2 - 2 cos, the squared distance of the directions (BYOL).
    Divisor: the number of vectors
    Synonyms: cosine_similarity_loss, cosine_loss
    Reference: Chen and He, Exploring Simple Siamese Representation Learning, 2021, arXiv:2011.10566; Grill et al., BYOL, 2020, arXiv:2006.07733
    """
    shape = predictions.shape
    rows = _directions(predictions.reshape(-1, shape[-1]), labels.reshape(-1, shape[-1]), form)

    def by(name: str) -> Pullback:
        return lambda c: rows.gradients[name](np.broadcast_to(c, shape[:-1]).reshape(-1)).reshape(shape)

    return elementwise(rows.numerator.astype(predictions.dtype).reshape(shape[:-1]), {name: by(name) for name in rows.gradients})


def _directions(predictions: Array, labels: Array, form: str) -> Evaluation:
    """cosine_distance of rows."""
    factor, names = 2.0 if form == "squared_chord" else 1.0, ("predictions", "labels")

    def exact(a: Array, b: Array) -> Evaluation:
        angles = Angles(a, b)
        values = -angles.cosine[0] if form == "negative" else factor * angles.one_minus()
        return elementwise(
            values,
            {  # a derivative is infinite at vectors near 0
                "predictions": lambda c: times(-factor * c[:, None], angles.derivative(0)),
                "labels": lambda c: times(-factor * c[:, None], angles.derivative(1)),
            },
        )

    quick = ordinary.Cosines(predictions, labels)
    values, hard = ordinary.settled(quick, lambda look, rows: -look.cosine if form == "negative" else factor * (1.0 - look.cosine))

    def pull(c: Array) -> Array:
        def again(rows: Array) -> Array:
            slow = exact(wide(predictions[rows]), wide(labels[rows])).gradients
            return np.stack([slow[name](c[rows]) for name in names])

        return quick.pull(-factor * c, again)

    evaluation = Evaluation(values, np.ones(len(values)), ordinary.Together(names, pull).pullbacks(), lambda: values.astype(predictions.dtype))
    return patched(evaluation, hard, exact, predictions, labels)


@loss(example={"predictions": [0.3, 0.2, 1.7], "labels": [1, -1, -1]}, hessian_diagonal=True, bound=ELEMENTWISE)
def hinge_embedding(predictions: Score, labels: Sign, *, margin: float = 1.0) -> Evaluation:
    r"""The distance of similar pairs; of dissimilar pairs how far the distance falls short of the margin.

    At x = margin the gradient of a dissimilar pair is -1, as in torch.

    Formula: \ell = x \text{ for } y = 1, \quad \max(0, m - x) \text{ for } y = -1
    margin: distance that dissimilar pairs should keep.
    Synonyms: HingeEmbeddingLoss, hinge_embedding_loss
    Reference: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006; torch.nn.HingeEmbeddingLoss
    """
    gap = predictions.dtype.type(margin) - predictions
    similar = labels == 1
    slope = np.where(similar, 1.0, -(gap >= 0).astype(gap.dtype))
    values = np.where(similar, predictions, np.maximum(gap, 0.0))
    return elementwise(values, {"predictions": lambda c: c * slope}, {"predictions": lambda c: np.zeros_like(c * slope)})


@loss(example={"input1": [0.4, 1.0], "input2": [0.1, 1.5], "labels": [1, 1], "margin": 0.1}, hessian_diagonal=True, bound=ELEMENTWISE)
def margin_ranking(input1: Score, input2: Score, labels: Sign, *, margin: float = 0.0) -> Evaluation:
    r"""How far the first score falls short of exceeding the second (or the second the first) by a margin.

    At the margin exactly the gradient is that of the slope, as in torch: with margin 0 and equal scores it is -y.

    Formula: \ell = \max(0, m - y (x_1 - x_2))
    margin: by how much the scores should differ.
    Synonyms: MarginRankingLoss, margin_ranking_loss, pairwise_ranking
    Reference: Herbrich, Graepel and Obermayer, Large Margin Rank Boundaries for Ordinal Regression, 2000; torch.nn.MarginRankingLoss
    """
    y = labels.astype(input1.dtype)
    if margin == 0:
        short = y * (input2 - input1)
    else:  # near the margin, what the difference loses to rounding is felt
        difference, error = two_sum(input1, -input2)
        short = (input1.dtype.type(margin) - y * difference) - y * error
    slope = y * (short >= 0)
    flat = dict.fromkeys(("input1", "input2"), lambda c: np.zeros_like(c * slope))
    return elementwise(np.maximum(short, 0.0), {"input1": lambda c: -c * slope, "input2": lambda c: c * slope}, flat)


@loss(example=PAIR | {"labels": [1, 0]})
def contrastive(
    input1: Vector, input2: Vector, labels: Similar, *, margin: NonNegative = 1.0, convention: Literal["tfa", "hadsell", "pml"] = "tfa"
) -> Evaluation:
    r"""Draws similar pairs together and pushes dissimilar pairs apart up to a margin, by their euclidean distance.

    pytorch-metric-learning normalises embeddings first and averages the non-zero losses of each kind; here the vectors are taken as
    they are and every pair counts. MONAI's ContrastiveLoss is ntxent. Where the distance is 0 its gradient is 0, and at the margin too.

    Formula: \ell = y d^2 + (1 - y) \max(0, m - d)^2, \quad d = |a - b|
    margin: distance that dissimilar pairs should keep.
    convention: tfa squares; hadsell takes half of that, as the paper; pml does not square.
    Synonyms: ContrastiveLoss, contrastive_loss, siamese, pair_loss
    Reference: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006, equation 4
    """
    apart = length(input1, input2)
    distance, low = apart.value
    gap = np.maximum((distance.dtype.type(margin) - distance) - low, 0.0)
    similar = labels == 1
    if convention == "pml":
        values, slope = np.where(similar, distance, gap), np.where(similar, 1.0, -(gap > 0).astype(gap.dtype))
    else:
        half = 0.5 if convention == "hadsell" else 1.0
        values, slope = half * np.where(similar, distance, gap) ** 2, 2.0 * half * np.where(similar, distance, -gap)
    slope = slope.astype(distance.dtype, copy=False)
    return elementwise(
        values, {"input1": lambda c: (c * slope)[:, None] * apart.first()[0], "input2": lambda c: (c * slope)[:, None] * apart.second()[0]}
    )


# ------------------------------------------------------------------ triplets


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

    quick = ordinary.Triplets((anchor, positive, negative), margin, eps)
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


def pairs_of(labels: Array) -> tuple[Array, Array]:
    """Which other samples have the same class, and which another one: two masks (n, n)."""
    same = labels[:, None] == labels[None, :]
    positive = same.copy()
    np.fill_diagonal(positive, False)
    return positive, ~same


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
