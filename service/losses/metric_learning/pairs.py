"""Losses of pairs of embeddings, and distances."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import ELEMENTWISE, VECTORS, Domain, NonNegative, Score, Sign, TensorSpec, Vector
from service.losses.evaluation import Evaluation, Pullback, elementwise, in_blocks, in_float64
from service.losses.numerics import Array
from service.losses.numerics.vectors import Cosines, Directions, norm_of_difference
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


@loss(example=PAIR | {"labels": [1, -1]}, bound=VECTORS)
def cosine_embedding(input1: Vector, input2: Vector, labels: SignOfPair, *, margin: Cosine = 0.0) -> Evaluation:
    r"""Cosine embedding loss: one minus the cosine for similar pairs, and the cosine's excess over the margin for dissimilar ones.

    The cosine is exact. torch adds 1e-12 to the squared norms, which affects norms below about 1e-4, and loses the digits of 1 - cos for nearly
    parallel vectors. A zero vector has cosine 0 and gradient 0. At cos = margin the gradient is that of the slope, as in torch.

    Use: Embeddings of similar and dissimilar pairs, such as sentences, compared by cosine similarity.
    Formula: \ell = 1 - \cos(a, b) \text{ for } y = 1, \quad \max(0, \cos(a, b) - m) \text{ for } y = -1
    Where: a `input1`; b `input2`; y `labels`
    margin: largest cosine of dissimilar pairs without loss.
    Synonyms: CosineEmbeddingLoss, cosine_embedding_loss
    Equivalents: torch.nn.CosineEmbeddingLoss, torch.nn.functional.cosine_embedding_loss
    Reference: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006; torch.nn.CosineEmbeddingLoss
    """

    @in_float64
    def evaluate(a: Array, b: Array, labels: Array) -> Evaluation:
        cosines, similar = Cosines(Directions.of(a), Directions.of(b)), labels == 1
        excess = cosines.values - margin
        slope = np.where(similar, -1.0, excess >= 0)
        return _of_cosines(cosines, np.where(similar, cosines.one_minus, np.maximum(excess, 0.0)), slope, ("input1", "input2"))

    return in_blocks(evaluate, input1, input2, labels)


def _of_cosines(cosines: Cosines, values: Array, slope: Array | float, names: tuple[str, str]) -> Evaluation:
    """Build the Evaluation of a function of cosines."""
    first, second = names
    return elementwise(values, {first: lambda c: cosines.derivative(0, c * slope), second: lambda c: cosines.derivative(1, c * slope)})


@loss(example={"predictions": [[1.0, 0.0], [1.0, 2.0]], "labels": [[0.6, 0.8], [2.0, 4.0]]}, bound=VECTORS)
def cosine_distance(predictions: Vectors, labels: VectorsLabel, *, form: Literal["distance", "negative", "squared_chord"] = "distance") -> Evaluation:
    r"""Cosine distance: one minus the cosine of the angle between two vectors.

    A zero vector has cosine 0 and gradient 0 (optax gives NaN, keras 0).

    Use: Regression of directions and features; image or text features compared by cosine similarity.
    Formula: \ell = 1 - \frac{a \cdot b}{|a| |b|}
    Where: a `predictions`; b `labels`
    form: distance is 1 - cos (optax); negative is -cos (keras, lightly, SimSiam); squared_chord is 2 - 2 cos, the squared distance of the directions (BYOL).
    Divisor: the number of vectors
    Synonyms: cosine_similarity_loss, cosine_loss
    Equivalents: keras.losses.CosineSimilarity(form="negative"), keras.losses.cosine_similarity(form="negative"),
        optax.losses.cosine_distance
    Unlike: optax.losses.cosine_similarity it is the similarity, 1 minus this loss
    Reference: Chen and He, Exploring Simple Siamese Representation Learning, 2021, arXiv:2011.10566; Grill et al., BYOL, 2020, arXiv:2006.07733
    """
    shape = predictions.shape
    factor = 2.0 if form == "squared_chord" else 1.0

    @in_float64
    def evaluate(a: Array, b: Array) -> Evaluation:
        cosines = Cosines(Directions.of(a), Directions.of(b))
        values = -cosines.values if form == "negative" else factor * cosines.one_minus
        return _of_cosines(cosines, values, -factor, ("predictions", "labels"))

    rows = in_blocks(evaluate, predictions.reshape(-1, shape[-1]), labels.reshape(-1, shape[-1]))

    def by(name: str) -> Pullback:
        return lambda c: rows.gradients[name](np.broadcast_to(c, shape[:-1]).reshape(-1)).reshape(shape)

    return elementwise(rows.numerator.astype(predictions.dtype).reshape(shape[:-1]), {name: by(name) for name in rows.gradients})


@loss(example={"predictions": [0.3, 0.2, 1.7], "labels": [1, -1, -1]}, hessian_diagonal=True, bound=ELEMENTWISE)
def hinge_embedding(predictions: Score, labels: Sign, *, margin: float = 1.0) -> Evaluation:
    r"""Hinge embedding loss: the distance for similar pairs, and the margin minus the distance (at least 0) for dissimilar ones.

    At x = margin the gradient of a dissimilar pair is -1, as in torch.

    Use: Embeddings of similar and dissimilar pairs whose distance is given.
    Formula: \ell = x \text{ for } y = 1, \quad \max(0, m - x) \text{ for } y = -1
    Where: x `predictions`; y `labels`
    margin: smallest distance of dissimilar pairs without loss.
    Synonyms: HingeEmbeddingLoss, hinge_embedding_loss
    Equivalents: torch.nn.HingeEmbeddingLoss, torch.nn.functional.hinge_embedding_loss
    Reference: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006; torch.nn.HingeEmbeddingLoss
    """
    gap = predictions.dtype.type(margin) - predictions
    similar = labels == 1
    slope = np.where(similar, 1.0, -(gap >= 0).astype(gap.dtype))
    values = np.where(similar, predictions, np.maximum(gap, 0.0))
    return elementwise(values, {"predictions": lambda c: c * slope}, {"predictions": lambda c: np.zeros_like(c * slope)})


@loss(example=PAIR | {"labels": [1, 0]}, bound=VECTORS)
@in_float64
def contrastive(
    input1: Vector, input2: Vector, labels: Similar, *, margin: NonNegative = 1.0, convention: Literal["tfa", "hadsell", "pml"] = "tfa"
) -> Evaluation:
    r"""Contrastive loss: reduces the Euclidean distance of similar pairs, and increases that of dissimilar pairs up to a margin.

    pytorch-metric-learning normalizes embeddings first and averages the non-zero losses of each kind. Here vectors are not
    normalized and every pair is included. MONAI's ContrastiveLoss is ntxent. The gradient is 0 where the distance is 0, and at the margin.

    Use: Embeddings of similar and dissimilar pairs by siamese networks: verification of faces and signatures.
    Search: siamese
    Formula: \ell = y d^2 + (1 - y) \max(0, m - d)^2, \quad d = |a - b|
    Where: a `input1`; b `input2`; y `labels`
    margin: smallest distance of dissimilar pairs without loss.
    convention: tfa uses squares, hadsell (the paper) half the squares, pml no squares.
    Synonyms: contrastive_loss, siamese, pair_loss
    Reference: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006, equation 4
    """
    similar = labels == 1
    apart = norm_of_difference(input1, input2)
    gap = np.maximum(margin - apart.values, 0.0)
    if convention == "pml":
        values, slope = np.where(similar, apart.values, gap), np.where(similar, 1.0, -(gap > 0).astype(float))
    else:
        half = 0.5 if convention == "hadsell" else 1.0
        values, slope = half * np.where(similar, apart.values, gap) ** 2, 2.0 * half * np.where(similar, apart.values, -gap)
    return elementwise(values, {"input1": lambda c: apart.by_a(c * slope), "input2": lambda c: apart.by_b(c * slope)})
