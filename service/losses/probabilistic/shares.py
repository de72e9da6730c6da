"""Likelihoods of shares of a whole: beta and Dirichlet distributions."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import ABOVE_ZERO, Domain, TensorSpec, Work
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.softmax import sum_of_others
from service.losses.numerics.special import (
    HALF_LOG_TWO_PI,
    LARGE,
    digamma_difference,
    log_gamma,
    log_gamma_from_one,
    log_ratio,
    relative_entropy,
    stirling,
    trigamma,
)
from service.losses.probabilistic._shared import LOG_GAMMA, Concentration
from service.losses.registry import loss

INSIDE = Domain(0, 1, low_open=True, high_open=True)
Share = Annotated[Array, TensorSpec("n ...", domain=INSIDE, gradient="on request", description="true shares, in (0, 1)")]
Shares = Annotated[
    Array, TensorSpec("n ... k", domain=Domain(0, 1, low_open=True), gradient="on request", description="true shares of k parts along the last axis")
]
Concentrations = Annotated[
    Array, TensorSpec("n ... k", domain=ABOVE_ZERO, gradient="default", description="predicted concentration of each part, above 0")
]


def _surprise(a: Array, t: Array, rest: Array, log_t: Array) -> Array:
    """Return minus the logarithm of the Dirichlet density of shares t along the last axis. rest: 1 - t.

    From a total of LARGE on by Stirling's formula, whose large terms are relative entropies of concentrations and expected ones.
    """
    total = a.sum(axis=-1, keepdims=True)
    small = _small(a, t, log_t)
    excess = a * rest - _others(a) * t  # a - total t
    large = (relative_entropy(a, total * t, excess) + excess) + ((HALF_LOG_TWO_PI - 0.5 * np.log(a) + stirling(a)) + log_t)
    terms = np.where(a < LARGE, small - a * (np.log(total) - 1.0), large).sum(axis=-1, keepdims=True)
    less = HALF_LOG_TWO_PI - 0.5 * np.log(total) + stirling(total)
    direct = small.sum(axis=-1, keepdims=True) - log_gamma(np.minimum(total, LARGE))
    return np.where(total < LARGE, direct, terms - less)[..., 0].astype(a.dtype, copy=False)


def _small(a: Array, t: Array, log_t: Array) -> Array:
    """Return log Gamma(a) - (a - 1) log t for a < LARGE."""
    below_one = log_ratio(t, a) - a * log_t  # log Gamma(a) is log Gamma(1 + a) - log a
    return log_gamma_from_one(np.minimum(a, LARGE)) + np.where(a < 1.0, below_one, -(a - 1.0) * log_t)


def _others(a: Array) -> Array:
    """Return the sum of the other concentrations of the same distribution."""
    return sum_of_others(a.reshape(-1, a.shape[-1])).reshape(a.shape)


@loss(
    example={"concentration1": [2.0, 5.0, 0.5], "concentration0": [3.0, 1.0, 0.5], "labels": [0.3, 0.9, 0.2]},
    hessian_diagonal=True,
    bound=LOG_GAMMA,
    work=Work("2500 n ...", "200 n ..."),
)
def beta_nll_distribution(concentration1: Concentration, concentration0: Concentration, labels: Share) -> Evaluation:
    r"""Negative log-likelihood of a beta distribution, of shares and probabilities.

    beta_nll is another loss: a Gaussian likelihood weighted by a power of its variance.

    Use: Probabilistic regression of shares, rates and probabilities, such as click rates and cloud cover.
    Search: beta, beta_regression
    Formula: \ell = \log\Gamma(a) + \log\Gamma(b) - \log\Gamma(a + b) - (a - 1) \log t - (b - 1) \log(1 - t)
    Where: t `labels`
    concentration1: a, the exponents of t plus 1, above 0.
    concentration0: b, the exponents of 1 - t plus 1, above 0.
    Synonyms: beta_distribution_nll, beta_distribution_likelihood
    Reference: Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, 1995, chapter 25; torch.distributions.Beta
    """
    a, b, t = concentration1, concentration0, labels
    rest, log_t, log_rest = 1.0 - t, np.log(t), np.log1p(-t)
    total = a + b
    return elementwise(
        _surprise(np.stack([a, b], -1), np.stack([t, rest], -1), np.stack([rest, t], -1), np.stack([log_t, log_rest], -1)),
        {
            "concentration1": lambda c: -c * (digamma_difference(a, b) + log_t),
            "concentration0": lambda c: -c * (digamma_difference(b, a) + log_rest),
            "labels": lambda c: c * ((b - 1.0) / rest - (a - 1.0) / t),
        },
        {
            "concentration1": lambda c: c * (trigamma(a) - trigamma(total)),
            "concentration0": lambda c: c * (trigamma(b) - trigamma(total)),
            "labels": lambda c: c * ((b - 1.0) / (rest * rest) + (a - 1.0) / (t * t)),
        },
    )


@loss(
    example={"concentration": [[2.0, 3.0, 1.0], [0.5, 5.0, 4.0]], "labels": [[0.3, 0.5, 0.2], [0.1, 0.4, 0.5]]},
    hessian_diagonal=True,
    bound=LOG_GAMMA,
    work=Work("1100 n ... k", "200 n ... k"),
)
def dirichlet_nll(concentration: Concentrations, labels: Shares) -> Evaluation:
    r"""Negative log-likelihood of a Dirichlet distribution of shares that sum to 1.

    The shares are taken as given; torch rejects those whose sum differs from 1 by more than 1e-6. The gradient by the labels is that of the formula, for independent shares.

    Use: Probabilistic regression of compositions, such as budgets, land cover and mixtures of topics.
    Search: dirichlet, compositional_data
    Formula: \ell = \sum_k \left( \log\Gamma(a_k) - (a_k - 1) \log t_k \right) - \log\Gamma\left( \sum_k a_k \right)
    Where: a `concentration`; t `labels`
    Divisor: the number of distributions
    Synonyms: dirichlet_distribution_nll, DirichletNLL
    Reference: Johnson, Kotz and Balakrishnan, Continuous Multivariate Distributions, 2000, chapter 49; torch.distributions.Dirichlet
    """
    a, t = concentration, labels
    log_t, total = np.log(t), a.sum(axis=-1, keepdims=True)
    return elementwise(
        _surprise(a, t, 1.0 - t, log_t),
        {
            "concentration": lambda c: -c[..., None] * (digamma_difference(a, _others(a)) + log_t),
            "labels": lambda c: -c[..., None] * (a - 1.0) / t,
        },
        {
            "concentration": lambda c: c[..., None] * (trigamma(a) - trigamma(total)),
            "labels": lambda c: c[..., None] * (a - 1.0) / (t * t),
        },
    )
