"""Differences of neighbouring pixels, of what is predicted alone and against those of another image."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.core import Evaluation, loss
from service.losses.image import BLOB, RAMP, ImageLabels, Images
from service.losses.numerics import per_sample_sum, spread
from service.losses.tensors import Array, Tensor

InverseDepth = Annotated[Array, Tensor("n 1 h w", gradient="default", description="predicted inverse depths, or disparities")]
Guide = Annotated[Array, Tensor("n c h w", description="the images; their edges are where depths may jump")]
AXES = (2, 3)  # down and across


def by_pixel(slope: Array, axis: int, like: Array) -> Array:
    """A gradient by differences of neighbours along an axis as one by the pixels."""
    out = np.zeros_like(like)
    ahead, behind = np.moveaxis(out, axis, 0)[1:], np.moveaxis(out, axis, 0)[:-1]
    ahead += np.moveaxis(slope, axis, 0)
    behind -= np.moveaxis(slope, axis, 0)
    return out


@loss(example={"predictions": [[RAMP]], "labels": [[BLOB]]})
def gradient_difference(
    predictions: Images, labels: ImageLabels, *, alpha: Annotated[int, annotated_types.Ge(1), annotated_types.Le(2)] = 1
) -> Evaluation:
    r"""How much the sizes of the steps between neighbouring pixels differ from the true ones: it sharpens what squared errors blur.

    The sum over both directions and all channels, for each image. The slope is 0 at a step of 0, and where steps agree.

    Formula: \ell_i = \sum_{c u v} \big| |\partial_u t| - |\partial_u x| \big|^\alpha + \big| |\partial_v t| - |\partial_v x| \big|^\alpha
    alpha: power of the differences, 1 or 2.
    Divisor: the number of images
    Synonyms: GDL_image, gradient_difference_loss, image_gradient_difference
    Reference: Mathieu, Couprie and LeCun, Deep multi-scale video prediction beyond mean square error, 2016, arXiv:1511.05440, equation 6
    """
    steps = [(axis, np.diff(predictions, axis=axis), np.diff(labels, axis=axis)) for axis in AXES]
    excess = [np.abs(x) - np.abs(t) for _, x, t in steps]
    rates = [np.sign(e) if alpha == 1 else 2.0 * e for e in excess]

    def pullback(c: Array, of: int) -> Array:
        slopes = [by_pixel(rate * np.sign(step[1 + of]), step[0], predictions) for step, rate in zip(steps, rates, strict=True)]
        return (slopes[0] + slopes[1]) * spread(c, predictions) * (-1.0 if of else 1.0)

    values = sum((per_sample_sum(np.abs(e) if alpha == 1 else e * e) for e in excess), np.zeros(len(predictions)))
    gradients = {"predictions": lambda c: pullback(c, 0), "labels": lambda c: pullback(c, 1)}
    return Evaluation(values, np.ones(len(values)), gradients)


@loss(example={"predictions": [[RAMP]], "image": [[BLOB, RAMP]]})
def inverse_depth_smoothness(predictions: InverseDepth, image: Guide) -> Evaluation:
    r"""The steps between neighbouring inverse depths, which count less where the image has an edge.

    kornia's loss: the mean over the steps across plus the mean over the steps down. One row or column has no steps and adds nothing.

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
