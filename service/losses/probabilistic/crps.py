"""Continuous ranked probability scores (CRPS) of distributions, in closed form.

The score is the integral of the squared difference of the predicted distribution function F and the step at the label. Its derivative
by the label is 2 F - 1, and the second 2 f, with the density f.
"""

from __future__ import annotations

import math
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import FROM_ZERO, CountLabel, PositiveReal, Real, RealLabel, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import log1pexp_small, sigmoid, times
from service.losses.numerics.special import lgamma_increment
from service.losses.probabilistic._shared import EXAMPLE, SCALES, Scale
from service.losses.registry import loss

MANY = 100.0  # degrees of freedom from which a power of the root loses digits, and beta functions are nearly equal
Successes = Annotated[Array, TensorSpec("n ...", kind="integer", domain=FROM_ZERO, description="true counts")]


def _location_and_scale(error: Array, scale: Array, balance: Array, rest: Array, density: Array) -> Evaluation:
    """Build the Evaluation of a distribution at error / scale. balance: 1 - 2 F of minus the error. rest: the score over the scale minus z balance. density: twice f."""
    z = error / scale
    return elementwise(
        error * balance + scale * rest,
        {"predictions": lambda c: c * balance, "labels": lambda c: -c * balance, "scale": lambda c: c * rest},
        {
            "predictions": lambda c: c * (density / scale),
            "labels": lambda c: c * (density / scale),
            "scale": lambda c: c * (times(density, z * z) / scale),
        },
    )


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def crps(predictions: Real, labels: RealLabel, scale: Scale) -> Evaluation:
    r"""Continuous ranked probability score of a normal distribution, in the units of the label.

    Use: Probabilistic forecasting by a normal distribution, as in weather and energy.
    Search: probabilistic_forecasting
    Formula: \ell = \sigma \left( \omega (2 \Phi(\omega) - 1) + 2 \varphi(\omega) - \frac{1}{\sqrt{\pi}} \right), \quad \omega = \frac{t - \mu}{\sigma}
    Where: t `labels`
    predictions: mu, the means.
    scale: sigma, the standard deviations.
    Synonyms: continuous_ranked_probability_score, crps_gaussian, crps_normal
    Reference: Gneiting and Raftery, Strictly Proper Scoring Rules, Prediction, and Estimation, 2007, equation 21
    """
    from scipy.special import erf

    error = predictions - labels
    z = error / scale
    density = math.sqrt(2.0 / math.pi) * np.exp((-0.5 * z) * z)
    return _location_and_scale(error, scale, erf(z * math.sqrt(0.5)), density - 1.0 / math.sqrt(math.pi), density)


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def crps_logistic(predictions: Real, labels: RealLabel, scale: Scale) -> Evaluation:
    r"""Continuous ranked probability score of a logistic distribution, in the units of the label.

    Use: Probabilistic forecasting by a logistic distribution, whose tails are heavier than those of a normal one.
    Search: probabilistic_forecasting
    Formula: \ell = s \left( z - 2 \log F(z) - 1 \right), \quad z = \frac{t - x}{s}, \; F = \frac{1}{1 + e^{-z}}
    Where: x `predictions`; t `labels`; s `scale`
    scale: s; the standard deviation is pi s / sqrt 3.
    Synonyms: crps_logis
    Reference: Jordan, Krüger and Lerch, Evaluating Probabilistic Forecasts with scoringRules, 2019, Journal of Statistical Software 90, appendix A; scoringrules.crps_logistic
    """
    error = predictions - labels
    z = error / scale
    size = np.abs(z)
    rest = 2.0 * (times(sigmoid(-size), size) + log1pexp_small(z)) - 1.0
    return _location_and_scale(error, scale, np.tanh(0.5 * z), rest, 2.0 * sigmoid(z) * sigmoid(-z))


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def crps_laplace(predictions: Real, labels: RealLabel, scale: Scale) -> Evaluation:
    r"""Continuous ranked probability score of a Laplace distribution, in the units of the label.

    Use: Probabilistic forecasting by a Laplace distribution, with outliers.
    Search: probabilistic_forecasting
    Formula: \ell = |x - t| + b \left( e^{-|x - t| / b} - \frac{3}{4} \right)
    Where: x `predictions`; t `labels`; b `scale`
    scale: b, the mean absolute deviation.
    Synonyms: laplace_crps
    Reference: Jordan, Krüger and Lerch, Evaluating Probabilistic Forecasts with scoringRules, 2019, Journal of Statistical Software 90, appendix A; scoringrules.crps_laplace
    """
    error = predictions - labels
    size = np.abs(error / scale)
    tail = np.exp(-size)
    return _location_and_scale(error, scale, -np.sign(error) * np.expm1(-size), tail + times(tail, size) - 0.75, tail)


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def crps_student_t(
    predictions: Real, labels: RealLabel, scale: Scale, *, degrees_of_freedom: Annotated[float, annotated_types.Gt(1)] = 3.0
) -> Evaluation:
    r"""Continuous ranked probability score of Student's t distribution, in the units of the label.

    Use: Probabilistic forecasting with heavy tails.
    Search: probabilistic_forecasting
    Formula: \ell = s \left( z (2 F_\nu(z) - 1) + 2 f_\nu(z) \frac{\nu + z^2}{\nu - 1} - \frac{2 \sqrt{\nu}}{\nu - 1} \frac{B(\frac{1}{2}, \nu - \frac{1}{2})}{B(\frac{1}{2}, \frac{\nu}{2})^2} \right), \quad z = \frac{t - x}{s}
    Where: x `predictions`; t `labels`; s `scale`; F, f the distribution function and density
    scale: s, the scale of the errors.
    degrees_of_freedom: nu, above 1, where the score is infinite; smaller values give heavier tails. Digits are lost near 1.
    Synonyms: crps_t
    Reference: Jordan, Krüger and Lerch, Evaluating Probabilistic Forecasts with scoringRules, 2019, Journal of Statistical Software 90, appendix A; scoringrules.crps_t
    """
    from scipy.special import beta, betainc

    error, nu = predictions - labels, degrees_of_freedom
    z = error / scale
    u = z / math.sqrt(nu)
    root, near = np.hypot(u, 1.0), np.abs(u) < 1.0
    if nu < MANY:
        peak = 1.0 / (float(beta(0.5, 0.5 * nu)) * math.sqrt(nu))  # of the density
        least = (math.gamma(nu - 0.5) / math.gamma(0.5 * nu)) * (math.gamma(0.5 * nu + 0.5) / math.gamma(nu))
    else:
        ends = lgamma_increment(np.array([0.5 * nu, nu - 0.5]), np.full(2, 0.5))
        peak = math.exp(ends[0]) / math.sqrt(2.0 * math.pi)
        least = math.sqrt(0.5 * nu / (nu - 0.5)) * math.exp(ends[0] - ends[1])

    def falling(power: float) -> Array:
        """Return (1 + z^2 / nu)^(-power / 2)."""
        return root**-power if nu < MANY else np.where(near, np.exp(-0.5 * power * np.log1p(u * u)), root**-power)

    within = np.where(near, betainc(0.5, 0.5 * nu, (u / root) ** 2), 1.0 - betainc(0.5 * nu, 0.5, root**-2.0))
    linear = np.abs(u) < math.sqrt(np.finfo(z.dtype).eps / nu)  # there the square of u may be out of range
    balance = np.where(linear, 2.0 * peak * z, np.sign(z) * within).astype(z.dtype, copy=False)
    rest = (2.0 * nu / (nu - 1.0) * peak) * (falling(nu - 1.0) - least)
    return _location_and_scale(error, scale, balance, rest.astype(z.dtype, copy=False), (2.0 * peak) * falling(nu + 1.0).astype(z.dtype, copy=False))


@loss(example=EXAMPLE, hessian_diagonal=True)
def crps_exponential(predictions: PositiveReal, labels: CountLabel) -> Evaluation:
    r"""Continuous ranked probability score of an exponential distribution with predicted rate, in the units of the label.

    Use: Probabilistic forecasting of waiting times and amounts of rain.
    Search: probabilistic_forecasting
    Formula: \ell = t - \frac{2 (1 - e^{-x t})}{x} + \frac{1}{2 x}
    Where: x `predictions`; t `labels`
    predictions: x, the rates, above 0.
    labels: t, times, at least 0.
    Synonyms: crps_exp
    Reference: Jordan, Krüger and Lerch, Evaluating Probabilistic Forecasts with scoringRules, 2019, Journal of Statistical Software 90, appendix A; scoringrules.crps_exponential
    """
    x, t = predictions, labels
    y = x * t
    tail, fall = np.exp(-y), np.expm1(-y)
    return elementwise(
        t + (2.0 * fall + 0.5) / x,
        {
            "predictions": lambda c: c * ((1.5 - 2.0 * (tail + times(tail, y))) / x / x),
            "labels": lambda c: -c * (1.0 + 2.0 * fall),
        },
        {
            "predictions": lambda c: c * ((4.0 * (tail + times(tail, y)) + 2.0 * times(tail, y * y) - 3.0) / x / x / x),
            "labels": lambda c: (2.0 * c) * (x * tail),
        },
    )
