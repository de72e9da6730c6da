"""Audio: losses of waveforms."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from service.losses.declaration import Bound, TensorSpec
from service.losses.evaluation import Evaluation, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.double_double import two_product
from service.losses.numerics.elementary import divide_or_zero
from service.losses.numerics.vectors import Cosines, Directions, exponents, norms
from service.losses.registry import loss

Waves = Annotated[Array, TensorSpec("n t", gradient="default", description="estimated signals, one per row")]
WaveLabels = Annotated[Array, TensorSpec("n t", gradient="on request", description="true signals")]
APART = Bound(1e-13, 1e-12, "an entry that is 1e300 times smaller than the rest of its signal is lost", "tensor", "tensor")


@loss(example={"predictions": [[0.5, -1.0, 0.3]], "labels": [[0.6, -0.8, 0.1]]}, bound=APART)
@in_float64
def si_sdr(predictions: Waves, labels: WaveLabels) -> Evaluation:
    r"""Negative scale-invariant signal-to-distortion ratio of each signal, in decibels.

    It is 20 log10 of the tangent |alpha t - p| / |alpha t| of the angle, for the best scale alpha. There is no epsilon: proportional signals give minus infinity,
    and orthogonal or silent ones infinity, both errors. To ignore means, subtract them beforehand (torchmetrics' zero_mean).

    Use: Source separation, speech enhancement and denoising of audio signals, whatever their loudness.
    Formula: \ell = -10 \log_{10} \frac{|\alpha t|^2}{|\alpha t - p|^2} = 20 \log_{10} |\tan \theta|, \quad \alpha = \frac{p \cdot t}{|t|^2}
    Divisor: the number of signals
    Synonyms: SISDR, SI_SDR, SISDRLoss, scale_invariant_signal_distortion_ratio
    Reference: Le Roux et al., SDR - Half-baked or Well Done?, 2019, arXiv:1811.02508, equation 4
    """
    cosines, decibels = Cosines(Directions.of(predictions), Directions.of(labels)), 20 / math.log(10)
    sine = norms(cosines.residual(0))
    close = np.flatnonzero(cosines.defined & (sine < 2.0**-40))
    sine[close] = np.where(_in_proportion(predictions[close], labels[close]), 0.0, np.maximum(sine[close], 2.0**-54))

    def slope(of: int) -> Array:
        residual = cosines.residual(of)
        steep = divide_or_zero(residual, norms(residual)[:, None]) * (-decibels / sine)[:, None]
        return divide_or_zero(cosines.sides[of].over_length(steep), cosines.values[:, None])

    values = decibels * (np.log(sine) - np.log(np.abs(cosines.values)))
    values = np.where(np.isnan(values), np.inf, values)  # silent signals have no angle
    return elementwise(values, {"predictions": lambda c: c[:, None] * slope(0), "labels": lambda c: c[:, None] * slope(1)})


def _in_proportion(a: Array, b: Array) -> Array:
    """Return True for rows that are multiples of each other by exact products; their computed sine is rounding error only."""
    a, b = (np.ldexp(x, -exponents(x)[:, None]) for x in (a, b))
    k = np.abs(b).argmax(axis=1)[:, None]
    there, back = two_product(a, np.take_along_axis(b, k, 1)), two_product(b, np.take_along_axis(a, k, 1))
    known = (np.abs(there[0]) > 1e-270) | ((a == 0) & (b == 0))
    same: Array = (known & (there[0] == back[0]) & (there[1] == back[1])).all(axis=1)
    return same
