"""Continuous ranked probability scores (CRPS) of distributions, in closed form.

The score is the integral of the squared difference of the predicted distribution function F and the step at the label. Its derivative
by the label is 2 F - 1, and the second 2 f, with the density f.
"""

from __future__ import annotations

import math
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import FROM_ZERO, Bound, CountLabel, PositiveLabel, PositiveReal, Real, RealLabel, TensorSpec, Work
from service.losses.evaluation import Evaluation, elementwise, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import log1pexp_small, sigmoid, times
from service.losses.numerics.special import lgamma_increment, relative_entropy, stirling
from service.losses.probabilistic._shared import EXAMPLE, SCALES, Scale
from service.losses.registry import loss

MANY = 100.0  # degrees of freedom from which a power of the root loses digits, and beta functions are nearly equal
WholeCount = Annotated[Array, TensorSpec("n ...", kind="integer", domain=FROM_ZERO, description="true counts")]
LogMean = Annotated[Array, TensorSpec("n ...", gradient="default", description="means of the logarithm")]
ORDER = 20  # terms of series in numbers below 1


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


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True, work=Work("500 n ..."))
def crps_student_t(
    predictions: Real, labels: RealLabel, scale: Scale, *, degrees_of_freedom: Annotated[float, annotated_types.Gt(1)] = 3.0
) -> Evaluation:
    r"""Continuous ranked probability score of Student's t distribution, in the units of the label.

    Use: Probabilistic forecasting with heavy tails.
    Formula: \ell = s \left( z (2 F_\nu(z) - 1) + 2 f_\nu(z) \frac{\nu + z^2}{\nu - 1} - \frac{2 \sqrt{\nu}}{\nu - 1} \frac{B(\frac{1}{2}, \nu - \frac{1}{2})}{B(\frac{1}{2}, \frac{\nu}{2})^2} \right), \quad z = \frac{t - x}{s}
    Where: x `predictions`; t `labels`; s `scale`; F the distribution function; f the density
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


@loss(
    example=EXAMPLE | SCALES,
    bound=Bound(1e-12, 1e-11, "exponentials of means and squared scales, whose rounding they multiply, partly cancel"),
    work=Work("600 n ...", "200 n ..."),
)
@in_float64
def crps_lognormal(predictions: LogMean, labels: PositiveLabel, scale: Scale) -> Evaluation:
    r"""Continuous ranked probability score of a log-normal distribution, in the units of the label.

    Use: Probabilistic forecasting of positive, skewed amounts, such as stream flow, wind power and claims.
    Formula: \ell = t (2 \Phi(\omega) - 1) - 2 e^{\mu + \sigma^2 / 2} \left( \Phi(\omega - \sigma) + \Phi\left(\tfrac{\sigma}{\sqrt 2}\right) - 1 \right), \quad \omega = \frac{\log t - \mu}{\sigma}
    Where: t `labels`
    predictions: mu, the means of the logarithm.
    scale: sigma, the standard deviations of the logarithm.
    Synonyms: crps_lnorm
    Reference: Baran and Lerch, Log-normal distribution based EMOS models for probabilistic wind speed forecasting, 2015, arXiv:1407.3252; scoringrules.crps_lognormal
    """
    from scipy.special import erf

    mu, t, s = predictions, labels, scale
    w = (np.log(t) - mu) / s
    balance, mean_slope = erf(w * math.sqrt(0.5)), _lognormal_mean_slope(mu, t, w, s)
    series = np.exp(mu) * _lognormal_series(w, s)
    density = math.sqrt(2.0 / math.pi) * t * np.exp(-0.5 * w * w)
    return elementwise(
        np.where((s < 0.5) & (np.abs(s * w) < 0.5), series, t * balance + mean_slope),
        {
            "predictions": lambda c: c * mean_slope,
            "labels": lambda c: c * balance,
            "scale": lambda c: c * (density + s * mean_slope - np.exp(mu + 0.25 * s * s) / math.sqrt(math.pi)),
        },
    )


def _lognormal_mean_slope(mu: Array, t: Array, w: Array, s: Array) -> Array:
    """Return the derivative by mu: 2 e^(mu + s^2 / 2) (Phi(-s / sqrt 2) - Phi(w - s))."""
    from scipy.special import erf, erfcx

    gap = (s - w) * math.sqrt(0.5)
    first, second = np.exp(mu + 0.25 * s * s) * erfcx(0.5 * s), t * np.exp(-0.5 * w * w) * erfcx(np.abs(gap))
    whole = np.where(gap > 0, first - second, first + second - 2.0 * np.exp(mu + 0.5 * s * s))
    return np.where(s < 1.0, np.exp(mu + 0.5 * s * s) * (erf(gap) - erf(0.5 * s)), whole)


def _lognormal_series(w: Array, s: Array) -> Array:
    """Return the score over e^mu for s < 1/2, of which the terms without s cancel.

    It is e^(s w) (2 Phi(w) - 1) + e^(s^2 / 2) erfc(s / 2) - 2 times the integral of e^(s v) up to w under the normal density.
    """
    from scipy.special import erf, ndtr

    within = np.clip(w, -40.0, 40.0)  # beyond, the density is 0
    density = np.exp(-0.5 * within * within) / math.sqrt(2.0 * math.pi)
    moments, factor, power = [ndtr(within), -density], s, np.ones_like(w)
    integral = -s * density
    for k in range(2, ORDER):
        power, factor = power * within, factor * s / k
        moments.append((k - 1.0) * moments[k - 2] - power * density)
        integral = integral + factor * moments[k]
    constant = np.expm1(0.5 * s * s) - np.exp(0.5 * s * s) * erf(0.5 * s)
    return np.expm1(s * w) * erf(w * math.sqrt(0.5)) + (constant - 2.0 * integral)


@loss(
    example=EXAMPLE | {"labels": [1, 2, 0]},
    hessian_diagonal=True,
    bound=Bound(1e-12, 1e-12, "distribution functions of a library, and differences of Bessel functions"),
    work=Work("600 n ...", "128 n ..."),
)
def crps_poisson(predictions: PositiveReal, labels: WholeCount) -> Evaluation:
    r"""Continuous ranked probability score of a Poisson distribution with predicted mean, in counts.

    It is the sum over k of (F(k) - [t <= k])^2, the ranked probability score of counts.

    Use: Probabilistic forecasting of counts, such as demand, cases and goals.
    Formula: \ell = (t - \lambda)(2 F(t) - 1) + 2 \lambda f(t) - \lambda e^{-2 \lambda} \left( I_0(2 \lambda) + I_1(2 \lambda) \right)
    Where: t `labels`; F the distribution function; f the probabilities
    predictions: lambda, the means, above 0.
    Synonyms: crps_pois
    Reference: Wei and Held, Calibration tests for count data, 2014, Test 23; scoringrules.crps_poisson
    """
    from scipy.special import gammaincc, i0e, i1e

    mean, t = predictions, labels.astype(predictions.dtype)
    some = np.maximum(t, 1.0)
    f = np.exp(-relative_entropy(some, mean) - stirling(some)) / np.sqrt(2.0 * math.pi * some)
    below = np.where(t == 0, 0.0, gammaincc(some, mean)).astype(mean.dtype, copy=False)
    zero, bessel = t == 0, i0e(2.0 * mean)
    near = 4.0 * np.minimum(mean, 0.25)
    least = np.where(mean < 0.25, _kummer_complement(near, 2.0), 1.0 - (bessel + i1e(2.0 * mean)))
    first = np.where(mean < 0.25, _kummer_complement(near, 1.0), 1.0 - bessel)
    whole = (t - mean) * (2.0 * (below + f) - 1.0) + 2.0 * mean * f - mean * (1.0 - least)
    before = np.where(zero, 0.0, f * (some / mean))
    return elementwise(
        np.where(zero, mean * least, whole).astype(mean.dtype, copy=False),
        {"predictions": lambda c: c * (first - 2.0 * below).astype(mean.dtype, copy=False)},
        {"predictions": lambda c: c * (2.0 * (before + bessel - i1e(2.0 * mean))).astype(mean.dtype, copy=False)},
    )


def _kummer_complement(x: Array, b: float) -> Array:
    """Return 1 - 1F1(1/2; b; -x) for 0 <= x <= 1: 1 - e^(-x / 2) I0(x / 2) for b 1, with I0 + I1 for b 2."""
    term, total = np.ones_like(x), np.zeros_like(x)
    for n in range(ORDER):
        term = term * (-x * ((0.5 + n) / ((b + n) * (n + 1.0))))
        total = total - term
    return total
