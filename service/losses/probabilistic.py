"""Likelihoods: a distribution is predicted, a number observed.

A likelihood is the negative logarithm of the density (or probability) of the label, in nats; names of parameters as in
torch.distributions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.core import (
    Bound,
    Evaluation,
    Fraction,
    NonNegative,
    Positive,
    Real,
    RealLabel,
    loss,
)
from service.losses.numerics import LN2, elementwise, per_sample_size, times
from service.losses.special import (
    HALF_LOG_TWO_PI,
    digamma_increment,
    digamma_less_log,
    lgamma_increment,
    log_ratio,
    relative_entropy,
    relative_entropy_of_log,
    stirling,
    times_exp,
    x_minus_log1p,
    x_minus_log1p_per_square,
)
from service.losses.tensors import Array, Domain, Tensor
from service.losses.twofold import two_sum

ABOVE_ZERO = Domain(low=0, low_open=True)
FROM_ZERO = Domain(low=0)
Variance = Annotated[
    Array, Tensor("n ...", domain=FROM_ZERO, gradient="default", description="predicted variances, raised to eps where they are below it")
]
Scale = Annotated[Array, Tensor("n ...", domain=ABOVE_ZERO, gradient="default", description="predicted scales, above 0")]
Concentration = Annotated[Array, Tensor("n ...", domain=ABOVE_ZERO, gradient="default", description="predicted concentrations, above 0")]
Dispersion = Annotated[
    Array, Tensor("n ...", domain=ABOVE_ZERO, gradient="default", description="predicted dispersions: the variance is mean + dispersion mean^2")
]
PositiveReal = Annotated[Array, Tensor("n ...", domain=ABOVE_ZERO, gradient="default", description="estimates, above 0")]
PositiveLabel = Annotated[Array, Tensor("n ...", domain=ABOVE_ZERO, gradient="on request", description="true values, above 0")]
CountLabel = Annotated[Array, Tensor("n ...", domain=FROM_ZERO, gradient="on request", description="true counts, or any numbers from 0 on")]
Rate = Annotated[
    Array,
    Tensor("n ...", narrowed=(("log_input", False, FROM_ZERO),), gradient="default", description="logarithms of rates, or rates (log_input false)"),
]
LogMean = Annotated[Array, Tensor("n ...", gradient="default", description="logarithms of means")]
EXAMPLE = {"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 2.0, 0.4]}
SCALES = {"scale": [1.0, 0.5, 2.0]}
RULE = 40  # intervals of the trapezoid rule over half a turn
PoissonFactorial = Literal["stirling", "exact"]

# ------------------------------------------------------------------ real numbers


@loss(example=EXAMPLE | {"variance": [1.0, 0.25, 2.0]}, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def gaussian_nll(predictions: Real, labels: RealLabel, variance: Variance, *, full: bool = False, eps: NonNegative = 1e-6) -> Evaluation:
    r"""Negative log-likelihood of a normal distribution of predicted mean and variance.

    The variance is raised to eps, not increased by it; the gradient is that at the raised variance and passes as if nothing had been raised (torch).

    Formula: \ell = \frac{1}{2} \left( \log v + \frac{(x - t)^2}{v} \right) + [\mathrm{full}] \frac{\log 2\pi}{2}, \quad v = \max(\mathrm{variance}, \epsilon)
    full: add the constant half log 2 pi.
    eps: the least variance.
    Synonyms: GaussianNLLLoss, gaussian_nll_loss, normal_nll, heteroscedastic, RMSEWithUncertainty
    Reference: Nix and Weigend, Estimating the mean and variance of the target probability distribution, 1994
    """
    return _gaussian(predictions - labels, np.maximum(variance, eps), 0.0, HALF_LOG_TWO_PI if full else 0.0)


@loss(example=EXAMPLE | {"variance": [1.0, 0.25, 2.0]}, hessian_diagonal=True, conventions=("gradients", "hessian_diagonal"))
def beta_nll(predictions: Real, labels: RealLabel, variance: Variance, *, beta: Fraction = 0.5, eps: NonNegative = 1e-6) -> Evaluation:
    r"""gaussian_nll times a power of the variance that counts as a constant in the gradient, so that points of large variance are fitted too.

    beta 0 is gaussian_nll; beta 1 gives the mean the gradient of half_squared_error.

    Formula: \ell = \lfloor v^\beta \rfloor \, \frac{1}{2} \left( \log v + \frac{(x - t)^2}{v} \right), \quad v = \max(\mathrm{variance}, \epsilon)
    beta: exponent of the variance.
    eps: the least variance.
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
    r"""Negative log-likelihood of a Laplace distribution; the gradient at a tie is 0.

    Formula: \ell = \log 2b + \frac{|x - t|}{b}
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
def student_t_nll(predictions: Real, labels: RealLabel, scale: Scale, *, degrees_of_freedom: Positive = 3.0) -> Evaluation:
    r"""Negative log-likelihood of Student's t distribution of predicted location and scale: outliers count for little.

    Formula: \ell = \log\Gamma\left(\tfrac{\nu}{2}\right) - \log\Gamma\left(\tfrac{\nu + 1}{2}\right) + \tfrac{1}{2}\log(\nu\pi) + \log s + \frac{\nu + 1}{2} \log\left(1 + \frac{(x - t)^2}{\nu s^2}\right)
    scale: s, the scale of the errors.
    degrees_of_freedom: nu; the smaller, the heavier the tails.
    Synonyms: StudentT, t_nll, student_t
    Reference: Lange, Little and Taylor, Robust Statistical Modeling Using the t Distribution, 1989
    """
    error, nu = predictions - labels, degrees_of_freedom
    constant = HALF_LOG_TWO_PI - float(lgamma_increment(np.array([nu / 2.0]), np.array([0.5]))[0])
    z = error / scale
    far = float(np.finfo(z.dtype).max) ** 0.25
    y = np.clip(z, -far, far)  # where all but the logarithm has reached its limit
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
    bound=Bound(1e-13, 1e-12, "the logarithm of 2 pi I0 crosses zero at a concentration of 54, where its digits are lost, and the gradient likewise"),
)
def von_mises_nll(predictions: Real, labels: RealLabel, concentration: Concentration) -> Evaluation:
    r"""Negative log-likelihood of a von Mises distribution: the normal distribution of angles, in radians.

    Formula: \ell = \log\left(2 \pi I_0(\kappa)\right) - \kappa \cos(x - t)
    concentration: kappa, about one over the variance.
    Synonyms: VonMises, von_mises
    Reference: Mardia and Jupp, Directional Statistics, 2000, section 3.5.4
    """
    from scipy.special import i0e

    k = concentration
    sine, cosine = _half_turn(predictions, labels)
    return elementwise(
        (2.0 * HALF_LOG_TWO_PI + np.log(i0e(k))) + 2.0 * k * (sine * sine),
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
    """Sine and cosine of (x - t) / 2, with what the difference loses to rounding: many turns, if one angle is huge."""
    error, lost = two_sum(x, -t)
    (sine, cosine), (low_sine, low_cosine) = ((np.sin(0.5 * part), np.cos(0.5 * part)) for part in (error, lost))
    return sine * low_cosine + cosine * low_sine, cosine * low_cosine - sine * low_sine


def _resultant_complement(k: Array) -> tuple[Array, Array]:
    """1 - I1(k) / I0(k), the mean of 1 - cos of an angle, and less its derivative: the variance of that.

    Up to k = 40 by the trapezoid rule over the density, exact to the last bits for periodic functions and without negative terms; beyond
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


# ------------------------------------------------------------------ counts


@loss(example=EXAMPLE | {"labels": [1, 2, 0]}, hessian_diagonal=True)
def poisson_nll(
    predictions: Rate,
    labels: CountLabel,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: NonNegative = 1e-8,
    factorial: PoissonFactorial = "stirling",
) -> Evaluation:
    r"""Negative log-likelihood of a Poisson distribution; log(t!) is left out by default.

    Formula: \ell = e^x - t x \text{ (log input)}, \text{ or } x - t \log(x + \epsilon); \quad + [\mathrm{full}] \log t!
    log_input: whether predictions are logarithms of rates; without it they are rates. keras' Poisson is log_input false with eps 1e-7.
    full: add log(t!).
    eps: added to a rate in its logarithm; unused with log_input.
    factorial: what full adds. stirling: t log t - t + log(2 pi t) / 2 where t > 1 and nothing elsewhere, as torch does (4 % off at t = 2); exact: log Gamma(t + 1).
    Synonyms: PoissonNLLLoss, poisson_nll_loss, Poisson, HalfPoissonLoss, log_poisson_loss
    Reference: Nelder and Wedderburn, Generalized Linear Models, 1972
    """
    x, t = predictions, labels
    rate = np.exp(x) if log_input else x + eps
    log_rate = x if log_input else np.log(rate)
    shift = 0.0 if log_input else eps
    values = (rate - times(t, log_rate)) - shift if log_input else x - times(t, log_rate)
    if full:
        values = _with_factorial(values, t, rate, x if log_input else None, shift, factorial)
    return elementwise(
        values,
        {
            "predictions": lambda c: c * (rate - t) if log_input else c * (1.0 - _over(t, rate)),
            "labels": lambda c: c * _count_slope(t, log_rate, full, factorial),
        },
        {
            "predictions": lambda c: c * rate if log_input else c * (_over(t, rate) / rate),
            "labels": lambda c: c * _count_curvature(t, full, factorial),
        },
    )


def _over(numerator: Array, denominator: Array) -> Array:
    """Numerator / denominator with 0 / 0 = 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=numerator != 0)


def _with_factorial(values: Array, t: Array, rate: Array, log_rate: Array | None, shift: float, factorial: PoissonFactorial) -> Array:
    """The values plus log(t!): for t > 1 as a relative entropy plus what Stirling's formula has beside t log t - t, so that large terms cancel first."""
    from scipy.special import gammaln

    above = t > 1
    s = np.where(above, t, 2.0).astype(t.dtype, copy=False)
    entropy = relative_entropy(s, rate) - shift if log_rate is None else relative_entropy_of_log(s, np.log(s), rate, log_rate)
    large = entropy + (0.5 * np.log(s) + HALF_LOG_TWO_PI)
    if factorial == "exact":
        return np.where(above, large + stirling(s), values + gammaln(t + 1.0)).astype(t.dtype, copy=False)
    return np.where(above, large, values).astype(t.dtype, copy=False)


def _count_slope(t: Array, log_rate: Array, full: bool, factorial: PoissonFactorial) -> Array:
    from scipy.special import psi

    if not full:
        return -log_rate
    if factorial == "exact":
        return psi(t + 1.0) - log_rate
    return np.where(t > 1, np.log(t) + 0.5 / t, 0.0).astype(t.dtype, copy=False) - log_rate


def _count_curvature(t: Array, full: bool, factorial: PoissonFactorial) -> Array:
    from scipy.special import zeta

    if not full:
        return np.zeros_like(t)
    if factorial == "exact":
        return zeta(2.0, t + 1.0)
    return np.where(t > 1, 1.0 / t - 0.5 / t / t, 0.0).astype(t.dtype, copy=False)


@loss(example=EXAMPLE | {"labels": [1, 2, 0]}, hessian_diagonal=True)
def poisson_deviance(predictions: PositiveReal, labels: CountLabel) -> Evaluation:
    r"""Twice the excess of the Poisson likelihood's negative logarithm over its least value; 0 log 0 is 0.

    Formula: D = 2 \left( t \log \frac{t}{x} - t + x \right)
    Synonyms: mean_poisson_deviance, tweedie_deviance_1
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3
    """
    x, t = predictions, labels
    return elementwise(
        2.0 * relative_entropy(t, x),
        {"predictions": lambda c: (2.0 * c) * ((x - t) / x), "labels": lambda c: (2.0 * c) * log_ratio(t, x)},
        {"predictions": lambda c: (2.0 * c) * (t / x / x), "labels": lambda c: (2.0 * c) / t},
    )


@loss(
    example=EXAMPLE | {"labels": [1, 2, 0], "dispersion": [0.5, 1.0, 2.0]},
    hessian_diagonal=True,
    bound=Bound(1e-13, 1e-12, "sums of series of the gamma function that partly cancel"),
)
def negative_binomial_nll(predictions: PositiveReal, labels: CountLabel, dispersion: Dispersion) -> Evaluation:
    r"""Negative log-likelihood of a negative binomial distribution of predicted mean and dispersion (NB2): counts that vary more than Poisson's.

    With r = 1 / dispersion it is the distribution of failures before r successes, of success probability r / (r + mean); dispersion to 0 gives Poisson.

    Formula: \ell = \log\Gamma(r) + \log\Gamma(t + 1) - \log\Gamma(t + r) + r \log\frac{r + \mu}{r} + t \log\frac{r + \mu}{\mu}, \quad r = \frac{1}{\alpha}
    predictions: mu, the means, above 0.
    dispersion: alpha; the variance is mu + alpha mu^2.
    Synonyms: NB, NB2, NegativeBinomial, negative_binomial
    Reference: Hilbe, Negative Binomial Regression, 2011, section 8.2
    """
    mu, t = predictions, labels
    alpha = np.maximum(dispersion, 4.0 * np.finfo(dispersion.dtype).tiny)  # so that 1 / alpha is in range; less makes no difference
    spread_mu, spread_t = 1.0 + alpha * mu, 1.0 + alpha * t

    def label_slope() -> Array:
        logarithm = log_ratio((t + 1.0) * (spread_mu / spread_t), mu, ((t - mu) + spread_mu) / spread_t)
        return digamma_less_log(t + 1.0) - digamma_less_log(1.0 / alpha + t) + logarithm

    def dispersion_slope() -> Array:
        y = (t - mu) / spread_mu  # times alpha it is (t - mu) / (r + mu)
        excess = np.where(
            np.abs(alpha * y) < 0.5,
            y * (y * x_minus_log1p_per_square(alpha * y)),
            (alpha * y - log_ratio(spread_t, spread_mu, alpha * (t - mu))) / alpha / alpha,
        )
        return digamma_increment(1.0 / alpha, t) - excess

    return elementwise(
        _negative_binomial(mu, t, alpha),
        {
            "predictions": lambda c: c * ((mu - t) / mu / spread_mu),
            "labels": lambda c: c * label_slope(),
            "dispersion": lambda c: c * dispersion_slope(),
        },
        {"predictions": lambda c: c * ((t / mu + (2.0 * t - mu) * alpha) / mu / spread_mu / spread_mu)},
    )


def _negative_binomial(mu: Array, t: Array, alpha: Array) -> Array:
    """The value: from t = 1 on, Stirling's formula with its large terms cancelled by hand; below, the increments of log Gamma."""
    from scipy.special import gammaln

    r = 1.0 / alpha
    spread_mu = 1.0 + alpha * mu
    s = np.maximum(t, 1.0)
    gap = (s - mu) / mu
    y1, y2 = gap / (1.0 + alpha * s), alpha * (s - mu) / spread_mu
    close = gap * ((s - mu) / (1.0 + alpha * s)) / spread_mu - s * x_minus_log1p(y1) + x_minus_log1p(y2) / alpha
    ratio = (1.0 + alpha * s) / spread_mu
    log_2 = log_ratio(1.0 + alpha * s, spread_mu, alpha * (s - mu))
    log_1 = log_ratio(s, mu * ratio, (s - mu) / spread_mu)
    main = np.where((np.abs(y1) < 0.5) & (np.abs(y2) < 0.5), close, s * log_1 - log_2 / alpha)
    large = main + (HALF_LOG_TWO_PI + 0.5 * np.log(s) + 0.5 * np.log1p(alpha * s)) + (stirling(s) - (stirling(r + s) - stirling(r)))
    zero = np.where(alpha * mu < np.finfo(mu.dtype).eps / 4, mu, np.log1p(alpha * mu) / alpha)
    small = gammaln(t + 1.0) - lgamma_increment(r, np.minimum(t, 1.0)) + zero + times(t, log_ratio(spread_mu, mu))
    return np.where(t >= 1, large, small).astype(t.dtype, copy=False)


# ------------------------------------------------------------------ positive numbers


@loss(example=EXAMPLE, hessian_diagonal=True)
def gamma_nll(predictions: LogMean, labels: PositiveLabel) -> Evaluation:
    r"""Negative log-likelihood of a gamma distribution of given shape, in units of the shape and without what the prediction does not change.

    Formula: \ell = x + t e^{-x}
    predictions: x, the logarithms of the means.
    Synonyms: HalfGammaLoss, gamma_loss
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, chapter 8
    """
    x, t = predictions, labels
    scaled = times_exp(t, -x)
    return elementwise(
        x + scaled,
        {"predictions": lambda c: c * (1.0 - scaled), "labels": lambda c: c * np.exp(-x)},
        {"predictions": lambda c: c * scaled, "labels": lambda c: np.zeros_like(c * x)},
    )


@loss(example=EXAMPLE, hessian_diagonal=True)
def gamma_deviance(predictions: PositiveReal, labels: PositiveLabel) -> Evaluation:
    r"""Twice the excess of the gamma likelihood's negative logarithm over its least value.

    Formula: D = 2 \left( \log \frac{x}{t} + \frac{t}{x} - 1 \right)
    Synonyms: mean_gamma_deviance, tweedie_deviance_2
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3
    """
    return elementwise(*gamma_terms(predictions, labels, 2.0))


Derivatives = dict[str, Callable[[Array], Array]]


def gamma_terms(x: Array, t: Array, factor: float) -> tuple[Array, Derivatives, Derivatives]:
    """Factor * (log(x / t) + t / x - 1), its gradients and its second derivatives."""
    u = (t - x) / x
    return (
        factor * np.where(u > -0.5, x_minus_log1p(u), u - log_ratio(t, x)).astype(u.dtype, copy=False),
        {"predictions": lambda c: (-factor * c) * (u / x), "labels": lambda c: (factor * c) * _reciprocal_difference(x, t)},
        {"predictions": lambda c: (factor * c) * ((2.0 * t / x - 1.0) / x / x), "labels": lambda c: (factor * c) / t / t},
    )


def _reciprocal_difference(x: Array, t: Array) -> Array:
    """1 / x - 1 / t, without cancellation."""
    return (t - x) / np.maximum(x, t) / np.minimum(x, t)


@loss(example=EXAMPLE, hessian_diagonal=True)
def inverse_gaussian_deviance(predictions: PositiveReal, labels: PositiveLabel) -> Evaluation:
    r"""Twice the excess of the inverse Gaussian likelihood's negative logarithm over its least value.

    Formula: D = \frac{(t - x)^2}{x^2 t}
    Synonyms: tweedie_deviance_3, wald_deviance
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3
    """
    x, t = predictions, labels
    z = (t - x) / x / np.sqrt(t)
    return elementwise(
        z * z,
        {
            "predictions": lambda c: (-2.0 * c) * ((t - x) / x / x / x),
            "labels": lambda c: c * times(_reciprocal_difference(x, t), 1.0 / x + 1.0 / t),
        },
        {"predictions": lambda c: (2.0 * c) * ((3.0 * t / x - 2.0) / x / x / x), "labels": lambda c: (2.0 * c) / t / t / t},
    )


@loss(example=EXAMPLE, hessian_diagonal=True)
def tweedie_nll(
    predictions: LogMean, labels: CountLabel, *, power: Annotated[float, annotated_types.Ge(1), annotated_types.Le(2)] = 1.5
) -> Evaluation:
    r"""Negative log-likelihood of a Tweedie distribution: zeros and positive numbers, as of rainfall or insurance claims.

    What the prediction does not change is left out, as boosting libraries and scikit-learn do. Power 1 is poisson_nll and power 2 gamma_nll; the formula has poles there.

    Formula: \ell = \frac{e^{(2 - p) x}}{2 - p} - t \frac{e^{(1 - p) x}}{1 - p}
    predictions: x, the logarithms of the means.
    power: p, the exponent of the mean in the variance.
    Synonyms: tweedie, HalfTweedieLoss, tweedie_loss, tweedie_variance_power
    Reference: Jørgensen, Exponential Dispersion Models, 1987, Journal of the Royal Statistical Society B 49
    """
    x, t = predictions, labels
    to_mean, to_unit = 2.0 - power, 1.0 - power
    mean, scaled = np.exp(to_mean * x), times_exp(t, to_unit * x)
    first = mean / to_mean if to_mean else x
    second = scaled / to_unit if to_unit else t * x
    label_slope = -np.exp(to_unit * x) / to_unit if to_unit else -x
    return elementwise(
        first - second,
        {"predictions": lambda c: c * (mean - scaled), "labels": lambda c: c * label_slope},
        {"predictions": lambda c: c * (to_mean * mean - to_unit * scaled), "labels": lambda c: np.zeros_like(c * x)},
    )


@loss(example=EXAMPLE, hessian_diagonal=True)
def exponential_nll(predictions: PositiveReal, labels: CountLabel) -> Evaluation:
    r"""Negative log-likelihood of an exponential distribution of predicted rate.

    Formula: \ell = x t - \log x
    predictions: x, the rates, above 0.
    labels: t, times from 0 on.
    Synonyms: exponential_nll_loss, exponential_likelihood
    Reference: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1994, chapter 19
    """
    x, t = predictions, labels
    return elementwise(
        x * t - np.log(x),
        {"predictions": lambda c: c * (t - 1.0 / x), "labels": lambda c: c * x},
        {"predictions": lambda c: c / x / x, "labels": lambda c: np.zeros_like(c * x)},
    )


@loss(example=EXAMPLE | {"concentration": [1.0, 4.0, 0.5]}, hessian_diagonal=True)
def weibull_nll(predictions: PositiveReal, labels: PositiveLabel, concentration: Concentration) -> Evaluation:
    r"""Negative log-likelihood of a Weibull distribution of predicted scale and concentration (shape).

    Formula: \ell = \left(\frac{t}{x}\right)^k - k \log\frac{t}{x} + \log t - \log k
    predictions: x, the scales, above 0.
    concentration: k, the shapes, above 0.
    Synonyms: Weibull, weibull_nll_loss
    Reference: Weibull, A Statistical Distribution Function of Wide Applicability, 1951
    """
    x, t, k = predictions, labels, concentration
    gap = log_ratio(t, x)
    y = k * gap
    ratio = t / x
    whole = (ratio > np.finfo(ratio.dtype).tiny) & np.isfinite(ratio)
    power = np.where(np.abs(y) < 0.5, np.exp(y), np.where(whole, ratio**k, np.exp(y))).astype(y.dtype, copy=False)
    less_one = np.where(np.abs(y) < 0.5, np.expm1(y), power - 1.0).astype(y.dtype, copy=False)
    return elementwise(
        (power - y) + log_ratio(t, k),
        {
            "predictions": lambda c: -c * (k * less_one / x),
            "labels": lambda c: c * ((1.0 + k * less_one) / t),
            "concentration": lambda c: c * (gap * less_one - 1.0 / k),
        },
        {
            "predictions": lambda c: c * (k * (less_one + k * power) / x / x),
            "labels": lambda c: c * ((k * (k * power - less_one) - 1.0) / t / t),
            "concentration": lambda c: c * (gap * gap * power + 1.0 / k / k),
        },
    )


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def lognormal_nll(predictions: LogMean, labels: PositiveLabel, scale: Scale) -> Evaluation:
    r"""Negative log-likelihood of a number whose logarithm is normal.

    Formula: \ell = \log t + \log \sigma + \frac{\log 2\pi}{2} + \frac{(\log t - x)^2}{2 \sigma^2}
    predictions: x, the means of the logarithm.
    scale: sigma, the standard deviations of the logarithm.
    Synonyms: LogNormal, lognormal, log_normal_nll
    Reference: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1994, chapter 14
    """
    x, t = predictions, labels
    log_t = np.log(t)
    z = (log_t - x) / scale
    return elementwise(
        (log_t + np.log(scale)) + (HALF_LOG_TWO_PI + 0.5 * z * z),
        {
            "predictions": lambda c: -c * (z / scale),
            "labels": lambda c: c * ((1.0 + z / scale) / t),
            "scale": lambda c: c * ((1.0 - z) * (1.0 + z) / scale),
        },
        {
            "predictions": lambda c: c / scale / scale,
            "labels": lambda c: c * (((1.0 / scale - z) / scale - 1.0) / t / t),
            "scale": lambda c: c * ((3.0 * z * z - 1.0) / scale / scale),
        },
    )
