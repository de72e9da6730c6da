"""Embeddings: pairs and distances."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import ELEMENTWISE, Domain, NonNegative, Score, Sign, TensorSpec, Vector
from service.losses.evaluation import Evaluation, Pullback, elementwise
from service.losses.numerics import Array, ordinary
from service.losses.numerics.double_double import Twofold
from service.losses.numerics.elementary import times
from service.losses.numerics.ordinary import patched, wide
from service.losses.numerics.vectors import Angles, length
from service.losses.registry import loss

Vectors = Annotated[Array, TensorSpec("n ... d", gradient="default", description="vectors along the last axis")]
VectorsLabel = Annotated[Array, TensorSpec("n ... d", gradient="on request", description="vectors to point along")]
SignOfPair = Annotated[
    Array, TensorSpec("n", kind="integer", domain=Domain(values=(-1, 1)), description="1 for a similar pair, -1 for a dissimilar one")
]
Similar = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 for a similar pair, 0 for a dissimilar one")]
Cosine = Annotated[float, annotated_types.Ge(-1), annotated_types.Le(1)]
PAIR = {"input1": [[1.0, 0.0], [1.0, 2.0]], "input2": [[0.6, 0.8], [2.0, -1.0]]}


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

    quick = ordinary.PairCosines(input1, input2)
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

    quick = ordinary.PairCosines(predictions, labels)
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
