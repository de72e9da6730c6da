"""Several learnt vectors a class: samples of one class need not all look alike."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.contrastive import nothing
from service.losses.core import Bound, Evaluation, Positive, loss
from service.losses.geometry import Cosines
from service.losses.metric import Vector
from service.losses.numerics import in_float64
from service.losses.proxy import CLASSES, Label, Margins, Radians, enlarged
from service.losses.tensors import Array, Tensor

SubCenters = Annotated[Array, Tensor("c k d", gradient="default", description="k learnt vectors for each class")]


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
