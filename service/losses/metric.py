"""Embeddings: pairs and distances."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses import ordinary
from service.losses.core import ELEMENTWISE, Evaluation, NonNegative, Pullback, loss
from service.losses.geometry import Angles, length
from service.losses.numerics import elementwise, times
from service.losses.ordinary import patched, wide
from service.losses.tensors import Array, Domain, Tensor
from service.losses.twofold import Twofold, two_sum

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
BATCH = {"embeddings": [[0.0, 0.1], [0.2, 0.0], [0.5, 0.5], [1.0, 0.8]], "labels": [0, 0, 1, 1]}


def scattered(like: Array, rows: Array, values: Array) -> Array:
    """Zeros like `like` with `values` added in at `rows`, which may repeat."""
    out = np.zeros_like(like)
    if rows.size:
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
        out[ordered[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return out


def pairs_of(labels: Array) -> tuple[Array, Array]:
    """Which other samples have the same class, and which another one: two masks (n, n)."""
    same = labels[:, None] == labels[None, :]
    positive = same.copy()
    np.fill_diagonal(positive, False)
    return positive, ~same


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
