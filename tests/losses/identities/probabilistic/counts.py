from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import positive_of_probabilistic, value_of_probabilistic


def counts(rng: Generator) -> Any:
    return rng.integers(0, 9, size=(6, 5)).astype(float)


def _negative_binomial_to_poisson(rng: Generator) -> Any:
    (mu,), t = positive_of_probabilistic(rng, 1), counts(rng)
    return value_of_probabilistic("negative_binomial_nll", mu, t, np.full_like(mu, 1e-15)), value_of_probabilistic(
        "poisson_nll", mu, t, log_input=False, eps=0.0, full=True, factorial="exact"
    )


def _poisson_inputs(rng: Generator) -> Any:
    (mu,), t = positive_of_probabilistic(rng, 1), counts(rng)
    return value_of_probabilistic("poisson_nll", np.log(mu), t, full=True), value_of_probabilistic(
        "poisson_nll", mu, t, log_input=False, eps=0.0, full=True
    )


def _geometric(rng: Generator) -> Any:
    (mu,), t = positive_of_probabilistic(rng, 1), counts(rng)
    return value_of_probabilistic("negative_binomial_nll", mu, t, np.ones_like(mu)), (np.log1p(mu) + t * np.log((1 + mu) / mu)).sum(axis=1)


def _one_trial(rng: Generator) -> Any:
    x, k = rng.normal(size=(6, 5)), rng.integers(0, 2, size=(6, 5))
    return value_of_probabilistic("binomial_nll", x, k, np.ones_like(k)), value_of_probabilistic(
        "binary_cross_entropy_with_logits", x, k.astype(float)
    )


def _rare(rng: Generator) -> Any:
    """Many trials of rare successes are Poisson."""
    (mu,), t = positive_of_probabilistic(rng, 1), counts(rng)
    n = 10**15
    return value_of_probabilistic("binomial_nll", np.log(mu / n) - np.log1p(-mu / n), t.astype(int), np.full(t.shape, n)), value_of_probabilistic(
        "poisson_nll", mu, t, log_input=False, eps=0.0, full=True, factorial="exact"
    )


def _all_counts(rng: Generator) -> Any:
    x = rng.normal(size=1)
    k = np.arange(13)
    values = value_of_probabilistic("binomial_nll", np.repeat(x, 13), k, np.full(13, 12))
    return np.exp(-values).sum(), 1.0


IDENTITIES = [
    ("binomial of one trial is binary cross entropy", _one_trial),
    ("binomial of rare successes is poisson", _rare),
    ("the probabilities of binomial add up to 1", _all_counts),
    ("negative_binomial with no dispersion is poisson", _negative_binomial_to_poisson),
    ("poisson of a rate is poisson of its logarithm", _poisson_inputs),
    ("negative_binomial of dispersion 1 is geometric", _geometric),
    (
        "poisson deviance is twice the generalized divergence",
        lambda r: (
            value_of_probabilistic("poisson_deviance", *(p := positive_of_probabilistic(r, 2))),
            2 * value_of_probabilistic("generalized_kl_divergence", np.log(p[0]), p[1]),
        ),
    ),
]
