"""Segmentation losses with distance maps, which the client computes (scipy's distance_transform_edt) and which are constant in the gradient."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import ELEMENTWISE, Domain, NonNegative, Probability, ProbabilityLabel, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import times
from service.losses.registry import loss

SignedDistance = Annotated[
    Array, TensorSpec("n ...", description="distance of each element to the boundary of the true region, negative inside and positive outside")
]
Distance = Annotated[
    Array,
    TensorSpec("n ...", domain=Domain(low=0), description="distance of each element to the boundary of the region, non-negative inside and outside"),
]


@loss(
    example={"predictions": [[0.9, 0.6, 0.2]], "distances": [[-1.0, 0.0, 1.0]]},
    hessian_diagonal=True,
    bound=ELEMENTWISE,
)
def boundary(predictions: Probability, distances: SignedDistance) -> Evaluation:
    r"""Boundary loss: the predicted probability times the signed distance to the true boundary.

    Summed over an image, it is the integral between both boundaries, up to a constant. The minimum is negative. Omit classes to ignore. Used with dice or
    cross_entropy, with a weight that increases during training.

    Use: Segmentation of small structures in medical images, beside a Dice loss or cross entropy.
    Formula: \ell = \phi \, p
    Where: p the predicted probability of a position; \phi `distances`
    predictions: probabilities, after softmax or sigmoid.
    distances: phi, negative inside of the true region (scipy: distance_transform_edt of the outside minus that of the inside, plus 1).
    Synonyms: boundary_loss, SurfaceLoss, surface_loss
    Unlike: monai.losses.BoundaryLoss it computes the distance maps, which are inputs here
    Reference: Kervadec et al., Boundary loss for highly unbalanced segmentation, 2019, arXiv:1812.07032, equation 5
    """
    return elementwise(
        distances * predictions,
        {"predictions": lambda c: c * distances},
        {"predictions": lambda c: np.zeros_like(c * distances)},
    )


@loss(
    example={
        "predictions": [[0.9, 0.6, 0.2]],
        "labels": [[1.0, 0.0, 0.0]],
        "prediction_distances": [[1.0, 1.0, 1.0]],
        "label_distances": [[1.0, 1.0, 2.0]],
    },
    hessian_diagonal=True,
    bound=ELEMENTWISE,
)
def hausdorff_dt(
    predictions: Probability, labels: ProbabilityLabel, prediction_distances: Distance, label_distances: Distance, *, alpha: NonNegative = 2.0
) -> Evaluation:
    r"""Hausdorff distance loss: squared error of the probabilities, weighted by powers of the distances to both boundaries.

    MONAI's loss on the channels sent (MONAI excludes the background by default). The distances are those of the foreground and of
    the background, added; 0 where all or none of a mask is foreground.

    Use: Segmentation that is judged by the Hausdorff distance of its boundaries.
    Formula: \ell = (p - t)^2 \left( d_p^\alpha + d_t^\alpha \right)
    Where: p the predicted probability of a position; t `labels`
    prediction_distances: d_p, distances to the boundary of the predicted region, p > 1/2; constant in the gradient.
    label_distances: d_t, distances to the boundary of the true region.
    alpha: power of the distances; larger values increase the weight of distant errors.
    Synonyms: hausdorff_dt_loss, hausdorff_distance_transform
    Unlike: monai.losses.HausdorffDTLoss it computes the distance maps, which are inputs here;
        monai.losses.LogHausdorffDTLoss it is log(1 + x) of the other and computes the distance maps
    Reference: Karimi and Salcudean, Reducing the Hausdorff Distance in Medical Image Segmentation with Convolutional Neural Networks, 2019, arXiv:1904.10030, equation 8
    """
    error = predictions - labels
    roots = [distances ** distances.dtype.type(alpha / 4.0) for distances in (prediction_distances, label_distances)]
    scaled = [
        times(times(error, root), root) for root in roots
    ]  # by the root of the power: the product may be in range although a factor's square is not

    def slope() -> Array:
        return np.add(*(times(times(y, root), root) for y, root in zip(scaled, roots, strict=True)))

    def weight() -> Array:
        return np.add(*((root * root) * (root * root) for root in roots))

    return elementwise(
        np.add(*(y * y for y in scaled)),
        {"predictions": lambda c: (2.0 * c) * slope(), "labels": lambda c: (-2.0 * c) * slope()},
        {name: lambda c: (2.0 * c) * weight() for name in ("predictions", "labels")},
    )
