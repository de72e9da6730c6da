"""Likelihoods of continuous distributions.

The loss is the negative logarithm of the density (or probability) of the label, in nats. Parameters are named as in
torch.distributions.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from service.losses.declaration import FROM_ZERO, Bound, Fraction, NonNegative, Positive, Real, RealLabel, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.double_double import two_sum
from service.losses.numerics.elementary import LN2, log1pexp_small, per_sample_size, sigmoid, times
from service.losses.numerics.special import HALF_LOG_TWO_PI, lgamma_increment
from service.losses.probabilistic._shared import EXAMPLE, SCALES, Concentration, Scale
from service.losses.registry import loss

Variance = Annotated[Array, TensorSpec("n ...", domain=FROM_ZERO, gradient="default", description="predicted variances, clipped from below at eps")]
ROOT = (6.550824332608664, -2.1842715115970634e-16)  # of log(2 pi I0(k) e^-k), in two parts
ABOUT_ROOT = (
    -0.07985259925900008,
    0.006432959642550898,
    -0.0006998482614253326,
    8.711540542835686e-05,
    -1.1773699257662887e-05,
    1.6749375614052521e-06,
    -2.4344913490264834e-07,
    3.502338482156852e-08,
    -4.82955947518586e-09,
    6.173231835219297e-10,
    -6.998804488434852e-11,
    6.434064391169585e-12,
    -3.3297234191021737e-13,
    -3.537929872733259e-14,
    1.5123392399515334e-14,
)  # Taylor coefficients there, from the first power on (mpmath.taylor)
RULE = 40  # intervals of the trapezoid rule over half a turn


@loss(example=EXAMPLE | {"variance": [1.0, 0.25, 2.0]}, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def gaussian_nll(predictions: Real, labels: RealLabel, variance: Variance, *, full: bool = False, eps: NonNegative = 1e-6) -> Evaluation:
    r"""Negative log-likelihood of a normal distribution with predicted mean and variance.

    The variance is clipped from below at eps, which is not added. As in torch, the gradient is that at the clipped variance, and the clipping is ignored in the chain rule.

    Use: Probabilistic regression with uncertainty: heteroscedastic, with a predicted mean and variance.
    Search: uncertainty, probabilistic_regression
    Formula: \ell = \frac{1}{2} \left( \log v + \frac{(x - t)^2}{v} \right) + [\mathrm{full}] \frac{\log 2\pi}{2}, \quad v = \max(\mathrm{variance}, \epsilon)
    Where: x `predictions`; t `labels`
    full: add the constant log(2 pi) / 2.
    eps: lower bound of the variance.
    Synonyms: GaussianNLLLoss, gaussian_nll_loss, normal_nll, heteroscedastic, RMSEWithUncertainty
    Equivalents: torch.nn.GaussianNLLLoss, torch.nn.functional.gaussian_nll_loss
    Reference: Nix and Weigend, Estimating the mean and variance of the target probability distribution, 1994
    """
    return _gaussian(predictions - labels, np.maximum(variance, eps), 0.0, HALF_LOG_TWO_PI if full else 0.0)


@loss(example=EXAMPLE | {"variance": [1.0, 0.25, 2.0]}, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def beta_nll(predictions: Real, labels: RealLabel, variance: Variance, *, beta: Fraction = 0.5, eps: NonNegative = 1e-6) -> Evaluation:
    r"""Gaussian negative log-likelihood times a power of the variance that is constant in the gradient, so that points of large variance are fitted too.

    beta 0 gives gaussian_nll; with beta 1 the gradient of the mean is that of half_squared_error.

    Use: Probabilistic regression with uncertainty: heteroscedastic, more stable than the plain likelihood.
    Formula: \ell = \lfloor v^\beta \rfloor \, \frac{1}{2} \left( \log v + \frac{(x - t)^2}{v} \right), \quad v = \max(\mathrm{variance}, \epsilon)
    Where: x `predictions`; t `labels`
    beta: exponent of the variance.
    eps: lower bound of the variance.
    Synonyms: BetaNLL, beta_gaussian_nll
    Reference: Seitzer et al., On the Pitfalls of Heteroscedastic Uncertainty Estimation with Probabilistic Neural Networks, 2022, arXiv:2203.09168, equation 5
    """
    return _gaussian(predictions - labels, np.maximum(variance, eps), beta, 0.0)


def _gaussian(error: Array, v: Array, beta: float, constant: float) -> Evaluation:
    root = np.sqrt(v)
    z = error / root
    weight = v**beta if beta else None
    return elementwise(
        0.5 * (np.log(v) + z * z) + constant,
        {
            "predictions": lambda c: c * (z / root),
            "labels": lambda c: -c * (z / root),
            "variance": lambda c: c * (0.5 * (1.0 - z) * (1.0 + z) / v),
        },
        {
            "predictions": lambda c: c / v,
            "labels": lambda c: c / v,
            "variance": lambda c: c * ((z * z - 0.5) / v / v),
        },
        weight=weight,
        divisor=per_sample_size(error),
    )


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def laplace_nll(predictions: Real, labels: RealLabel, scale: Scale) -> Evaluation:
    r"""Negative log-likelihood of a Laplace distribution. The gradient at an error of 0 is 0.

    Use: Probabilistic regression with uncertainty and outliers, such as trajectories and optical flow.
    Formula: \ell = \log 2b + \frac{|x - t|}{b}
    Where: x `predictions`; t `labels`; b `scale`
    scale: b, the mean absolute deviation.
    Synonyms: laplace_nll_loss, LaplaceNLL
    Reference: Laplace, Mémoire sur la probabilité des causes par les évènemens, 1774
    """
    error, b = predictions - labels, scale
    z = np.abs(error) / b
    sign = np.sign(error)
    return elementwise(
        LN2 + np.log(b) + z,
        {"predictions": lambda c: c * (sign / b), "labels": lambda c: -c * (sign / b), "scale": lambda c: c * ((1.0 - z) / b)},
        {
            "predictions": lambda c: np.zeros_like(c * error),
            "labels": lambda c: np.zeros_like(c * error),
            "scale": lambda c: c * ((2.0 * z - 1.0) / b / b),
        },
    )


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def logistic_nll(predictions: Real, labels: RealLabel, scale: Scale) -> Evaluation:
    r"""Negative log-likelihood of a logistic distribution: like the normal distribution near its mean, like Laplace's for large errors.

    Use: Probabilistic regression with uncertainty and moderate outliers.
    Formula: \ell = \log s + z + 2 \log\left(1 + e^{-z}\right), \quad z = \frac{t - x}{s}
    Where: x `predictions`; t `labels`; s `scale`
    scale: s; the standard deviation is pi s / sqrt 3.
    Synonyms: logistic_distribution_nll, LogisticNLL
    Reference: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1995, chapter 23
    """
    error, s = predictions - labels, scale
    z = error / s
    size = np.abs(z)
    slope = np.tanh(0.5 * z)

    def curvature() -> Array:
        return 2.0 * sigmoid(z) * sigmoid(-z) / s / s

    return elementwise(
        np.log(s) + (size + 2.0 * log1pexp_small(z)),
        {
            "predictions": lambda c: c * (slope / s),
            "labels": lambda c: -c * (slope / s),
            "scale": lambda c: c * ((1.0 - z * slope) / s),
        },
        {
            "predictions": lambda c: c * curvature(),
            "labels": lambda c: c * curvature(),
            "scale": lambda c: c * ((2.0 * z * slope + 2.0 * times(sigmoid(z) * sigmoid(-z), z * z) - 1.0) / s / s),
        },
    )


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def student_t_nll(predictions: Real, labels: RealLabel, scale: Scale, *, degrees_of_freedom: Positive = 3.0) -> Evaluation:
    r"""Negative log-likelihood of Student's t distribution with predicted location and scale; outliers have little influence.

    Use: Probabilistic regression and forecasting with uncertainty and heavy tails.
    Formula: \ell = \log\Gamma\left(\tfrac{\nu}{2}\right) - \log\Gamma\left(\tfrac{\nu + 1}{2}\right) + \tfrac{1}{2}\log(\nu\pi) + \log s + \frac{\nu + 1}{2} \log\left(1 + \frac{(x - t)^2}{\nu s^2}\right)
    Where: x `predictions`; t `labels`
    scale: s, the scale of the errors.
    degrees_of_freedom: nu; smaller values give heavier tails.
    Synonyms: StudentT, t_nll, student_t
    Reference: Lange, Little and Taylor, Robust Statistical Modeling Using the t Distribution, 1989
    """
    error, nu = predictions - labels, degrees_of_freedom
    constant = HALF_LOG_TWO_PI - float(lgamma_increment(np.array([nu / 2.0]), np.array([0.5]))[0])
    z = error / scale
    far = float(np.finfo(z.dtype).max) ** 0.25
    y = np.clip(z, -far, far)  # beyond it all but the logarithm has reached its limit
    square = y * y
    log_far = 2.0 * (np.log(np.abs(error)) - np.log(scale)) - math.log(nu)
    growth = np.where(np.abs(z) < far, np.log1p(square / nu), log_far).astype(z.dtype, copy=False)
    total = nu + square
    bend = (nu + 1.0) * (square / total)

    def slope() -> Array:
        return (nu + 1.0) / (nu * (scale / z) + error)

    def curvature() -> Array:
        return (nu + 1.0) * ((nu - square) / total / total) / scale / scale

    return elementwise(
        constant + np.log(scale) + 0.5 * (nu + 1.0) * growth,
        {
            "predictions": lambda c: c * slope(),
            "labels": lambda c: -c * slope(),
            "scale": lambda c: c * (nu * ((1.0 - y) * (1.0 + y) / total) / scale),
        },
        {
            "predictions": lambda c: c * curvature(),
            "labels": lambda c: c * curvature(),
            "scale": lambda c: c * ((bend * ((3.0 * nu + square) / total) - 1.0) / scale / scale),
        },
    )


@loss(
    example=EXAMPLE | {"concentration": [1.0, 4.0, 0.5]},
    hessian_diagonal=True,
    bound=Bound(
        1e-13,
        1e-12,
        "a logarithm below 0 and a term of the angle, each rounded, cancel where the density is 1; the slope of the concentration likewise",
    ),
)
def von_mises_nll(predictions: Real, labels: RealLabel, concentration: Concentration) -> Evaluation:
    r"""Negative log-likelihood of a von Mises distribution, the analogue of the normal distribution for angles in radians.

    Use: Regression of angles and directions, such as orientation and wind.
    Formula: \ell = \log\left(2 \pi I_0(\kappa)\right) - \kappa \cos(x - t)
    Where: x `predictions`; t `labels`
    concentration: kappa, approximately the inverse of the variance.
    Synonyms: VonMises, von_mises
    Reference: Mardia and Jupp, Directional Statistics, 2000, section 3.5.4
    """
    k = concentration
    sine, cosine = _half_turn(predictions, labels)
    return elementwise(
        _log_normalizer(k) + 2.0 * k * (sine * sine),
        {
            "predictions": lambda c: c * (k * (2.0 * sine * cosine)),
            "labels": lambda c: -c * (k * (2.0 * sine * cosine)),
            "concentration": lambda c: c * (2.0 * (sine * sine) - _resultant_complement(k)[0]),
        },
        {
            "predictions": lambda c: c * (k * ((cosine - sine) * (cosine + sine))),
            "labels": lambda c: c * (k * ((cosine - sine) * (cosine + sine))),
            "concentration": lambda c: c * _resultant_complement(k)[1],
        },
    )


def _half_turn(x: Array, t: Array) -> tuple[Array, Array]:
    """Return sine and cosine of (x - t) / 2, corrected for the rounding of the difference, which is many turns for a huge angle."""
    error, lost = two_sum(x, -t)
    (sine, cosine), (low_sine, low_cosine) = ((np.sin(0.5 * part), np.cos(0.5 * part)) for part in (error, lost))
    return sine * low_cosine + cosine * low_sine, cosine * low_cosine - sine * low_sine


def _log_normalizer(k: Array) -> Array:
    """Return the logarithm of 2 pi I0(k) e^-k, by a Taylor series near its root, so that it is accurate near 0."""
    from scipy.special import i0e

    gap = (k.astype(np.float64, copy=False) - ROOT[0]) - ROOT[1]
    series = np.zeros_like(gap)
    for coefficient in reversed(ABOUT_ROOT):
        series = (series + coefficient) * gap
    return np.where(np.abs(gap) < 0.5, series, 2.0 * HALF_LOG_TWO_PI + np.log(i0e(k))).astype(k.dtype, copy=False)


def _resultant_complement(k: Array) -> tuple[Array, Array]:
    """Return 1 - I1(k) / I0(k), the mean of 1 - cos of an angle, and minus its derivative, the variance.

    Up to k = 40 by the trapezoid rule over the density, which is accurate to the last bits for periodic functions and has no negative terms; beyond
    by the asymptotic series, whose terms a Riccati equation gives.
    """
    terms = [1.0]
    for n in range(1, 14):
        terms.append(((n - 2) * terms[n - 1] - sum(terms[i] * terms[n - i] for i in range(1, n))) / 2.0)
    far = np.maximum(k, 40.0)
    series = -sum(term / far**n for n, term in enumerate(terms) if n)
    slope = -sum(n * term / far ** (n + 1) for n, term in enumerate(terms) if n)
    moments = [np.zeros_like(k) for _ in range(3)]
    for j in range(RULE + 1):
        gap = 2.0 * math.sin(0.5 * math.pi * j / RULE) ** 2
        density = (0.5 if j in (0, RULE) else 1.0) * np.exp(-gap * np.minimum(k, 40.0))
        moments = [moment + gap**power * density for power, moment in enumerate(moments)]
    mean = moments[1] / moments[0]
    near = k < 40.0
    return (
        np.where(near, mean, series).astype(k.dtype, copy=False),
        np.where(near, moments[2] / moments[0] - mean * mean, slope).astype(k.dtype, copy=False),
    )
