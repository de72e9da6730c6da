"""Likelihoods and deviances of positive numbers, such as amounts and durations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import ABOVE_ZERO, Bound, CountLabel, Domain, PositiveLabel, PositiveReal, TensorSpec, Work
from service.losses.divergence.parametric import beta_divergence
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import times
from service.losses.numerics.special import (
    HALF_LOG_TWO_PI,
    LARGE,
    digamma_less_log,
    gamma_terms,
    log_gamma_from_one,
    log_ratio,
    reciprocal_difference,
    relative_entropy,
    stirling,
    times_exp,
    trigamma,
)
from service.losses.probabilistic._shared import EXAMPLE, LOG_GAMMA, SCALES, Concentration, Scale
from service.losses.registry import loss
from service.losses.regression.pointwise import mean_squared_error

PredictedRate = Annotated[Array, TensorSpec("n ...", domain=ABOVE_ZERO, gradient="default", description="predicted rates, above 0")]
AnyLabel = Annotated[Array, TensorSpec("n ...", gradient="on request", description="true values; at least 0 from power 1 on, above 0 from 2 on")]
LogMean = Annotated[Array, TensorSpec("n ...", gradient="default", description="logarithms of means")]


Observed = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 for an event, 0 for a censored time")]


@loss(example=EXAMPLE, hessian_diagonal=True)
def gamma_nll(predictions: LogMean, labels: PositiveLabel) -> Evaluation:
    r"""Negative log-likelihood of a gamma distribution with given shape, in units of the shape, without terms independent of the prediction.

    Use: Regression of positive amounts, such as costs, rainfall and waiting times.
    Formula: \ell = x + t e^{-x}
    Where: x `predictions`; t `labels`
    predictions: x, the logarithms of the means.
    Synonyms: HalfGammaLoss, gamma_loss
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, chapter 8
    """
    x, t = predictions, labels
    scaled = times_exp(t, -x)
    return elementwise(
        x + scaled,
        {"predictions": lambda c: c * (1.0 - scaled), "labels": lambda c: times_exp(c * np.ones_like(x), -x)},
        {"predictions": lambda c: c * scaled, "labels": lambda c: np.zeros_like(c * x)},
    )


@loss(
    example={"concentration": [1.0, 4.0, 0.5], "rate": [0.5, 2.0, 1.3], "labels": [1.0, 2.0, 0.4]},
    hessian_diagonal=True,
    bound=LOG_GAMMA,
    work=Work("700 n ..."),
)
def gamma_nll_distribution(concentration: Concentration, rate: PredictedRate, labels: PositiveLabel) -> Evaluation:
    r"""Negative log-likelihood of a gamma distribution with predicted concentration (shape) and rate, with all terms.

    Its scale is 1 / rate, and its mean concentration / rate. gamma_nll has a given shape and predicts the mean alone.

    Use: Probabilistic regression of positive amounts with uncertainty, such as rainfall, costs and waiting times.
    Formula: \ell = \log\Gamma(k) - k \log r - (k - 1) \log t + r t
    Where: t `labels`
    concentration: k, the shapes, above 0.
    rate: r, the rates, above 0.
    Synonyms: gamma_distribution_nll, gamma_shape_rate_nll
    Search: gamma
    Reference: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1994, chapter 17; torch.distributions.Gamma
    """
    k, r, t = concentration, rate, labels
    mean = r * t  # of a Poisson distribution of k
    inside = (mean > np.finfo(mean.dtype).tiny) & np.isfinite(mean)
    gap = np.where(inside, log_ratio(mean, k), (np.log(r) + np.log(t)) - np.log(k)).astype(k.dtype, copy=False)
    whole = np.where(inside, relative_entropy(k, mean), (mean - k) - k * gap)
    large = whole + (HALF_LOG_TWO_PI - 0.5 * np.log(k) + stirling(k)) + np.log(t)
    below_one = log_ratio(t, k) - k * (np.log(r) + np.log(t))  # log Gamma(k) is log Gamma(1 + k) - log k
    small = (mean + np.where(k < 1.0, below_one, -k * np.log(r) - (k - 1.0) * np.log(t))) + log_gamma_from_one(np.minimum(k, LARGE))
    return elementwise(
        np.where(k < LARGE, small, large).astype(k.dtype, copy=False),
        {
            "concentration": lambda c: c * (digamma_less_log(k) - gap),
            "rate": lambda c: c * (t - k / r),
            "labels": lambda c: c * (r - (k - 1.0) / t),
        },
        {
            "concentration": lambda c: c * trigamma(k),
            "rate": lambda c: c * (k / r / r),
            "labels": lambda c: c * ((k - 1.0) / t / t),
        },
    )


@loss(example=EXAMPLE, hessian_diagonal=True)
def gamma_deviance(predictions: PositiveReal, labels: PositiveLabel) -> Evaluation:
    r"""Gamma deviance: twice the negative log-likelihood minus its minimum.

    Use: Regression of positive amounts judged as a generalized linear model (GLM).
    Formula: D = 2 \left( \log \frac{x}{t} + \frac{t}{x} - 1 \right)
    Where: x `predictions`; t `labels`
    Synonyms: mean_gamma_deviance, tweedie_deviance_2
    Equivalents: sklearn.metrics.mean_gamma_deviance
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3
    """
    return elementwise(*gamma_terms(predictions, labels, 2.0))


@loss(example=EXAMPLE, hessian_diagonal=True)
def inverse_gaussian_deviance(predictions: PositiveReal, labels: PositiveLabel) -> Evaluation:
    r"""Inverse Gaussian deviance: twice the negative log-likelihood minus its minimum.

    Use: Regression of positive, very skewed amounts as a generalized linear model (GLM).
    Formula: D = \frac{(t - x)^2}{x^2 t}
    Where: x `predictions`; t `labels`
    Synonyms: tweedie_deviance_3, wald_deviance
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3
    """
    x, t = predictions, labels
    z = (t - x) / x / np.sqrt(t)
    return elementwise(
        z * z,
        {
            "predictions": lambda c: (-2.0 * c) * ((t - x) / x / x / x),
            "labels": lambda c: c * times(reciprocal_difference(x, t), 1.0 / x + 1.0 / t),
        },
        {"predictions": lambda c: (2.0 * c) * ((3.0 * t / x - 2.0) / x / x / x), "labels": lambda c: (2.0 * c) / t / t / t},
    )


@loss(
    example=EXAMPLE | {"power": 1.5},
    hessian_diagonal=True,
    bound=Bound(1e-12, 1e-12, "2 - power is rounded, which the logarithm of a large or small number multiplies"),
    work=Work("600 n ...", "64 n ..."),
)
def tweedie_deviance(
    predictions: PositiveReal, labels: AnyLabel, *, power: Annotated[float, annotated_types.Ge(-5), annotated_types.Le(5)] = 1.5
) -> Evaluation:
    r"""Tweedie deviance of any power that has one: twice the negative log-likelihood minus its minimum.

    Power 0 is mean_squared_error, which takes predictions of any sign; 1 is poisson_deviance, 2 gamma_deviance and 3 inverse_gaussian_deviance. Between 0 and 1
    there is no such distribution, and the power is rejected. Labels are at least 0 from power 1 on, above 0 from 2 on, and of any sign below.
    scikit-learn's default is power 0, and its predictions may have any sign for it.

    Use: Regression of amounts as a generalized linear model (GLM), such as insurance claims and rainfall.
    Formula: D = 2 \left( \frac{\max(t, 0)^{2 - p}}{(1 - p)(2 - p)} - \frac{t x^{1 - p}}{1 - p} + \frac{x^{2 - p}}{2 - p} \right)
    Where: x `predictions`; t `labels`; p `power`
    predictions: x, the means, above 0.
    power: p, the exponent of the mean in the variance; at 0, 1 and 2 the loss is the limit.
    Synonyms: tweedie_deviance_loss
    Search: mean_tweedie_deviance
    Reference: Jørgensen, The Theory of Dispersion Models, 1997; sklearn.metrics.mean_tweedie_deviance
    """
    x, t = predictions, labels
    if 0 < power < 1:
        raise InvalidOption("power", f"no distribution; expected a number outside of (0, 1), got {power:g}")
    low = t < 0 if power < 2 else t <= 0
    if power >= 1 and low.any():
        index = tuple(int(i) for i in np.argwhere(low)[0])
        raise InvalidTensor("labels", f"out of range; expected {'at least' if power < 2 else 'above'} 0 for power {power:g}, got {t[index]:g}", index)
    if power == 0:
        return mean_squared_error.function(x, t)
    half = beta_divergence.function(x, np.maximum(t, 0.0), beta=2.0 - power)
    divergence = half.elements() if half.elements else half.numerator
    up, flat = 2.0 - power, 1.0 - power

    def both(of_divergence: Callable[[Array], Array], below_zero: Callable[[], Array]) -> Callable[[Array], Array]:
        return lambda c: 2.0 * (np.where(low, c * below_zero(), of_divergence(c)) if low.any() else of_divergence(c))

    def values() -> Array:
        return x**up / up - t * x**flat / flat

    return elementwise(
        both(lambda c: c * divergence, values)(np.ones_like(x)),
        {
            "predictions": both(half.gradients["predictions"], lambda: x**flat - t * x**-power),
            "labels": both(half.gradients["labels"], lambda: -(x**flat) / flat),
        },
        {
            "predictions": both(half.hessian_diagonal["predictions"], lambda: flat * x**-power + power * t * x ** (-power - 1.0)),
            "labels": both(half.hessian_diagonal["labels"], lambda: np.zeros_like(x)),
        },
    )


@loss(example=EXAMPLE, hessian_diagonal=True)
def tweedie_nll(
    predictions: LogMean, labels: CountLabel, *, power: Annotated[float, annotated_types.Ge(1), annotated_types.Le(2)] = 1.5
) -> Evaluation:
    r"""Negative log-likelihood of a Tweedie distribution, for zeros and positive numbers such as rainfall or insurance claims.

    Terms independent of the prediction are omitted, as in boosting libraries and scikit-learn. Power 1 is poisson_nll and power 2 gamma_nll, where the formula has poles.

    Use: Regression of amounts with many zeros.
    Formula: \ell = \frac{e^{(2 - p) x}}{2 - p} - t \frac{e^{(1 - p) x}}{1 - p}
    Where: x `predictions`; t `labels`
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
    r"""Negative log-likelihood of an exponential distribution with predicted rate.

    Use: Regression of waiting times.
    Formula: \ell = x t - \log x
    Where: x `predictions`; t `labels`
    predictions: x, the rates, above 0.
    labels: t, times, at least 0.
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
def weibull_nll(predictions: PositiveReal, labels: PositiveLabel, concentration: Concentration, *, events: Observed | None = None) -> Evaluation:
    r"""Negative log-likelihood of a Weibull distribution with predicted scale and concentration (shape), of times that may be right-censored.

    Use: Regression of lifetimes and wind speeds.
    Where: x `predictions`; t `labels`
    Formula: \ell = \left(\frac{t}{x}\right)^k - e \left( k \log\frac{t}{x} - \log t + \log k \right)
    predictions: x, the scales, above 0.
    concentration: k, the shapes, above 0.
    events: e, 1 where the label is the time of an event, 0 where it is a time without an event so far (right censoring); 1 by default.
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
    seen: Array | float = 1.0 if events is None else events.astype(y.dtype)
    above = less_one if events is None else np.where(events == 1, less_one, power).astype(y.dtype, copy=False)
    return elementwise(
        (power - seen * y) + seen * log_ratio(t, k),
        {
            "predictions": lambda c: -c * np.where(np.isfinite(k / x), (k / x) * above, k * above / x).astype(x.dtype, copy=False),
            "labels": lambda c: c * ((seen + k * above) / t),
            "concentration": lambda c: c * (gap * above - seen / k),
        },
        {
            "predictions": lambda c: c * (k * (above + k * power) / x / x),
            "labels": lambda c: c * ((k * (k * power - above) - seen) / t / t),
            "concentration": lambda c: c * (gap * gap * power + seen / k / k),
        },
    )


@loss(example=EXAMPLE | SCALES, hessian_diagonal=True)
def lognormal_nll(predictions: LogMean, labels: PositiveLabel, scale: Scale) -> Evaluation:
    r"""Negative log-likelihood of a log-normal distribution.

    Use: Regression of positive, skewed amounts with uncertainty, such as prices and durations.
    Formula: \ell = \log t + \log \sigma + \frac{\log 2\pi}{2} + \frac{(\log t - x)^2}{2 \sigma^2}
    Where: x `predictions`; t `labels`
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
