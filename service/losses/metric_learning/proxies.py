"""Proxies and class centres: angular margins, proxy losses and center loss."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Bound, Positive, TensorSpec, Vector
from service.losses.evaluation import Evaluation, elementwise, in_float64, nothing
from service.losses.metric_learning._shared import less, log_one_plus, lowered, masked, share
from service.losses.numerics import Array
from service.losses.numerics.double_double import Twofold
from service.losses.numerics.elementary import per_sample_sum, scattered, sigmoid, softplus, times
from service.losses.numerics.softmax import Softmax
from service.losses.numerics.vectors import Angles, Cosines
from service.losses.registry import loss

Weights = Annotated[
    Array, TensorSpec("c d", gradient="default", description="a learnt vector for each class, a row each (as torch.nn.Linear's weight)")
]
Proxies = Annotated[Array, TensorSpec("c d", gradient="default", description="a learnt vector for each class")]
Label = Annotated[Array, TensorSpec("n", kind="integer", below="c", description="class of each sample")]
Radians = Annotated[float, annotated_types.Ge(0), annotated_types.Le(1.5707963267948966)]
CLASSES = {"embeddings": [[1.0, 0.2], [0.0, 1.0]], "labels": [0, 1]}
WEIGHTS = CLASSES | {"weight": [[0.8, 0.6], [-0.6, 0.8], [1.0, -1.0]]}
PROXIES = CLASSES | {"proxies": [[0.8, 0.6], [-0.6, 0.8], [1.0, -1.0]]}


class Margins:
    """Cross entropy of scaled cosines to class vectors, the true class's cosine replaced by a function of it."""

    def __init__(self, embeddings: Array, weight: Array, labels: Array, scale: float) -> None:
        self.embeddings, self.weight, self.labels = embeddings, weight, labels
        self.scale = embeddings.dtype.type(scale)
        self.cosines = Cosines(embeddings, weight)
        self.angles = Angles(embeddings, weight[labels])

    @cached_property
    def sine(self) -> Array:
        """The sine of the angle to the true class's vector."""
        return self.angles.sine()

    def cotangent(self) -> Array:
        """Cosine over sine of that angle, 0 where the sine is 0."""
        return np.divide(self.angles.cosine[0], self.sine, out=np.zeros_like(self.sine), where=self.sine != 0)

    def evaluation(self, target: Twofold, slope: Array, lateral: Array) -> Evaluation:
        """target: the true class's value; slope: its derivative by the cosine (1 where lateral is 0); lateral: minus that by the sine."""
        rows = np.arange(len(self.labels))
        high, low = (x.copy() for x in self.cosines.values)
        high[rows, self.labels], low[rows, self.labels] = target
        softmax = Softmax(lowered((high, low), np.ones(high.shape, bool), self.scale)[0])
        aside = lateral != 0  # rows whose gradient takes the way of the angles, not that of the matrix of cosines
        steep = slope + (lateral * self.cotangent() if aside.any() else 0.0)

        def direct(c: Array) -> Array:
            out = softmax.probabilities()
            out[rows, self.labels] = -softmax.complement_at(self.labels) * ~aside
            return out * (self.scale * c.astype(high.dtype))[:, None]

        def sideways(c: Array, of: int) -> Array:
            if not aside.any():
                return np.zeros_like(self.embeddings)
            pull = -softmax.complement_at(self.labels) * steep * aside * (self.scale * c.astype(high.dtype))
            return times(pull[:, None], self.angles.derivative(of))

        return Evaluation(
            softmax.negative_log_at(self.labels).astype(np.float64),
            np.ones(len(rows)),
            {
                "embeddings": lambda c: self.cosines.by_a(direct(c), not aside.any()) + sideways(c, 0),
                "weight": lambda c: self.cosines.by_b(direct(c)) + scattered(self.weight, self.labels, sideways(c, 1)),
            },
        )


@loss(example=WEIGHTS, bound=Bound(1e-14, 1e-12, "the slope of the enlarged angle is the rounded cosine over the sine"))
@in_float64
def arcface(embeddings: Vector, weight: Weights, labels: Label, *, margin: Radians = 0.5, scale: Positive = 64.0) -> Evaluation:
    r"""Softmax cross entropy of cosines, the true class's angle enlarged by a margin.

    Beyond theta = pi - m, where the cosine of the sum would rise again, cos(theta) - m sin(m) takes its place (InsightFace, pytorch-metric-learning).
    The margin is in radians as in the paper: pytorch-metric-learning's 28.6 degrees are 0.5. Where theta is 0 or pi, the gradient of its sine is 0.

    Formula: \ell = -\log \frac{e^{s \cos(\theta_y + m)}}{e^{s \cos(\theta_y + m)} + \sum_{j \ne y} e^{s \cos \theta_j}}
    margin: added to the angle of the true class, in radians.
    scale: multiplies the cosines.
    Divisor: the number of samples
    Synonyms: ArcFaceLoss, additive_angular_margin, aam_softmax
    Reference: Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, 2019, arXiv:1801.07698, equation 3
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)
    return enlarged(Margins(embeddings, weight, labels, scale), margin)


def enlarged(margins: Margins, margin: float) -> Evaluation:
    """The true class's angle enlarged by the margin, as far as its cosine falls with it."""
    angles, real = margins.angles, margins.embeddings.dtype.type
    sine, cosine, one = real(np.sin(margin)), real(np.cos(margin)), real(1.0)
    within = angles.cosine[0] >= -cosine
    sines = np.where(angles.defined, margins.sine, one)
    target = np.where(within, cosine * angles.cosine[0] - sine * sines, angles.cosine[0] - real(margin) * sine)
    return margins.evaluation((target, np.where(within, cosine * angles.cosine[1], angles.cosine[1])), np.where(within, cosine, one), within * sine)


@loss(example=WEIGHTS)
@in_float64
def cosface(embeddings: Vector, weight: Weights, labels: Label, *, margin: float = 0.35, scale: Positive = 64.0) -> Evaluation:
    r"""Softmax cross entropy of cosines, the true class's cosine lessened by a margin.

    Formula: \ell = -\log \frac{e^{s (\cos \theta_y - m)}}{e^{s (\cos \theta_y - m)} + \sum_{j \ne y} e^{s \cos \theta_j}}
    margin: taken off the cosine of the true class.
    scale: multiplies the cosines.
    Divisor: the number of samples
    Synonyms: CosFaceLoss, am_softmax, additive_margin_softmax, large_margin_cosine
    Reference: Wang et al., CosFace: Large Margin Cosine Loss for Deep Face Recognition, 2018, arXiv:1801.09414, equation 4
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)
    margins = Margins(embeddings, weight, labels, scale)
    high, low = margins.angles.cosine
    less_high = high - high.dtype.type(margin)
    target = less_high, low + ((high - less_high) - high.dtype.type(margin))
    return margins.evaluation(target, np.ones_like(high), np.zeros_like(high))


@loss(example=WEIGHTS)
@in_float64
def normalized_softmax(embeddings: Vector, weight: Weights, labels: Label, *, temperature: Positive = 0.05) -> Evaluation:
    r"""Softmax cross entropy of the cosines to the class vectors: cosface without a margin.

    Formula: \ell = -\log \frac{e^{\cos \theta_y / T}}{\sum_j e^{\cos \theta_j / T}}
    temperature: divides the cosines.
    Divisor: the number of samples
    Synonyms: NormalizedSoftmaxLoss, normface, cosine_softmax
    Reference: Zhai and Wu, Classification is a Strong Baseline for Deep Metric Learning, 2019, arXiv:1811.12649, equation 4
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)
    margins = Margins(embeddings, weight, labels, 1.0 / temperature)
    target = margins.angles.cosine
    return margins.evaluation(target, np.ones_like(target[0]), np.zeros_like(target[0]))


@loss(example=PROXIES)
@in_float64
def proxy_nca(
    embeddings: Vector, proxies: Proxies, labels: Label, *, softmax_scale: Positive = 1.0, denominator: Literal["all", "others"] = "all"
) -> Evaluation:
    r"""Minus the log-probability of the true class's proxy, by squared distance of directions.

    The squared distance of directions is 2 - 2 cos.

    Formula: \ell = -\log \frac{e^{-t |\hat x - \hat p_y|^2}}{\sum_j e^{-t |\hat x - \hat p_j|^2}}
    softmax_scale: t, multiplies the squared distances.
    denominator: all proxies (pytorch-metric-learning), or the others only (the paper), when the loss may be negative.
    Divisor: the number of samples
    Synonyms: ProxyNCALoss, proxynca, proxy_nca_loss
    Reference: Movshovitz-Attias et al., No Fuss Distance Metric Learning using Proxies, 2017, arXiv:1703.07464, equation 5
    """
    if not len(labels):
        return nothing(embeddings=embeddings, proxies=proxies)
    cosines = Cosines(embeddings, proxies)
    high, low = cosines.values
    rows, unit = np.arange(len(labels)), high.dtype.type(2.0 * softmax_scale)
    others = np.ones(high.shape, bool)
    others[rows, labels] = False
    logits, highest = lowered(cosines.values, others, unit)
    log_total, far = share(np.exp(logits))
    ahead = (highest[0][:, 0] - high[rows, labels]) + (highest[1][:, 0] - low[rows, labels])
    alone = len(proxies) == 1
    gap = unit * ahead + log_total if not alone else np.full_like(log_total, -np.inf)
    softened = denominator == "all"
    if alone and not softened:  # nothing in the denominator but 1: -log of the numerator
        gap = unit * ((1.0 - high[:, 0]) - low[:, 0])

    def slope(c: Array) -> Array:
        pull = unit * c.astype(high.dtype) * (sigmoid(gap) if softened else 1.0)
        out = far * pull[:, None]
        out[rows, labels] = -pull
        return out

    values = (softplus(gap) if softened else gap).astype(np.float64)
    return Evaluation(
        values, np.ones(len(rows)), {"embeddings": lambda c: cosines.by_a(slope(c), not alone), "proxies": lambda c: cosines.by_b(slope(c))}
    )


@loss(example=PROXIES, merges=False)
@in_float64
def proxy_anchor(embeddings: Vector, proxies: Proxies, labels: Label, *, margin: float = 0.1, alpha: Positive = 32.0) -> Evaluation:
    r"""Every proxy draws the samples of its class and pushes all others, by smooth sums over the batch: one number for the batch.

    Answers over parts of a batch do not merge. Without samples the value is 0.

    Formula: \ell = \frac{1}{|P^+|} \sum_{p \in P^+} \log \left( 1 + \sum_{y_i = p} e^{-\alpha (s_{ip} - \delta)} \right) + \frac{1}{|P|} \sum_{p \in P} \log \left( 1 + \sum_{y_i \ne p} e^{\alpha (s_{ip} + \delta)} \right)
    margin: delta, by which cosines should exceed 0 for the class, and fall short of it for the others.
    alpha: sharpness.
    Divisor: 1; the terms of the sum are divided by the number of proxies with samples, and of all proxies
    Synonyms: ProxyAnchorLoss, proxy_anchor_loss
    Reference: Kim et al., Proxy Anchor Loss for Deep Metric Learning, 2020, arXiv:2003.13911, equation 4
    """
    cosines = Cosines(proxies, embeddings)
    own = np.arange(len(proxies))[:, None] == labels[None, :]
    present = max(int(own.any(axis=1).sum()), 1)
    unit = embeddings.dtype.type(alpha)
    of_own, near = log_one_plus(masked(-unit * less(cosines.values, margin), own))
    of_others, far = log_one_plus(masked(unit * less(cosines.values, -margin), ~own))

    def slope(c: Array) -> Array:
        return c.astype(unit.dtype)[0] * unit * (far / len(proxies) - near / present)

    value = of_own.sum(dtype=np.float64) / present + of_others.sum(dtype=np.float64) / len(proxies)
    pullbacks = {"embeddings": lambda c: cosines.by_b(slope(c)), "proxies": lambda c: cosines.by_a(slope(c))}
    return Evaluation(np.array([value]), np.array([float(len(labels) > 0)]), pullbacks)


@loss(example=CLASSES | {"centers": [[0.8, 0.6], [-0.6, 0.8]]})
def center(embeddings: Vector, centers: Proxies, labels: Label) -> Evaluation:
    r"""Half the squared distance of each sample to the center of its class.

    The gradient to the centers is the derivative; the paper moves them by an average over each class's samples instead.

    Formula: \ell = \frac{1}{2} |x - c_y|^2
    Divisor: the number of samples
    Synonyms: CenterLoss, center_loss
    Reference: Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, 2016, equation 2
    """
    difference = embeddings - centers[labels]
    values = per_sample_sum(difference * difference) * 0.5
    return elementwise(
        values,
        {
            "embeddings": lambda c: c.astype(difference.dtype)[:, None] * difference,
            "centers": lambda c: scattered(centers, labels, -c.astype(difference.dtype)[:, None] * difference),
        },
    )


SubCenters = Annotated[Array, TensorSpec("c k d", gradient="default", description="k learnt vectors for each class")]


@loss(
    example=CLASSES | {"weight": [[[0.8, 0.6], [0.6, -0.8]], [[-0.6, 0.8], [-1.0, 0.1]], [[1.0, -1.0], [-1.0, -1.0]]]},
    bound=Bound(1e-14, 1e-12, "the slope of the enlarged angle is the rounded cosine over the sine"),
)
@in_float64
def subcenter_arcface(embeddings: Vector, weight: SubCenters, labels: Label, *, margin: Radians = 0.5, scale: Positive = 64.0) -> Evaluation:
    r"""The loss arcface with several vectors a class, of which the nearest one counts: outliers and noise gather about the others.

    The first of equally near vectors counts. With one vector a class it is arcface.

    Formula: \ell = -\log \frac{e^{s \cos(\theta_y + m)}}{e^{s \cos(\theta_y + m)} + \sum_{j \ne y} e^{s \cos \theta_j}}, \quad \theta_j = \min_k \angle(x, w_{jk})
    margin: added to the angle of the true class, in radians; pytorch-metric-learning's 28.6 degrees are 0.5.
    scale: multiplies the cosines.
    Divisor: the number of samples
    Synonyms: SubCenterArcFaceLoss, sub_center_arcface, sub_arcface
    Reference: Deng et al., Sub-center ArcFace: Boosting Face Recognition by Large-scale Noisy Web Faces, 2020, ECCV, equation 3
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)
    (classes, count), rows = weight.shape[:2], np.arange(len(labels))
    flat = weight.reshape(classes * count, -1)
    away = (1.0 - (cosines := Cosines(embeddings, flat)).values[0]) - cosines.values[1]
    nearest = away.reshape(-1, classes, count).argmin(axis=2) + count * np.arange(classes)
    margins = Margins(embeddings, flat, nearest[rows, labels], scale)
    counted = np.zeros(away.shape, bool)
    counted[rows[:, None], nearest] = True
    margins.cosines.values = np.where(counted, cosines.values[0], -np.inf), np.where(counted, cosines.values[1], 0.0)
    evaluation = enlarged(margins, margin)
    gradients = dict(evaluation.gradients)
    by_flat = gradients["weight"]
    gradients["weight"] = lambda c: by_flat(c).reshape(weight.shape)
    return Evaluation(evaluation.numerator, evaluation.weight, gradients)
