"""Losses of batches of embeddings that are weighted sums over the positive and negative pairs of each row.

Results over shards of a batch do not merge. Time and memory are of the order of n^2; angular's time is that of positive pairs times n.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import VECTORS, Bound, Positive, Vector, Work
from service.losses.evaluation import Evaluation, in_float64, nothing
from service.losses.metric_learning._shared import BATCH, Identity, by_row, log_one_plus, log_sum_exp, masked, of_cosines, pairs_of, partners
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, divide_or_zero, per_sample_sum, sigmoid, softplus
from service.losses.numerics.vectors import AllCosines, AllDistances, by_rows
from service.losses.registry import loss

Margin = Annotated[float, annotated_types.Ge(0), annotated_types.Le(1)]
Degrees = Annotated[float, annotated_types.Ge(0), annotated_types.Lt(90)]


@loss(example=BATCH, merges=False, bound=VECTORS, work=Work("300 n n + 10 n n d", "100 n n"))
@in_float64
def lifted_structured(embeddings: Vector, labels: Identity, *, margin: float = 1.0) -> Evaluation:
    r"""Lifted structured loss: the distance of each pair of one class against a smooth minimum of both samples' distances to other classes.

    Distances are Euclidean, between unnormalized vectors. Each sample of a pair has half of its loss. Without negatives, and where J is
    negative, the loss is 0; the gradient of a distance that is 0 is 0.

    Use: Metric learning of embeddings for image retrieval.
    Formula: \ell_i = \frac{1}{4} \sum_{p \in P_i} \max(0, J_{ip})^2, \quad J_{ij} = \log \left( \sum_{y_k \ne y_i} e^{m - d_{ik}} + \sum_{y_l \ne y_j} e^{m - d_{jl}} \right) + d_{ij}
    margin: margin of the negatives' distances.
    Divisor: the number of (unordered) pairs of one class, half of each for either sample
    Synonyms: LiftedStructLoss, lifted_struct_loss, LiftedStructureLoss, lifted_structure
    Reference: Song et al., Deep Metric Learning via Lifted Structured Feature Embedding, 2016, arXiv:1511.06452, equation 4
    """
    n = len(labels)
    if not n:
        return nothing(embeddings=embeddings)
    distances = AllDistances(embeddings)
    d = distances.values

    def nearest(block: Array, rows: slice) -> tuple[Array, Array]:
        """Return minus the smooth minimum of the distances to other classes, and each negative's share of it."""
        closest, rest, share = log_sum_exp(masked(-block, pairs_of(labels, rows)[1]))
        return closest + rest, share

    smooth, near = by_rows((n, n), lambda rows: d[rows], nearest)
    rows, columns = np.nonzero(np.triu(pairs_of(labels)[0]))
    ahead = smooth[rows] - smooth[columns]
    ahead[np.isnan(ahead)] = 0.0  # neither has a negative
    j = np.maximum(d[rows, columns] + margin + np.maximum(smooth[rows], smooth[columns]) + softplus(-np.abs(ahead)), 0.0)
    quarter = 0.25 * j * j

    def pullback(c: Array) -> Array:
        pull = (c[rows] + c[columns]) * (0.5 * j)
        own = sigmoid(ahead)
        by_smooth = by_row(rows, pull * own, n) + by_row(columns, pull * (1.0 - own), n)
        slopes = -near * by_smooth[:, None]
        slopes[rows, columns] += pull
        return distances.pull(slopes)

    return Evaluation(by_row(rows, quarter, n) + by_row(columns, quarter, n), 0.5 * partners(labels)[0], {"embeddings": pullback})


@loss(
    example=BATCH,
    merges=False,
    conventions=("gradients",),
    bound=VECTORS,
    work=Work("150 n n + 3 n n d", "16 n n"),
)
@in_float64
def circle(
    embeddings: Vector, labels: Identity, *, gamma: Positive = 80.0, margin: Margin = 0.4, weights: Literal["constant", "differentiated"] = "constant"
) -> Evaluation:
    r"""Circle loss: moves cosines within a class above 1 - margin and those between classes below margin, with weights that grow with the violation.

    The weights of pairs are max(0, 1 + m - s) for positives and max(0, s + m) for negatives. The paper, pytorch-metric-learning and TensorFlow
    Ranking hold them constant in the gradient, keras does not. Anchors without a positive or without a negative are excluded.

    Use: Metric learning of embeddings for face recognition and retrieval.
    Formula: \ell_i = \mathrm{softplus} \left( \log \sum_{y_k \ne y_i} e^{\gamma (s_{ik} + m)_+ (s_{ik} - m)} + \log \sum_{p \in P_i} e^{-\gamma (1 + m - s_{ip})_+ (s_{ip} - 1 + m)} \right)
    gamma: scale; 80 for retrieval, 256 for faces, 64 in TensorFlow Ranking.
    margin: relaxation; 0.4 for retrieval, 0.25 for faces.
    weights: weights of the pairs in the gradient: constant, as in the paper, or differentiated, as in keras.
    Divisor: the number of anchors with a positive and a negative
    Synonyms: CircleLoss, circle_loss
    Equivalents: keras.losses.Circle(weights="differentiated"), keras.losses.circle(weights="differentiated")
    Reference: Sun et al., Circle Loss, 2020, arXiv:2002.10857, equation 6
    """
    if not len(labels):
        return nothing(embeddings=embeddings)
    counts = np.logical_and(*partners(labels))

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        positive, other = pairs_of(labels, rows)
        short, pushed = (1.0 - s) + margin, np.maximum(s + margin, 0.0)
        largest_p, rest_p, near = log_sum_exp(masked(gamma * short * ((1.0 - s) - margin), positive))
        largest_n, rest_n, far = log_sum_exp(masked(gamma * pushed * (s - margin), other))
        total = np.where(counts[rows], (largest_p + largest_n) + (rest_p + rest_n), -np.inf)
        rate = (gamma * sigmoid(total))[:, None]
        if weights == "constant":
            return softplus(total), rate * (far * pushed - near * short)
        return softplus(total), 2.0 * rate * (far * s * (pushed > 0) - near * (1.0 - s))

    return of_cosines(embeddings, counts, row_loss)


@loss(example=BATCH, merges=False, bound=VECTORS, work=Work("150 n n + 3 n n d", "16 n n"))
@in_float64
def multi_similarity(embeddings: Vector, labels: Identity, *, alpha: Positive = 2.0, beta: Positive = 50.0, base: float = 0.5) -> Evaluation:
    r"""Multi-similarity loss: smooth sums of the positives' cosines below a threshold and of the negatives' cosines above it.

    All pairs are used; the paper's mining of pairs is a separate step before the loss.

    Use: Metric learning of embeddings for image retrieval, by hard pairs.
    Formula: \ell_i = \frac{1}{\alpha} \log \left( 1 + \sum_{p \in P_i} e^{-\alpha (s_{ip} - \lambda)} \right) + \frac{1}{\beta} \log \left( 1 + \sum_{y_k \ne y_i} e^{\beta (s_{ik} - \lambda)} \right)
    alpha: sharpness for positives.
    beta: sharpness for negatives.
    base: lambda, threshold of the cosines.
    Divisor: the number of samples
    Synonyms: MultiSimilarityLoss, multi_similarity_loss, ms_loss
    Reference: Wang et al., Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning, 2019, arXiv:1904.06627, equation 15
    """
    if not len(labels):
        return nothing(embeddings=embeddings)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        positive, other = pairs_of(labels, rows)
        of_positive, near = log_one_plus(masked(-alpha * (s - base), positive))
        of_other, far = log_one_plus(masked(beta * (s - base), other))
        return of_positive / alpha + of_other / beta, far - near

    return of_cosines(embeddings, np.ones(len(labels)), row_loss)


@loss(
    example=BATCH,
    merges=False,
    bound=Bound(1e-13, 1e-12, "the rounding of the tangent is multiplied in the exponents", "vector", "tensor"),
    work=Work("400 n n + 3 n n d + 100 n n n", "100 n n"),
)
@in_float64
def angular(embeddings: Vector, labels: Identity, *, alpha: Degrees = 40.0) -> Evaluation:
    r"""Angular loss: for each pair of one class, keeps the angle at every negative, in the triangle with the pair, below alpha.

    Vectors are divided by their norms; pytorch-metric-learning leaves x_k unnormalized. Time is of the order of the number of pairs times n.

    Use: Metric learning of embeddings for image retrieval.
    Formula: \ell_i = \sum_{p \in P_i} \log \left( 1 + \sum_{y_k \ne y_i} e^{4 \tan^2 \alpha \, (x_i + x_p) \cdot x_k - 2 (1 + \tan^2 \alpha) \, x_i \cdot x_p} \right)
    alpha: the angle in degrees.
    Divisor: the number of ordered pairs of one class
    Synonyms: AngularLoss, angular_loss
    Reference: Wang et al., Deep Metric Learning with Angular Loss, 2017, arXiv:1708.01682, equation 8
    """
    if not len(labels):
        return nothing(embeddings=embeddings)
    positive, other = pairs_of(labels)
    cosines = AllCosines(embeddings)
    tangent = float(1.0 / np.tan(np.radians(90.0 - alpha)) if alpha > 45.0 else np.tan(np.radians(alpha))) ** 2  # steep angles magnify their rounding
    of_other, of_pair = 4.0 * tangent, 2.0 * (1.0 + tangent)
    angles = _angles_by_products if 2.0 * of_other < 600.0 else _angles_by_pairs
    numerator, slope = angles(cosines.at(slice(None)), positive, other, of_other, of_pair)
    pullback = lambda c: cosines.by_both(slope(c), np.ones_like(c))  # noqa: E731
    return Evaluation(numerator, positive.sum(axis=1, dtype=np.float64), {"embeddings": pullback})


Angular = tuple[Array, Callable[[Array], Array]]  # the sums of rows, and the pullback of their cotangent to the cosines


def _angles_by_products(s: Array, positive: Array, other: Array, of_other: float, of_pair: float) -> Angular:
    """Compute by matrix products: e^(s_ik + s_pk) is a product, and the negatives of a pair are those of either sample. No exponential may underflow."""
    highest = np.where(other, s, -np.inf).max(axis=1, keepdims=True)
    highest = np.where(highest > -np.inf, highest, 0.0)
    e = np.where(other, np.exp(of_other * (s - highest)), 0.0)
    total = np.where(positive, e @ e.T, 0.0)
    found = total > 0
    logits = np.log(total, out=np.full_like(s, -np.inf), where=found) + (of_other * (highest + highest.T) - of_pair * s)

    def slope(c: Array) -> Array:
        pull = c[:, None] * sigmoid(logits)
        share = divide_or_zero(pull, total)
        return of_other * (e * ((share + share.T) @ e)) - of_pair * pull

    return per_sample_sum(softplus(logits)), slope


def _angles_by_pairs(s: Array, positive: Array, other: Array, of_other: float, of_pair: float) -> Angular:
    """Compute every exponent separately, for angles so steep that exponentials underflow."""
    n = len(s)
    rows, columns = np.nonzero(positive)

    def blocks() -> Iterator[tuple[Array, Array, Array, Array]]:
        for start in range(0, len(rows), max(1, BLOCK // n)):
            i, p = (x[start : start + max(1, BLOCK // n)] for x in (rows, columns))
            yield i, p, *log_one_plus(masked(of_other * (s[i] + s[p]) - of_pair * s[i, p][:, None], other[i]))

    def slope(c: Array) -> Array:
        out = np.zeros_like(s)
        for i, p, _, part in blocks():
            pull = part * c[i][:, None]
            np.add.at(out, i, of_other * pull)
            np.add.at(out, p, of_other * pull)
            out[i, p] -= of_pair * pull.sum(axis=1)
        return out

    return sum((by_row(i, values, n) for i, _, values, _ in blocks()), np.zeros(n)), slope
