"""Smoothness: total variation."""

from __future__ import annotations

import numpy as np

from service.losses.evaluation import Evaluation
from service.losses.image._shared import RAMP, Images
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_sum, spread
from service.losses.registry import loss


@loss(example={"predictions": [[RAMP]]})
def total_variation(predictions: Images) -> Evaluation:
    r"""Total variation: the sum of absolute differences of adjacent pixels in rows and columns, for each image.

    It is anisotropic, as in kornia, torchmetrics and TensorFlow, and averaged over images. The gradient of a difference of 0 is 0.

    Use: Denoising and regularization of generated images, as in style transfer.
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
