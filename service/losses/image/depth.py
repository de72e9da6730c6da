"""Depth: scale-invariant errors and edge-aware smoothness."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Domain, Fraction, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.image._shared import AXES, BLOB, RAMP, by_pixel
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_sum, spread
from service.losses.registry import loss

Depth = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0, low_open=True), gradient="default", description="predicted depths")]
DepthLabel = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0, low_open=True), gradient="on request", description="true depths")]


@loss(example={"predictions": [[1.0, 2.0, 4.0]], "labels": [[1.5, 2.5, 3.0]]})
def scale_invariant_log(predictions: Depth, labels: DepthLabel, *, variance_focus: Fraction = 0.5) -> Evaluation:
    r"""Scale-invariant log loss: mean squared difference of logarithms of each sample, minus a fraction of the squared mean difference.

    The paper's fraction is 0.5; 1 gives invariance to the scale of the depths. Later papers use ten times the root, with 0.85.

    Use: Monocular depth estimation, up to the unknown scale of a scene.
    Search: depth_estimation
    Formula: \ell_i = \overline{d^2} - \lambda \, \overline{d}^2, \quad d = \log x - \log t
    variance_focus: lambda, fraction of the squared mean difference.
    Divisor: the number of samples
    Synonyms: SILog, SILogLoss, scale_invariant_loss
    Reference: Eigen, Puhrsch and Fergus, Depth Map Prediction from a Single Image, 2014, arXiv:1406.2283, equation 4
    """
    near = np.abs(predictions - labels) <= 0.5 * labels
    d = np.where(near, np.log1p(np.where(near, predictions - labels, 0.0) / labels), np.log(predictions) - np.log(labels))
    axes = tuple(range(1, d.ndim))
    mean = d.mean(axis=axes, keepdims=True, dtype=np.float64).astype(d.dtype) if len(d) else d
    spread_out = d - mean
    kept = (1.0 - variance_focus) * mean
    values = spread_out * spread_out + kept * mean
    size = float(np.prod(d.shape[1:]))
    result = elementwise(
        values,
        {
            "predictions": lambda c: (2.0 / size) * c * (spread_out + kept) / predictions,
            "labels": lambda c: (-2.0 / size) * c * (spread_out + kept) / labels,
        },
    )
    return Evaluation(result.numerator / size, np.ones(len(d)), result.gradients)


InverseDepth = Annotated[Array, TensorSpec("n 1 h w", gradient="default", description="predicted inverse depths, or disparities")]
Guide = Annotated[Array, TensorSpec("n c h w", description="images, at whose edges depths may be discontinuous")]


@loss(example={"predictions": [[RAMP]], "image": [[BLOB, RAMP]]})
def inverse_depth_smoothness(predictions: InverseDepth, image: Guide) -> Evaluation:
    r"""Edge-aware smoothness of inverse depths: absolute differences of neighbors, with lower weights at edges of the image.

    As in kornia, it is the mean over horizontal differences plus the mean over vertical ones. A single row or column has no differences.

    Use: Self-supervised depth estimation, beside a photometric loss.
    Formula: \ell_i = \overline{|\partial_u d| \, e^{-\overline{|\partial_u I|}}} + \overline{|\partial_v d| \, e^{-\overline{|\partial_v I|}}}, \quad \text{the inner mean over channels}
    Divisor: the number of images
    Synonyms: InverseDepthSmoothnessLoss, inverse_depth_smoothness_loss, edge_aware_smoothness, disparity_smoothness
    Reference: Godard, Mac Aodha and Brostow, Unsupervised Monocular Depth Estimation with Left-Right Consistency, 2017, arXiv:1609.03677, equation 3; kornia.losses.inverse_depth_smoothness_loss
    """
    steps = [np.diff(predictions, axis=axis) for axis in AXES]
    weights = [np.exp(-np.abs(np.diff(image, axis=axis)).mean(axis=1, keepdims=True)) for axis in AXES]
    shares = [weight / max(int(np.prod(weight.shape[1:])), 1) for weight in weights]

    def pullback(c: Array) -> Array:
        slopes = [by_pixel(share * np.sign(step), axis, predictions) for axis, step, share in zip(AXES, steps, shares, strict=True)]
        return (slopes[0] + slopes[1]) * spread(c, predictions)

    values = sum((per_sample_sum(share * np.abs(step)) for step, share in zip(steps, shares, strict=True)), np.zeros(len(predictions)))
    return Evaluation(values, np.ones(len(values)), {"predictions": pullback})
