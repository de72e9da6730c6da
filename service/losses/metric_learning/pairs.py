"""Losses of pairs of embeddings, and distances."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import ELEMENTWISE, VECTORS, Domain, NonNegative, Positive, Score, Sign, TensorSpec, Vector, Work
from service.losses.evaluation import Evaluation, Pullback, elementwise, in_blocks, in_float64, nothing, with_elements_of
from service.losses.metric_learning._shared import log_one_plus
from service.losses.numerics import Array
from service.losses.numerics.vectors import VECTORS_BLOCK, Cosines, Directions, norm_of_difference
from service.losses.registry import loss

Vectors = Annotated[Array, TensorSpec("n ... d", gradient="default", description="vectors along the last axis")]
VectorsLabel = Annotated[Array, TensorSpec("n ... d", gradient="on request", description="vectors to point along")]
SignOfPair = Annotated[
    Array, TensorSpec("n", kind="integer", domain=Domain(values=(-1, 1)), description="1 for a similar pair, -1 for a dissimilar one")
]
Similar = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 for a similar pair, 0 for a dissimilar one")]
Cosine = Annotated[float, annotated_types.Ge(-1), annotated_types.Le(1)]
Similarity = Annotated[Array, TensorSpec("n", description="true similarity of each pair, of which only the order matters")]
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

    def evaluate(a: Array, b: Array, labels: Array) -> Evaluation:
        cosines, similar = Cosines.of(a, b), labels == 1
        excess = cosines.values - margin
        slope = np.where(similar, -1.0, excess >= 0)
        return _of_cosines(cosines, np.where(similar, cosines.one_minus, np.maximum(excess, 0.0)), slope, ("input1", "input2"))

    return with_elements_of(input1, in_blocks(evaluate, input1, input2, labels, size=VECTORS_BLOCK))


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

    def evaluate(a: Array, b: Array) -> Evaluation:
        cosines = Cosines.of(a, b)
        values = -cosines.values if form == "negative" else factor * cosines.one_minus
        return _of_cosines(cosines, values, -factor, ("predictions", "labels"))

    rows = in_blocks(evaluate, predictions.reshape(-1, shape[-1]), labels.reshape(-1, shape[-1]), size=VECTORS_BLOCK)

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


# ------------------------------------------------------------------ the order of pairs


@loss(example=PAIR | {"labels": [0.9, 0.1]}, merges=False, bound=VECTORS, work=Work("1000 n", "400 n"))
@in_float64
def cosent(input1: Vector, input2: Vector, labels: Similarity, *, scale: Positive = 20.0) -> Evaluation:
    r"""CoSENT loss: logarithm of one plus the exponentials of all misorderings of the pairs' cosine similarities.

    One number for the batch, as in sentence-transformers. Pairs of equal labels are not compared. The sums over pairs of pairs are cumulative
    sums in the order of the labels. A zero vector has cosine 0.

    Use: Embeddings of sentences from graded similarity (semantic textual similarity), by the order of their cosines.
    Search: semantic_textual_similarity
    Formula: \ell = \log \left( 1 + \sum_{y_i < y_j} e^{\lambda (s_i - s_j)} \right), \quad s_i = \cos(a_i, b_i)
    Where: a `input1`; b `input2`; y `labels`
    scale: lambda, factor of the cosines.
    Divisor: 1
    Synonyms: CoSENTLoss, cosent_loss
    Reference: Su, CoSENT: A more efficient sentence vector scheme than Sentence-BERT, 2022; sentence_transformers.losses.CoSENTLoss
    """
    if not len(labels):
        return nothing(1, input1=input1, input2=input2)
    cosines = Cosines(Directions.of(input1), Directions.of(input2))
    value, slope = _misordered(scale * cosines.values, labels)
    return Evaluation(
        value,
        np.ones(1),
        {"input1": lambda c: cosines.derivative(0, c * scale * slope), "input2": lambda c: cosines.derivative(1, c * scale * slope)},
    )


@loss(example=PAIR | {"labels": [0.9, 0.1]}, merges=False, bound=VECTORS, work=Work("1000 n", "400 n"))
@in_float64
def angle(input1: Vector, input2: Vector, labels: Similarity, *, scale: Positive = 20.0) -> Evaluation:
    r"""AnglE loss: cosent with a similarity of vectors as complex numbers, their first half the real and their second half the imaginary parts.

    The similarity is the absolute value of the sum of the real and imaginary parts of the complex inner product over the lengths, as in
    sentence-transformers; the authors add cosent and an in-batch loss to it. It is the cosine with a turned vector, times the root of 2. Vectors of
    an odd size have a 0 appended. The gradient where the sum is 0 is 0.

    Use: Embeddings of sentences from graded similarity (semantic textual similarity), where cosines saturate.
    Search: semantic_textual_similarity
    Formula: \ell = \log \left( 1 + \sum_{y_i < y_j} e^{\lambda (s_i - s_j)} \right), \quad s_i = \frac{|\mathrm{Re}\, z_i + \mathrm{Im}\, z_i|}{|a_i| |b_i|}, \quad z_i = \sum_k a_{ik} \bar b_{ik}
    Where: a `input1`, b `input2` as complex vectors; y `labels`
    scale: lambda, factor of the similarities.
    Divisor: 1
    Synonyms: AnglELoss, AnglE, angle_loss
    Reference: Li and Li, AnglE-optimized Text Embeddings, 2023, arXiv:2309.12871, equation 4; sentence_transformers.losses.AnglELoss
    """
    if not len(labels):
        return nothing(1, input1=input1, input2=input2)
    d = input1.shape[1]
    a, b = (np.pad(x, ((0, 0), (0, d % 2))) for x in (input1, input2))
    real, imaginary = np.split(b, 2, axis=1)
    cosines = Cosines(Directions.of(a), Directions.of(np.concatenate([real - imaginary, real + imaginary], axis=1)))
    size = np.sqrt(2.0) * scale
    value, slope = _misordered(size * np.abs(cosines.values), labels)
    slope *= size * np.sign(cosines.values) * (d > 1)  # the angle of single numbers is constant

    def by_second(c: Array) -> Array:
        first, second = np.split(cosines.derivative(1, c * slope), 2, axis=1)
        return np.concatenate([first + second, second - first], axis=1)[:, :d]

    return Evaluation(value, np.ones(1), {"input1": lambda c: cosines.derivative(0, c * slope)[:, :d], "input2": by_second})


def _misordered(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Return log(1 + sum of e^(s_i - s_j) over the pairs with y_i < y_j), (1,), and its derivative by s."""
    order = np.argsort(labels, kind="stable")
    s, y = scores[order], labels[order]
    nothing = np.full(1, -np.inf)
    above = np.append(np.logaddexp.accumulate(-s[::-1])[::-1], nothing)[np.searchsorted(y, y, "right")]
    below = np.append(nothing, np.logaddexp.accumulate(s))[np.searchsorted(y, y, "left")]
    value, share = log_one_plus((s + above)[None])
    slope = np.empty_like(scores)
    slope[order] = share[0] - np.exp(below - s - value)
    return value, slope
