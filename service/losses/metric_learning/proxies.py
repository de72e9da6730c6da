"""Losses with class vectors: angular margins, proxies and centers."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import VECTORS, Bound, Positive, TensorSpec, Vector, Work
from service.losses.evaluation import Evaluation, elementwise, in_float64, nothing
from service.losses.metric_learning._shared import log_one_plus, log_sum_exp, masked
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, per_sample_sum, scattered, sigmoid, softplus
from service.losses.numerics.softmax import Softmax
from service.losses.numerics.vectors import AllCosines, Cosines, Directions, Rows, norms
from service.losses.registry import loss

Weights = Annotated[
    Array, TensorSpec("c d", gradient="default", description="learned vector of each class, one per row (as torch.nn.Linear's weight)")
]
CLASS_VECTORS = Bound(1e-14, 1e-10, "slopes of a softmax add up to 0, and cancel where class vectors are nearly equal", "vector", "tensor")
Proxies = Annotated[Array, TensorSpec("c d", gradient="default", description="learned vector of each class")]
Label = Annotated[Array, TensorSpec("n", kind="integer", below="c", description="class of each sample")]
Radians = Annotated[float, annotated_types.Ge(0), annotated_types.Le(1.5707963267948966)]
CLASSES = {"embeddings": [[1.0, 0.2], [0.0, 1.0]], "labels": [0, 1]}
WEIGHTS = CLASSES | {"weight": [[0.8, 0.6], [-0.6, 0.8], [1.0, -1.0]]}
PROXIES = CLASSES | {"proxies": [[0.8, 0.6], [-0.6, 0.8], [1.0, -1.0]]}


def softmax_of(s: Array, labels: Array, scale: float) -> tuple[Array, Array]:
    """Return the cross entropies (n,) of scaled cosines (n, c), and their slopes by the cosines."""
    softmax = Softmax(scale * s)
    return softmax.negative_log_at(labels), softmax.pull(labels, np.full(len(s), scale))


@loss(example=WEIGHTS, bound=CLASS_VECTORS, work=Work("150 n c + 4 n c d + 1000 n", "24 n c"))
@in_float64
def arcface(embeddings: Vector, weight: Weights, labels: Label, *, margin: Radians = 0.5, scale: Positive = 64.0) -> Evaluation:
    r"""ArcFace loss: softmax cross entropy of cosines, with an additive margin on the angle of the true class.

    Beyond theta = pi - m, where the cosine of the sum would increase again, it is replaced by cos(theta) - m sin(m) (InsightFace, pytorch-metric-learning).
    The margin is in radians as in the paper: pytorch-metric-learning's 28.6 degrees are 0.5. Where theta is 0 or pi, the gradient of its sine is 0.

    Use: Face recognition, speaker verification and other recognition of many identities.
    Search: face_recognition
    Formula: \ell = -\log \frac{e^{s \cos(\theta_y + m)}}{e^{s \cos(\theta_y + m)} + \sum_{j \ne y} e^{s \cos \theta_j}}
    margin: added to the angle of the true class, in radians.
    scale: factor of the cosines.
    Divisor: the number of samples
    Synonyms: ArcFaceLoss, additive_angular_margin, aam_softmax
    Reference: Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition, 2019, arXiv:1801.07698, equation 3
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)
    return _enlarged_angles(embeddings, weight, labels, 1, margin, scale)


def _enlarged_angles(embeddings: Array, weight: Array, labels: Array, count: int, margin: float, scale: float) -> Evaluation:
    """Evaluate arcface with `count` vectors per class, of which the nearest is used."""
    cosines, own, aside = AllCosines(embeddings, weight), labels * count, np.empty(len(labels))

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        if count > 1:
            groups = s.reshape(len(s), -1, count)
            nearest = groups.argmax(axis=2)
            own[rows] += nearest[np.arange(len(s)), labels[rows]]
            s = np.where(nearest[:, :, None] == np.arange(count), groups, -np.inf).reshape(s.shape)
        at = np.arange(len(s)), own[rows]
        cosine, sine = s[at], norms(pair(rows).residual(0))
        sine[~pair(rows).defined] = 1.0
        within = cosine >= -np.cos(margin)
        s[at] = np.where(within, np.cos(margin) * cosine - np.sin(margin) * sine, cosine - margin * np.sin(margin))
        values, slopes = softmax_of(s, own[rows], scale)
        aside[rows] = slopes[at] * within * np.sin(margin) * cosine  # the derivative of -sin(margin) sine is this much along the residual's direction
        slopes[at] *= np.where(within, np.cos(margin), 1.0)
        return values, slopes

    def pair(rows: slice) -> Cosines:
        """Return the true classes' vectors."""
        return Cosines(cosines.a.at(rows), cosines.b.at(own[rows]))

    def sideways(of: int, c: Array) -> Array:
        residual = pair(slice(None)).residual(of)
        return (c * aside)[:, None] * divide_or_zero(residual, norms(residual)[:, None])

    values, slopes = cosines.by_rows(row_loss)
    return Evaluation(
        values,
        np.ones(len(labels)),
        {
            "embeddings": lambda c: cosines.by_a(slopes, c, beside=sideways(0, c)),
            "weight": lambda c: cosines.by_b(slopes, c, beside=scattered(weight, own, sideways(1, c))),
        },
    )


@loss(example=WEIGHTS, bound=CLASS_VECTORS, work=Work("150 n c + 4 n c d + 1000 n", "24 n c"))
@in_float64
def cosface(embeddings: Vector, weight: Weights, labels: Label, *, margin: float = 0.35, scale: Positive = 64.0) -> Evaluation:
    r"""CosFace loss: softmax cross entropy of cosines, with a margin subtracted from the cosine of the true class.

    Use: Face recognition, speaker verification and other recognition of many identities.
    Formula: \ell = -\log \frac{e^{s (\cos \theta_y - m)}}{e^{s (\cos \theta_y - m)} + \sum_{j \ne y} e^{s \cos \theta_j}}
    margin: subtracted from the cosine of the true class.
    scale: factor of the cosines.
    Divisor: the number of samples
    Synonyms: CosFaceLoss, am_softmax, additive_margin_softmax, large_margin_cosine
    Reference: Wang et al., CosFace: Large Margin Cosine Loss for Deep Face Recognition, 2018, arXiv:1801.09414, equation 4
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        s[np.arange(len(s)), labels[rows]] -= margin
        return softmax_of(s, labels[rows], scale)

    return _of_classes("weight", embeddings, weight, row_loss)


def _of_classes(name: str, embeddings: Array, classes: Array, row_loss: Rows) -> Evaluation:
    """Build the Evaluation of a loss with one number for each row of cosines with the classes' vectors, the input `name`."""
    cosines = AllCosines(embeddings, classes)
    values, slopes = cosines.by_rows(row_loss)
    return Evaluation(values, np.ones(len(embeddings)), {"embeddings": lambda c: cosines.by_a(slopes, c), name: lambda c: cosines.by_b(slopes, c)})


@loss(example=WEIGHTS, bound=CLASS_VECTORS, work=Work("150 n c + 4 n c d + 1000 n", "24 n c"))
@in_float64
def normalized_softmax(embeddings: Vector, weight: Weights, labels: Label, *, temperature: Positive = 0.05) -> Evaluation:
    r"""Normalized softmax loss: softmax cross entropy of the cosines to the class vectors, equal to cosface without margin.

    Use: Metric learning by classification, compared by cosine similarity.
    Formula: \ell = -\log \frac{e^{\cos \theta_y / T}}{\sum_j e^{\cos \theta_j / T}}
    temperature: divisor of the cosines.
    Divisor: the number of samples
    Synonyms: NormalizedSoftmaxLoss, normface, cosine_softmax
    Reference: Zhai and Wu, Classification is a Strong Baseline for Deep Metric Learning, 2019, arXiv:1811.12649, equation 4
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)
    return _of_classes("weight", embeddings, weight, lambda s, rows: softmax_of(s, labels[rows], 1.0 / temperature))


@loss(example=PROXIES, bound=VECTORS, work=Work("150 n c + 4 n c d + 1000 n", "24 n c"))
@in_float64
def proxy_nca(
    embeddings: Vector, proxies: Proxies, labels: Label, *, softmax_scale: Positive = 1.0, denominator: Literal["all", "others"] = "all"
) -> Evaluation:
    r"""Proxy-NCA loss: negative log-probability of the true class's proxy, by squared distance of normalized vectors.

    The squared distance of normalized vectors is 2 - 2 cos.

    Use: Metric learning of embeddings for image retrieval, without mining of pairs.
    Formula: \ell = -\log \frac{e^{-t |\hat x - \hat p_y|^2}}{\sum_j e^{-t |\hat x - \hat p_j|^2}}
    softmax_scale: t, factor of the squared distances.
    denominator: all proxies (pytorch-metric-learning), or others without the true class's proxy (the paper); with others the loss may be negative.
    Divisor: the number of samples
    Synonyms: ProxyNCALoss, proxynca, proxy_nca_loss
    Reference: Movshovitz-Attias et al., No Fuss Distance Metric Learning using Proxies, 2017, arXiv:1703.07464, equation 5
    """
    if not len(labels):
        return nothing(embeddings=embeddings, proxies=proxies)
    unit = 2.0 * softmax_scale

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        own = np.arange(len(s)), labels[rows]
        if len(proxies) == 1 and denominator == "others":  # the denominator is 1: -log of the numerator
            one = np.zeros(len(s), int)
            return unit * Cosines(Directions.of(embeddings[rows]), Directions.of(proxies).at(one)).one_minus, np.full(s.shape, -unit)
        logits = unit * s
        true = logits[own]
        logits[own] = -np.inf
        largest, rest, slopes = log_sum_exp(logits)
        gap = (largest - true) + rest
        rate = unit * sigmoid(gap) if denominator == "all" else np.full(len(s), unit)
        slopes *= rate[:, None]
        slopes[own] = -rate
        return softplus(gap) if denominator == "all" else gap, slopes

    return _of_classes("proxies", embeddings, proxies, row_loss)


@loss(example=PROXIES, bound=VECTORS, merges=False, work=Work("150 n c + 4 n c d + 1000 n", "24 n c"))
@in_float64
def proxy_anchor(embeddings: Vector, proxies: Proxies, labels: Label, *, margin: float = 0.1, alpha: Positive = 32.0) -> Evaluation:
    r"""Proxy-Anchor loss: each proxy attracts the samples of its class and repels all others, by smooth sums over the batch.

    The loss is one number for the batch; results over shards do not merge. Without samples the value is 0.

    Use: Metric learning of embeddings for image retrieval, without mining of pairs.
    Formula: \ell = \frac{1}{|P^+|} \sum_{p \in P^+} \log \left( 1 + \sum_{y_i = p} e^{-\alpha (s_{ip} - \delta)} \right) + \frac{1}{|P|} \sum_{p \in P} \log \left( 1 + \sum_{y_i \ne p} e^{\alpha (s_{ip} + \delta)} \right)
    margin: delta, margin above 0 of the cosines within the class, and below 0 of the others.
    alpha: sharpness.
    Divisor: 1; the terms of the sum are divided by the number of proxies with samples, and of all proxies
    Synonyms: ProxyAnchorLoss, proxy_anchor_loss
    Reference: Kim et al., Proxy Anchor Loss for Deep Metric Learning, 2020, arXiv:2003.13911, equation 4
    """
    own = np.arange(len(proxies))[:, None] == labels[None, :]
    present = max(int(own.any(axis=1).sum()), 1)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        of_own, near = log_one_plus(masked(-alpha * (s - margin), own[rows]))
        of_others, far = log_one_plus(masked(alpha * (s + margin), ~own[rows]))
        return of_own / present + of_others / len(proxies), alpha * (far / len(proxies) - near / present)

    cosines = AllCosines(proxies, embeddings)
    values, slopes = cosines.by_rows(row_loss)
    each = np.ones(len(proxies))
    pullbacks = {"embeddings": lambda c: cosines.by_b(slopes, c[0] * each), "proxies": lambda c: cosines.by_a(slopes, c[0] * each)}
    return Evaluation(np.array([values.sum()]), np.array([float(len(labels) > 0)]), pullbacks)


@loss(example=CLASSES | {"centers": [[0.8, 0.6], [-0.6, 0.8]]})
def center(embeddings: Vector, centers: Proxies, labels: Label) -> Evaluation:
    r"""Center loss: half the squared distance of each sample to the center of its class.

    The gradient of the centers is the derivative; the paper instead updates them by an average over each class's samples.

    Use: Face recognition, beside cross entropy, by compact classes.
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


SubCenters = Annotated[Array, TensorSpec("c k d", gradient="default", description="k learned vectors of each class")]


@loss(
    example=CLASSES | {"weight": [[[0.8, 0.6], [0.6, -0.8]], [[-0.6, 0.8], [-1.0, 0.1]], [[1.0, -1.0], [-1.0, -1.0]]]},
    bound=CLASS_VECTORS,
    work=Work("200 n c k + 4 n c k d + 1000 n", "24 n c k"),
)
@in_float64
def subcenter_arcface(embeddings: Vector, weight: SubCenters, labels: Label, *, margin: Radians = 0.5, scale: Positive = 64.0) -> Evaluation:
    r"""Sub-center ArcFace: ArcFace with several vectors per class, of which the nearest is used, so that outliers gather at the others.

    Of equally near vectors the first is used. With one vector per class it is arcface.

    Use: Face recognition with noisy labels.
    Formula: \ell = -\log \frac{e^{s \cos(\theta_y + m)}}{e^{s \cos(\theta_y + m)} + \sum_{j \ne y} e^{s \cos \theta_j}}, \quad \theta_j = \min_k \angle(x, w_{jk})
    margin: added to the angle of the true class, in radians; pytorch-metric-learning's 28.6 degrees are 0.5.
    scale: factor of the cosines.
    Divisor: the number of samples
    Synonyms: SubCenterArcFaceLoss, sub_center_arcface, sub_arcface
    Reference: Deng et al., Sub-center ArcFace: Boosting Face Recognition by Large-scale Noisy Web Faces, 2020, ECCV, equation 3
    """
    if not len(labels):
        return nothing(embeddings=embeddings, weight=weight)
    evaluation = _enlarged_angles(embeddings, weight.reshape(-1, weight.shape[2]), labels, weight.shape[1], margin, scale)
    by_weight = evaluation.gradients["weight"]
    return replace(evaluation, gradients={**evaluation.gradients, "weight": lambda c: by_weight(c).reshape(weight.shape)})
