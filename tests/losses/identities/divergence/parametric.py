from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import logits_of_divergence, value_of_divergence
from tests.losses.identities.divergence._shared import distributions


def _gaussian_kl(rng: Generator) -> Any:
    mean, log_variance = logits_of_divergence(rng)
    cross = value_of_divergence("gaussian_nll", mean, np.zeros_like(mean), np.ones_like(mean), eps=0.0)
    return value_of_divergence("gaussian_kl", mean, log_variance), cross + (np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2


def _own_prior(rng: Generator) -> Any:
    mean, log_variance = logits_of_divergence(rng)
    value = value_of_divergence("gaussian_kl", mean, log_variance, prior_mean=mean, prior_log_variance=log_variance)
    return value, np.zeros(len(value))


def _standardized_prior(rng: Generator) -> Any:
    """A prior of mean m and variance e^p is the standard one in units of its deviation."""
    (mean, log_variance), (m, p) = logits_of_divergence(rng), logits_of_divergence(rng)
    return value_of_divergence("gaussian_kl", mean, log_variance, prior_mean=m, prior_log_variance=p), value_of_divergence(
        "gaussian_kl", (mean - m) * np.exp(-p / 2), log_variance - p
    )


def _free(rng: Generator) -> Any:
    mean, log_variance = 1e-3 * logits_of_divergence(rng)
    return value_of_divergence("gaussian_kl", mean, log_variance, free_bits=0.25), np.full(len(mean), 0.25 * mean.shape[1])


def _numbers(rng: Generator) -> Any:
    return rng.uniform(0.1, 3.0, size=(2, 6, 5))


def _scaled(rng: Generator) -> Any:
    """The beta-divergence is homogeneous of degree beta."""
    x, t = _numbers(rng)
    return value_of_divergence("beta_divergence", 3 * x, 3 * t, beta=-0.7), 3**-0.7 * value_of_divergence("beta_divergence", x, t, beta=-0.7)


IDENTITIES = [
    (
        "alpha_divergence(1/2) is four times hellinger",
        lambda r: (value_of_divergence("alpha_divergence", *(x := distributions(r))), 4 * value_of_divergence("hellinger", *x)),
    ),
    (
        "alpha_divergence(1) is the generalized divergence",
        lambda r: (
            value_of_divergence("alpha_divergence", *(x := _numbers(r) / 3), alpha=1.0),
            value_of_divergence("generalized_kl_divergence", np.log(x[0]), x[1]),
        ),
    ),
    (
        "alpha_divergence(1 - alpha) is that of the other direction",
        lambda r: (
            value_of_divergence("alpha_divergence", *(x := distributions(r)), alpha=-0.4),
            value_of_divergence("alpha_divergence", *x[::-1], alpha=1.4),
        ),
    ),
    (
        "alpha_divergence tends to alpha 1",
        lambda r: (
            value_of_divergence("alpha_divergence", *(x := distributions(r)), alpha=1 + 1e-14),
            value_of_divergence("alpha_divergence", *x, alpha=1.0),
        ),
    ),
    (
        "beta_divergence(2) is half_squared_error",
        lambda r: (value_of_divergence("beta_divergence", *(x := _numbers(r))), value_of_divergence("half_squared_error", *x)),
    ),
    (
        "beta_divergence(0) is itakura_saito",
        lambda r: (value_of_divergence("beta_divergence", *(x := _numbers(r)), beta=0.0), value_of_divergence("itakura_saito", *x)),
    ),
    (
        "beta_divergence(1) is the generalized divergence",
        lambda r: (
            value_of_divergence("beta_divergence", *(x := _numbers(r)), beta=1.0),
            value_of_divergence("generalized_kl_divergence", np.log(x[0]), x[1]),
        ),
    ),
    (
        "beta_divergence tends to beta 0",
        lambda r: (value_of_divergence("beta_divergence", *(x := _numbers(r)), beta=1e-15), value_of_divergence("beta_divergence", *x, beta=0.0)),
    ),
    ("beta_divergence is homogeneous", _scaled),
    (
        "renyi(1) is kl_divergence",
        lambda r: (value_of_divergence("renyi", *(x := distributions(r)), alpha=1.0), value_of_divergence("kl_divergence", np.log(x[0]), x[1])),
    ),
    (
        "renyi(1/2) is symmetric",
        lambda r: (value_of_divergence("renyi", *(x := distributions(r)), alpha=0.5), value_of_divergence("renyi", *x[::-1], alpha=0.5)),
    ),
    (
        "renyi is a logarithm of alpha_divergence",
        lambda r: (
            value_of_divergence("renyi", *(x := distributions(r)), alpha=3.0),
            np.log1p(6 * value_of_divergence("alpha_divergence", *x, alpha=3.0)) / 2,
        ),
    ),
    ("gaussian_kl from itself is 0", _own_prior),
    ("gaussian_kl from a prior is that from the standard one in its units", _standardized_prior),
    ("gaussian_kl near the prior is the free bits", _free),
    ("gaussian_kl is a squared error and a term of the variance", _gaussian_kl),
]
