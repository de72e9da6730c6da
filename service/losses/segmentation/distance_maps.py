"""Segmentation losses with distance maps, sent by the client or computed here, which are constant in the gradient.

Maps computed here are exact Euclidean distances between pixels (scipy's distance_transform_edt), of each sample and class of masks
(n, c, ...). They are 0 where a mask is foreground everywhere or nowhere, as in MONAI.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import ELEMENTWISE, UNIT, Domain, NonNegative, Probability, ProbabilityLabel, TensorSpec, Work
from service.losses.errors import InvalidTensor
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


FixedLabel = Annotated[Array, TensorSpec("n ...", domain=UNIT, description="true masks (n, c, ...), foreground above 1/2")]
DISTANCES = "64 n ..."  # bytes of the transform


def to_the_other_side(name: str, masks: Array) -> Array:
    """Return the distance of each pixel of masks (n, c, ...) to the nearest one across 1/2, 0 where there is none."""
    from scipy.ndimage import distance_transform_edt

    if masks.ndim < 3:
        raise InvalidTensor(name, f"wrong rank; expected (n, c, ...) to compute distances, got shape {masks.shape}")
    if not masks.size:
        return np.zeros_like(masks)
    inside = masks.reshape(-1, *masks.shape[2:]) > 0.5
    spatial = tuple(range(1, inside.ndim))
    sampling = (float(sum(inside.shape[1:])), *(1.0,) * len(spatial))  # masks are farther from each other than their pixels
    apart = distance_transform_edt(inside, sampling) + distance_transform_edt(~inside, sampling)
    both = inside.any(axis=spatial, keepdims=True) & ~inside.all(axis=spatial, keepdims=True)
    return (apart * both).reshape(masks.shape).astype(masks.dtype)


@loss(
    example={"predictions": [[0.9, 0.6, 0.2]], "distances": [[-1.0, 0.0, 1.0]]},
    hessian_diagonal=True,
    bound=ELEMENTWISE,
    work=Work("1000 n ...", DISTANCES),
)
def boundary(predictions: Probability, distances: SignedDistance | None = None, *, labels: FixedLabel | None = None) -> Evaluation:
    r"""Boundary loss: the predicted probability times the signed distance to the true boundary.

    Summed over an image, it is the integral between both boundaries, up to a constant. The minimum is negative. Omit classes to ignore. Used with dice or
    cross_entropy, with a weight that increases during training.

    Use: Segmentation of small structures in medical images, beside a Dice loss or cross entropy.
    Formula: \ell = \phi \, p
    Where: p the predicted probability of a position; \phi `distances`
    predictions: probabilities, after softmax or sigmoid.
    distances: phi, 0 at the inner edge of the true region and negative within; by default computed from `labels`: distance_transform_edt of the outside, and 1 minus that of the inside.
    labels: true masks (n, c, ...), foreground above 1/2; used if `distances` is not sent.
    Synonyms: boundary_loss, SurfaceLoss, surface_loss
    Unlike: monai.losses.BoundaryLoss it computes the distance maps from labels, as here with the input labels in place of distances
    Reference: Kervadec et al., Boundary loss for highly unbalanced segmentation, 2019, arXiv:1812.07032, equation 5
    """
    if (distances is None) == (labels is None):
        raise InvalidTensor("distances", f"{'missing' if labels is None else 'not allowed with labels'}; expected distances or labels")
    if labels is not None:
        inside, apart = labels > 0.5, to_the_other_side("labels", labels)
        distances = np.where(inside & (apart > 0), 1.0 - apart, apart).astype(predictions.dtype)
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
    work=Work("2000 n ...", DISTANCES),
)
def hausdorff_dt(
    predictions: Probability,
    labels: ProbabilityLabel,
    prediction_distances: Distance | None = None,
    label_distances: Distance | None = None,
    *,
    alpha: NonNegative = 2.0,
) -> Evaluation:
    r"""Hausdorff distance loss: squared error of the probabilities, weighted by powers of the distances to both boundaries.

    MONAI's loss on the channels sent (MONAI excludes the background by default). The distances are those of the foreground and of
    the background, added; 0 where all or none of a mask is foreground.

    Use: Segmentation that is judged by the Hausdorff distance of its boundaries.
    Formula: \ell = (p - t)^2 \left( d_p^\alpha + d_t^\alpha \right)
    Where: p the predicted probability of a position; t `labels`
    prediction_distances: d_p, distances to the boundary of the predicted region, p > 1/2; constant in the gradient; by default computed from the predictions.
    label_distances: d_t, distances to the boundary of the true region; by default computed from the labels.
    alpha: power of the distances; larger values increase the weight of distant errors.
    Synonyms: hausdorff_dt_loss, hausdorff_distance_transform
    Unlike: monai.losses.HausdorffDTLoss it excludes class 0 by default, and otherwise gives the number of this loss without distances;
        monai.losses.LogHausdorffDTLoss it is log(1 + x) of the other
    Reference: Karimi and Salcudean, Reducing the Hausdorff Distance in Medical Image Segmentation with Convolutional Neural Networks, 2019, arXiv:1904.10030, equation 8
    """
    error = predictions - labels
    maps = (("predictions", predictions, prediction_distances), ("labels", labels, label_distances))
    found = [to_the_other_side(name, masks) if given is None else given for name, masks, given in maps]
    roots = [distances ** distances.dtype.type(alpha / 4.0) for distances in found]
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
