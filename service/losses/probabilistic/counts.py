"""Likelihoods and deviances of Poisson and negative binomial distributions."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import FROM_ZERO, BinaryLogits, Bound, CountLabel, NonNegative, PositiveReal, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_infinity, sigmoid, softplus, times
from service.losses.numerics.special import (
    HALF_LOG_TWO_PI,
    digamma_increment,
    digamma_less_log,
    lgamma_increment,
    log_ratio,
    relative_entropy,
    relative_entropy_of_log,
    stirling,
    x_minus_log1p,
    x_minus_log1p_per_square,
)
from service.losses.probabilistic._shared import EXAMPLE, Dispersion, Rate
from service.losses.registry import loss

Successes = Annotated[Array, TensorSpec("n ...", kind="integer", domain=FROM_ZERO, description="true numbers of successes")]
Trials = Annotated[Array, TensorSpec("n ...", kind="integer", domain=FROM_ZERO, description="numbers of trials, at least those of successes")]
PoissonFactorial = Literal["stirling", "exact"]


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
    r"""Negative log-likelihood of a Poisson distribution; the term log(t!) is omitted by default.

    Use: Regression of counts, such as events, visits or photons.
    Search: count_data, count_regression, counts
    Formula: \ell = e^x - t x \text{ (log input)}, \text{ or } x - t \log(x + \epsilon); \quad + [\mathrm{full}] \log t!
    Where: x `predictions`; t `labels`
    log_input: predictions are logarithms of rates, else rates. keras' Poisson is log_input false with eps 1e-7.
    full: add log(t!).
    eps: added to the rate inside the logarithm; unused with log_input.
    factorial: term added by full. stirling: t log t - t + log(2 pi t) / 2 where t > 1 and nothing elsewhere, as torch does (4 % off at t = 2); exact: log Gamma(t + 1).
    Synonyms: PoissonNLLLoss, poisson_nll_loss, HalfPoissonLoss, log_poisson_loss
    Equivalents: torch.nn.PoissonNLLLoss, torch.nn.functional.poisson_nll_loss, keras.losses.Poisson(log_input=False, eps=1e-7),
        keras.losses.poisson(log_input=False, eps=1e-7)
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
            "predictions": lambda c: c * (rate - t) if log_input else c * (1.0 - divide_or_infinity(t, rate)),
            "labels": lambda c: c * _count_slope(t, log_rate, full, factorial),
        },
        {
            "predictions": lambda c: c * rate if log_input else c * (divide_or_infinity(t, rate) / rate),
            "labels": lambda c: c * _count_curvature(t, full, factorial),
        },
    )


def _with_factorial(values: Array, t: Array, rate: Array, log_rate: Array | None, shift: float, factorial: PoissonFactorial) -> Array:
    """Return the values plus log(t!): for t > 1 as a relative entropy plus the terms of Stirling's formula besides t log t - t, so that large terms cancel first."""
    above = t > 1
    s = np.where(above, t, 2.0).astype(t.dtype, copy=False)
    entropy = relative_entropy(s, rate) - shift if log_rate is None else relative_entropy_of_log(s, np.log(s), rate, log_rate)
    large = entropy + (0.5 * np.log(s) + HALF_LOG_TWO_PI)
    if factorial == "exact":
        return np.where(above, large + stirling(s), values + lgamma_increment(np.ones_like(t), np.minimum(t, 1.0))).astype(t.dtype, copy=False)
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
    r"""Poisson deviance: twice the negative log-likelihood minus its minimum, with 0 log 0 = 0.

    Use: Regression of counts judged as a generalized linear model (GLM).
    Formula: D = 2 \left( t \log \frac{t}{x} - t + x \right)
    Where: x `predictions`; t `labels`
    Synonyms: mean_poisson_deviance, tweedie_deviance_1
    Equivalents: sklearn.metrics.mean_poisson_deviance
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
    work=Work("300 n ...", "32 n ..."),
)
def negative_binomial_nll(predictions: PositiveReal, labels: CountLabel, dispersion: Dispersion) -> Evaluation:
    r"""Negative log-likelihood of a negative binomial distribution with predicted mean and dispersion (NB2), for overdispersed counts.

    With r = 1 / dispersion, it is the distribution of the failures before r successes with success probability r / (r + mean). The limit for dispersion 0 is Poisson.

    Use: Regression of overdispersed counts, such as gene expression and demand.
    Formula: \ell = \log\Gamma(r) + \log\Gamma(t + 1) - \log\Gamma(t + r) + r \log\frac{r + \mu}{r} + t \log\frac{r + \mu}{\mu}, \quad r = \frac{1}{\alpha}
    Where: t `labels`
    predictions: mu, the means, above 0.
    dispersion: alpha; the variance is mu + alpha mu^2.
    Synonyms: NB, NB2, NegativeBinomial, negative_binomial
    Reference: Hilbe, Negative Binomial Regression, 2011, section 8.2
    """
    mu, t = predictions, labels
    alpha = np.maximum(dispersion, 4.0 * np.finfo(dispersion.dtype).tiny)  # so that 1 / alpha is in range; smaller values give the same result
    spread_mu, spread_t = 1.0 + alpha * mu, 1.0 + alpha * t
    wide = np.isinf(spread_mu)  # it equals alpha mu, to the last bit

    def label_slope() -> Array:
        logarithm = log_ratio((t + 1.0) * (spread_mu / spread_t), mu, ((t - mu) + spread_mu) / spread_t)
        apart = np.log((t + 1.0) / (1.0 / alpha + t))
        return digamma_less_log(t + 1.0) - digamma_less_log(1.0 / alpha + t) + np.where(wide, apart, logarithm).astype(t.dtype, copy=False)

    def dispersion_slope() -> Array:
        y = np.where(wide, (t - mu) / mu / alpha, (t - mu) / spread_mu).astype(t.dtype, copy=False)  # times alpha it is (t - mu) / (r + mu)
        logarithm = np.where(wide, np.log(1.0 / alpha + t) - np.log(mu), log_ratio(spread_t, spread_mu, alpha * (t - mu)))
        excess = np.where(
            np.abs(alpha * y) < 0.5,
            y * (y * x_minus_log1p_per_square(alpha * y)),
            (alpha * y - logarithm) / alpha / alpha,
        ).astype(t.dtype, copy=False)
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
    """Return the value: for t >= 1 by Stirling's formula with its large terms canceled, below by the increments of log Gamma."""
    r = 1.0 / alpha
    spread_mu = 1.0 + alpha * mu
    wide = np.isinf(spread_mu)  # there 1 + alpha mu rounds to alpha mu, and mu is far from any s with a finite loss
    s = np.maximum(t, 1.0)
    gap = (s - mu) / mu
    y1, y2 = gap / (1.0 + alpha * s), alpha * (s - mu) / spread_mu
    close = gap * ((s - mu) / (1.0 + alpha * s)) / spread_mu - s * x_minus_log1p(y1) + x_minus_log1p(y2) / alpha
    ratio = (1.0 + alpha * s) / spread_mu
    log_2 = log_ratio(1.0 + alpha * s, spread_mu, alpha * (s - mu))
    log_1 = log_ratio(s, mu * ratio, (s - mu) / spread_mu)
    main = np.where((np.abs(y1) < 0.5) & (np.abs(y2) < 0.5), close, s * log_1 - log_2 / alpha)
    main = np.where(wide, -s * np.log1p(r / s) - (np.log(s + r) - np.log(mu)) * r, main)
    large = (
        main
        + (HALF_LOG_TWO_PI + 0.5 * np.log(s) + 0.5 * np.where(np.isinf(alpha * s), np.log(alpha) + np.log(s), np.log1p(alpha * s)))
        + (stirling(s) - (stirling(r + s) - stirling(r)))
    )
    zero = np.where(alpha * mu < np.finfo(mu.dtype).eps / 4, mu, np.where(wide, np.log(alpha) + np.log(mu), np.log1p(alpha * mu)) / alpha)
    little = np.minimum(t, 1.0)
    small = (
        lgamma_increment(np.ones_like(t), little)
        - lgamma_increment(r, little)
        + zero
        + times(t, np.where(wide, np.log(alpha), log_ratio(spread_mu, mu)))
    )
    return np.where(t >= 1, large, small).astype(t.dtype, copy=False)


@loss(
    example={"predictions": [0.5, -1.0, 2.0], "labels": [3, 0, 8], "total_count": [5, 2, 9]},
    hessian_diagonal=True,
    bound=Bound(1e-13, 1e-12, "a relative entropy and logarithms of counts, each rounded, partly cancel"),
    work=Work("500 n ..."),
)
def binomial_nll(predictions: BinaryLogits, labels: Successes, total_count: Trials) -> Evaluation:
    r"""Negative log-likelihood of a binomial distribution: successes among a known number of trials, with all terms.

    Counts above 2^53 are rounded to the precision of the predictions, as in torch.

    Use: Regression of rates from counts, such as click rates, methylation and votes.
    Search: binomial, binomial_regression
    Formula: \ell = n \log\left(1 + e^x\right) - k x - \log\binom{n}{k}
    Where: k `labels`; n `total_count`
    predictions: x, the logits of a success.
    Synonyms: binomial_distribution_nll, BinomialNLL
    Reference: McCullagh and Nelder, Generalized Linear Models, 1989, chapter 4; Loader, Fast and Accurate Computation of Binomial Probabilities, 2000; torch.distributions.Binomial
    """
    if (labels > total_count).any():
        index = tuple(int(i) for i in np.argwhere(labels > total_count)[0])
        raise InvalidTensor("labels", f"out of range; expected at most total_count {total_count[index]}, got {labels[index]}", index)
    x, k, misses = predictions, labels.astype(predictions.dtype), (total_count - labels).astype(predictions.dtype)
    p, q = sigmoid(x), sigmoid(-x)
    near = 0.5 * ((k + misses) * np.tanh(0.5 * x) + (misses - k))
    excess = np.where(np.abs(x) < 1.0, near, misses * p - k * q).astype(x.dtype, copy=False)  # n p - k
    return elementwise(
        _binomial(x, k, misses, excess),
        {"predictions": lambda c: c * excess},
        {"predictions": lambda c: c * ((k + misses) * p * q)},
    )


def _binomial(x: Array, k: Array, misses: Array, excess: Array) -> Array:
    """Return the value: by relative entropies to the expected counts, or, for probabilities out of range, by the logarithms."""
    n, inside = k + misses, (k > 0) & (misses > 0)
    a, b = np.where(inside, k, 1.0).astype(x.dtype, copy=False), np.where(inside, misses, 1.0).astype(x.dtype, copy=False)
    less = (HALF_LOG_TWO_PI + 0.5 * (np.log(a) + np.log(b) - np.log(a + b))) + ((stirling(a) + stirling(b)) - stirling(a + b))
    entropy = relative_entropy(a, n * sigmoid(x), -excess) + relative_entropy(b, n * sigmoid(-x), excess)
    apart = k * softplus(-x) + misses * softplus(x)
    unlikely = apart - (a * log_ratio(a + b, a) + b * log_ratio(a + b, b))
    main = np.where(np.abs(x) < -0.5 * np.log(np.finfo(x.dtype).tiny), entropy, unlikely)
    return np.where(inside, main + less, apart).astype(x.dtype, copy=False)
