"""Smoothness: total variation and differences of gradients."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.evaluation import Evaluation
from service.losses.image._shared import AXES, BLOB, RAMP, ImageLabels, Images, by_pixel
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_sum, spread
from service.losses.registry import loss


@loss(example={"predictions": [[RAMP]]})
def total_variation(predictions: Images) -> Evaluation:
    r"""Total variation: the sum of absolute differences of adjacent pixels in rows and columns, for each image.

    It is anisotropic, as in kornia, torchmetrics and TensorFlow, and averaged over images. The gradient of a difference of 0 is 0.

    Formula: \ell_i = \sum_{c u v} |x_{u+1, v} - x_{uv}| + |x_{u, v+1} - x_{uv}|
    Divisor: the number of images
    Synonyms: TotalVariation, total_variation_loss, tv_loss
    Reference: Rudin, Osher and Fatemi, Nonlinear total variation based noise removal algorithms, 1992
    """
    down, right = np.diff(predictions, axis=2), np.diff(predictions, axis=3)

    def pullback(cotangent: Array) -> Array:
        out = np.zeros_like(predictions)
        for axis, difference in ((2, down), (3, right)):
            sign = np.sign(difference)
            ahead, behind = np.moveaxis(out, axis, 0)[1:], np.moveaxis(out, axis, 0)[:-1]
            ahead += np.moveaxis(sign, axis, 0)
            behind -= np.moveaxis(sign, axis, 0)
        return out * spread(cotangent, out)

    values = per_sample_sum(np.abs(down)) + per_sample_sum(np.abs(right))
    return Evaluation(values, np.ones(len(values)), {"predictions": pullback})


@loss(example={"predictions": [[RAMP]], "labels": [[BLOB]]})
def gradient_difference(
    predictions: Images, labels: ImageLabels, *, alpha: Annotated[int, annotated_types.Ge(1), annotated_types.Le(2)] = 1
) -> Evaluation:
    r"""Gradient difference loss: differences between the absolute image gradients and the true ones, which counteract blur.

    It is summed over both directions and all channels, for each image. The gradient is 0 at a pixel difference of 0, and where differences agree.

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
