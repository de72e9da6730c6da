"""Smoothness: total variation."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from service.losses.evaluation import Evaluation
from service.losses.image._shared import RAMP, Images
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_sum, spread
from service.losses.registry import loss


@loss(example={"predictions": [[RAMP]]})
def total_variation(predictions: Images, *, average: Literal["sum", "mean"] = "sum") -> Evaluation:
    r"""Total variation: the sum of absolute differences of adjacent pixels in rows and columns, for each image.

    It is anisotropic, as in kornia, torchmetrics and TensorFlow, and averaged over images. The gradient of a difference of 0 is 0.

    Use: Denoising and regularization of generated images, as in style transfer.
    Formula: \ell_i = \sum_{c u v} |x_{u+1, v} - x_{uv}| + |x_{u, v+1} - x_{uv}|
    average: sum of the differences of an image; or the mean of those in rows plus the mean of those in columns, over all channels (kornia's reduction mean).
    Divisor: the number of images
    Synonyms: TotalVariation, total_variation_loss, tv_loss
    Reference: Rudin, Osher and Fatemi, Nonlinear total variation based noise removal algorithms, 1992
    """
    down, right = np.diff(predictions, axis=2), np.diff(predictions, axis=3)
    rates = [1.0 if average == "sum" else 1.0 / max(1, math.prod(difference.shape[1:])) for difference in (down, right)]

    def pullback(cotangent: Array) -> Array:
        out = np.zeros_like(predictions)
        for axis, difference, rate in ((2, down, rates[0]), (3, right, rates[1])):
            sign = rate * np.sign(difference)
            ahead, behind = np.moveaxis(out, axis, 0)[1:], np.moveaxis(out, axis, 0)[:-1]
            ahead += np.moveaxis(sign, axis, 0)
            behind -= np.moveaxis(sign, axis, 0)
        return out * spread(cotangent, out)

    values = rates[0] * per_sample_sum(np.abs(down)) + rates[1] * per_sample_sum(np.abs(right))
    return Evaluation(values, np.ones(len(values)), {"predictions": pullback})
