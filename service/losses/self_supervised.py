"""Self-supervised learning: redundancy reduction, clustering and self-distillation of embeddings."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import VECTORS, Bound, Fraction, NonNegative, Positive, TensorSpec, Vector, Work
from service.losses.evaluation import Evaluation, Pullback, in_float64, nothing
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, scattered
from service.losses.numerics.vectors import AllCosines, Cosines, moderate, norms, row_blocks, scaled
from service.losses.ranking.listwise import listnet
from service.losses.registry import loss

ROUNDING = 2.0**-50  # bound of the rounded distance of equal directions
TWO = {"input1": [[1.0, 0.0], [0.0, 1.0]], "input2": [[0.8, 0.6], [-0.6, 0.8]]}

StudentScores = Annotated[Array, TensorSpec("n k", gradient="default", description="raw scores of the student's view")]
TeacherScores = Annotated[Array, TensorSpec("n k", description="raw scores of the teacher's view")]
Center = Annotated[Array, TensorSpec("k", description="subtracted from the teacher's scores; zeros at first")]


@loss(
    example={"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [[1.5, 0.5, -0.5], [1.0, 0.0, 0.0]], "center": [0.2, 0.1, 0.0]},
    hessian_diagonal=True,
)
def dino(
    predictions: StudentScores,
    labels: TeacherScores,
    center: Center,
    *,
    student_temperature: Positive = 0.1,
    teacher_temperature: Positive = 0.04,
    center_momentum: Fraction = 0.9,
) -> Evaluation:
    r"""DINO loss: cross entropy of a student's view against a teacher's view of the same images, centered and sharpened.

    Self-distillation without labels: send each pair of different views in its own request, or concatenated. `state` returns the center for the
    next request, a running mean of the teacher's scores. The teacher is constant.

    Use: Self-supervised learning of image features by self-distillation of vision transformers.
    Formula: \ell_i = -\sum_k t_{ik} \log s_{ik}, \quad s = \mathrm{softmax}(x / T_s), \quad t = \mathrm{softmax}((y - c) / T_t), \quad c \leftarrow m c + (1 - m) \bar y
    student_temperature: T_s, divisor of the student's scores.
    teacher_temperature: T_t, divisor of the teacher's scores.
    center_momentum: m, momentum of the center.
    Divisor: the number of samples
    Synonyms: DINOLoss, dino_loss
    Reference: Caron et al., Emerging Properties in Self-Supervised Vision Transformers, 2021, arXiv:2104.14294, equations 1 and 4
    """
    student, teacher, middle = (x.astype(np.float64) for x in (predictions, labels, center))  # temperatures magnify rounding
    entropy = listnet.function(student / student_temperature, (teacher - middle) / teacher_temperature)
    moved = middle if not len(labels) else center_momentum * middle + (1.0 - center_momentum) * teacher.mean(axis=0)
    return replace(
        entropy,
        gradients={"predictions": lambda c: entropy.gradients["predictions"](c) / student_temperature},
        hessian_diagonal={"predictions": lambda c: entropy.hessian_diagonal["predictions"](c) / student_temperature**2},
        state={"center": moved.astype(center.dtype, copy=False)},
    )


def centered(x: Array) -> tuple[Array, Array, Array]:
    """Return the columns of x (n, d) minus their means, as rows (d, n) over 2^e; their squared lengths over 4^e; and e.

    The first sample is subtracted before the mean, so that constant columns become exactly 0.
    """
    less_first = (x - x[:1]).T
    rows, _, exponent = moderate(less_first)
    rows, squares, further = moderate(rows - rows.mean(axis=1, keepdims=True))
    return rows, squares, exponent + further


@loss(
    example=TWO,
    merges=False,
    bound=Bound(1e-14, 1e-12, "centered features are rounded before their angles are taken", "tensor", "tensor"),
    work=Work("200 d d + 20 n d d + 1500 n d", "160 d d + 100 n d"),
)
@in_float64
def barlow_twins(input1: Vector, input2: Vector, *, lambd: NonNegative = 5e-3, deviation: Literal["biased", "unbiased"] = "biased") -> Evaluation:
    r"""Barlow Twins loss: squared difference of the cross-correlation matrix of two views' features from the identity.

    A feature that is constant over the batch has correlation 0. The correlations of two samples are always 1 or -1, so their gradient is 0. Correlations are exact; the paper's code (batch normalization) adds 1e-5 to the variances,
    MONAI 1e-6 to the deviations.

    Use: Self-supervised learning of image features without negatives.
    Formula: \ell = \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2, \quad C_{ij} = \frac{1}{n} \sum_b \hat z^1_{bi} \hat z^2_{bj}
    lambd: weight of the off-diagonal terms.
    deviation: standard deviation that divides the features; unbiased (MONAI) multiplies all correlations by (n - 1) / n.
    Divisor: 1
    Synonyms: barlow_twins_loss
    Equivalents: monai.losses.BarlowTwinsLoss(deviation="unbiased")
    Reference: Zbontar et al., Barlow Twins, 2021, arXiv:2103.03230, equations 1 and 2
    """
    n = len(input1)
    if not n:
        return nothing(1, input1=input1, input2=input2)
    (first, _, up), (second, _, down) = centered(input1), centered(input2)
    shrink = 1.0 if deviation == "biased" else (n - 1) / n
    correlations = AllCosines(first, second)
    angles = Cosines(correlations.a, correlations.b)
    exact = np.rint if n <= 2 else np.asarray  # correlations of two samples are always 0, 1 or -1
    off = shrink * exact(correlations.at(slice(None)))
    np.fill_diagonal(off, 0.0)
    short = shrink * exact(np.where(angles.one_minus < ROUNDING**2, 0.0, angles.one_minus)) + (0.0 if deviation == "biased" else 1.0 / n)
    each = np.ones(len(off))

    def by(view: int) -> Pullback:
        pull, exponent = (correlations.by_a, up) if view == 0 else (correlations.by_b, down)

        def pullback(c: Array) -> Array:
            if n <= 2:
                return np.zeros_like(input1)
            slope = pull(lambd * off, each) - short[:, None] * angles.derivative(view)
            return scaled((2.0 * c[0] * shrink) * slope, -exponent[:, None]).T

        return pullback

    value = np.vecdot(short, short) + lambd * np.square(off).sum()
    return Evaluation(np.array([float(value)]), np.ones(1), {"input1": by(0), "input2": by(1)})


class Spread:
    """Variances and covariances of one view's features, with the two VICReg terms and their derivatives."""

    def __init__(self, x: Array, eps: float) -> None:
        rows, squares, exponent = centered(x)
        self.degrees, self.dimensions = max(len(x) - 1, 1), x.shape[1]
        self.x = scaled(rows, exponent[:, None])
        self.deviation = np.sqrt(scaled(squares, 2 * exponent) / self.degrees + eps)
        self.short = np.maximum(1.0 - self.deviation, 0.0)
        self.covariance = scaled(rows @ rows.T / self.degrees, exponent[:, None] + exponent[None, :])
        np.fill_diagonal(self.covariance, 0.0)

    def variance_term(self) -> float:
        return float(self.short.sum()) / self.dimensions

    def covariance_term(self) -> float:
        return float(np.square(self.covariance).sum()) / self.dimensions

    def pull(self, of_variance: float, of_covariance: float) -> Array:
        """Return the derivative by x of the weighted sum of both terms."""
        slope = np.where(self.short > 0, -of_variance / self.deviation, 0.0)[:, None] * self.x
        slope += 4.0 * of_covariance * (self.covariance @ self.x)
        return slope.T / (self.degrees * self.dimensions)


@loss(example=TWO, merges=False, bound=VECTORS, work=Work("200 d d + 20 n d d + 1500 n d", "160 d d + 100 n d"))
@in_float64
def vicreg(
    input1: Vector,
    input2: Vector,
    *,
    invariance_weight: NonNegative = 25.0,
    variance_weight: NonNegative = 25.0,
    covariance_weight: NonNegative = 1.0,
    eps: Positive = 1e-4,
    variance: Literal["halved", "whole"] = "halved",
) -> Evaluation:
    r"""VICReg loss: the distance of two views, plus penalties on small variances and on covariances of the features.

    Variances and covariances are divided by n - 1 (by 1 for a single sample, where they are 0). Where a deviation is 1 its gradient is 0.

    Use: Self-supervised learning of features without negatives, also of different kinds of data.
    Formula: \ell = \frac{\lambda}{nd} \sum_b |z^1_b - z^2_b|^2 + \sum_{v} \left( \frac{\mu}{2d} \sum_j \max\left(0, 1 - \sqrt{\mathrm{Var}(z^v_j) + \epsilon}\right) + \frac{\nu}{d} \sum_{i \ne j} \mathrm{Cov}(z^v_i, z^v_j)^2 \right)
    invariance_weight: lambda, weight of the distance of the views.
    variance_weight: mu, weight of the variance terms.
    covariance_weight: nu, weight of the covariance terms.
    eps: added to the variances.
    variance: halved averages the variance terms of the two views (the authors' code, lightly, pytorch-metric-learning); whole adds them (the paper's equation).
    Divisor: 1
    Synonyms: VICRegLoss, vicreg_loss
    Reference: Bardes, Ponce and LeCun, VICReg, 2022, arXiv:2105.04906, equation 6
    """
    n, d = input1.shape
    if not n:
        return nothing(1, input1=input1, input2=input2)
    difference = input1 - input2
    views = Spread(input1, eps), Spread(input2, eps)
    mu = variance_weight * (0.5 if variance == "halved" else 1.0)
    terms = {
        "invariance": float(np.square(difference).sum()) / (n * d),
        "variance": (0.5 if variance == "halved" else 1.0) * sum(view.variance_term() for view in views),
        "covariance": sum(view.covariance_term() for view in views),
    }
    value = invariance_weight * terms["invariance"] + variance_weight * terms["variance"] + covariance_weight * terms["covariance"]

    def by(view: int) -> Pullback:
        def pullback(c: Array) -> Array:
            near = (2.0 if view == 0 else -2.0) * invariance_weight * c[0] / (n * d)
            return near * difference + views[view].pull(mu * float(c[0]), covariance_weight * float(c[0]))

        return pullback

    return Evaluation(
        np.array([float(value)]), np.ones(1), {"input1": by(0), "input2": by(1)}, parts={name: np.array([term]) for name, term in terms.items()}
    )


Rounds = Annotated[int, annotated_types.Ge(1), annotated_types.Le(20)]


@loss(
    example={"predictions": [[0.9, 0.1, -0.3], [0.2, 0.8, 0.1]], "labels": [[0.8, 0.2, -0.2], [0.1, 0.7, 0.3]]},
    merges=False,
    hessian_diagonal=True,
    bound=Bound(1e-12, 1e-11, "the rounds take logarithms of sums off scores that a small epsilon divides", "tensor"),
    work=Work("100 n k sinkhorn_iterations", "64 n k"),
)
@in_float64
def swav(
    predictions: StudentScores,
    labels: TeacherScores,
    *,
    temperature: Positive = 0.1,
    sinkhorn_epsilon: Positive = 0.05,
    sinkhorn_iterations: Rounds = 3,
) -> Evaluation:
    r"""SwAV loss: cross entropy of one view's assignment to prototypes against the other view's code, balanced over the prototypes.

    The codes are computed by Sinkhorn iterations over the whole batch (prototypes, then samples), in logarithms, and are constant in the gradient.
    Send each pair of views in its own request. Results over shards of a batch do not merge.

    Use: Self-supervised learning of image features by clustering.
    Formula: \ell_i = -\sum_k q_{ik} \log p_{ik}, \quad p = \mathrm{softmax}(x / T), \quad q = e^{y / \epsilon} \text{ with } q_{ik} \leftarrow \frac{q_{ik}}{\sum_j q_{jk}}, \; q_{ik} \leftarrow \frac{q_{ik}}{\sum_j q_{ij}} \text{ in turn}
    predictions: x, similarities of one view to the prototypes.
    labels: y, similarities of the other view.
    temperature: T, divisor of the similarities of the predictions.
    sinkhorn_epsilon: epsilon, divisor of the similarities of the code.
    sinkhorn_iterations: number of Sinkhorn iterations.
    Divisor: the number of samples
    Synonyms: SwaVLoss, swapped_assignments, swapped_prediction
    Reference: Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments, 2020, arXiv:2006.09882, equations 2 and 3
    """
    codes = labels / sinkhorn_epsilon  # as logarithms, so that small terms keep their digits
    for _ in range(sinkhorn_iterations if len(labels) else 0):
        codes = codes - _log_sum(codes, 0)
        codes = codes - _log_sum(codes, 1)
    entropy = listnet.function(predictions / temperature, codes)
    return replace(
        entropy,
        gradients={"predictions": lambda c: entropy.gradients["predictions"](c) / temperature},
        hessian_diagonal={"predictions": lambda c: entropy.hessian_diagonal["predictions"](c) / temperature**2},
    )


def _log_sum(x: Array, axis: int) -> Array:
    highest = x.max(axis=axis, keepdims=True)
    return np.asarray(highest + np.log(np.exp(x - highest).sum(axis=axis, keepdims=True)))


@loss(
    example={"embeddings": [[0.0, 0.1], [0.2, 0.0], [0.5, 0.5], [1.0, 0.8]]},
    merges=False,
    bound=VECTORS,
    work=Work("300 n n + 10 n n d + 1500 n d", "160 n n + 64 n d"),
)
@in_float64
def koleo(embeddings: Vector, *, eps: Positive = 1e-8) -> Evaluation:
    r"""KoLeo regularizer: negative log-distance of each normalized vector to its nearest neighbor, the Kozachenko-Leonenko entropy estimator.

    The neighbor has the largest cosine (of equal ones, the first). Both vectors have a gradient; that of a distance of 0 is 0.
    DINOv2 also adds eps to every coordinate of the difference. A single vector has no neighbor and is excluded.

    Use: Spreading features over the sphere in self-supervised learning, as in DINOv2.
    Formula: \ell_i = -\log \left( \min_{j \ne i} \| \hat x_i - \hat x_j \| + \epsilon \right), \quad \hat x = \frac{x}{\|x\|}
    eps: added to the distance.
    Divisor: the number of samples
    Synonyms: KoLeoLoss, koleo_loss, kozachenko_leonenko
    Reference: Sablayrolles et al., Spreading vectors for similarity search, 2019, arXiv:1806.03198, equation 2; Oquab et al., DINOv2, 2023, arXiv:2304.07193
    """
    n = len(embeddings)
    if n < 2:
        return nothing(n, embeddings=embeddings)
    cosines = AllCosines(embeddings)
    nearest = np.empty(n, int)
    for rows in row_blocks(n, n):
        similarities = cosines.at(rows)
        np.fill_diagonal(similarities[:, rows], -np.inf)
        nearest[rows] = similarities.argmax(axis=1)
    difference = cosines.a.unit - cosines.a.unit[nearest]
    length = norms(difference)

    def pullback(c: Array) -> Array:
        apart = length > ROUNDING  # of equal directions
        pull = (-c * apart / (length + eps))[:, None] * divide_or_zero(difference, length[:, None])
        return cosines.a.pull(pull - scattered(pull, nearest, pull))

    return Evaluation(-np.log(length + eps), np.ones(n), {"embeddings": pullback})
