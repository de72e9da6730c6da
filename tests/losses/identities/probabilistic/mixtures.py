from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import value_of_probabilistic


def _closed_gate(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 5)), rng.poisson(1.0, size=(6, 5)).astype(float)
    return value_of_probabilistic("zero_inflated_poisson", x, t, np.full_like(x, -40.0)), value_of_probabilistic(
        "poisson_nll", x, t, full=True, factorial="exact"
    )


def _closed_gate_of_more_variance(rng: Generator) -> Any:
    mu, alpha, t = rng.uniform(0.3, 3.0, size=(6, 5)), rng.uniform(0.3, 3.0, size=(6, 5)), rng.poisson(1.0, size=(6, 5)).astype(float)
    return value_of_probabilistic("zero_inflated_negative_binomial", mu, t, alpha, np.full_like(mu, -40.0)), value_of_probabilistic(
        "negative_binomial_nll", mu, t, alpha
    )


def _all_zero(rng: Generator) -> Any:
    """Both kinds of zero together are as likely as the gate's and the counting's by themselves."""
    x, gate = rng.normal(size=(2, 6, 5))
    pi = 1 / (1 + np.exp(-gate))
    return value_of_probabilistic("zero_inflated_poisson", x, np.zeros_like(x), gate), -np.log(pi + (1 - pi) * np.exp(-np.exp(x))).sum(axis=1)


def _one_component(rng: Generator) -> Any:
    (mu, t), scale = rng.normal(size=(2, 6, 1)), rng.uniform(0.3, 3.0, size=(6, 1))
    return value_of_probabilistic("mixture_density", mu, scale, rng.normal(size=(6, 1)), t[:, 0]), value_of_probabilistic(
        "gaussian_nll", mu, t, scale**2, full=True
    )


def _equal_components(rng: Generator) -> Any:
    (mu, t), scale = rng.normal(size=(2, 6, 1)), rng.uniform(0.3, 3.0, size=(6, 1))
    both = value_of_probabilistic("mixture_density", np.tile(mu, 3), np.tile(scale, 3), rng.normal(size=(6, 3)), t[:, 0])
    return both, value_of_probabilistic("gaussian_nll", mu, t, scale**2, full=True)


def _equal_rates(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 1)), rng.poisson(2.0, size=6).astype(float)
    return value_of_probabilistic("poisson_mixture", np.tile(x, 3), rng.normal(size=(6, 3)), t), value_of_probabilistic(
        "poisson_nll", x, t[:, None], full=True, factorial="exact"
    )


def _inflated_mixture(rng: Generator) -> Any:
    """A component of rate 0 has the excess zeros."""
    rate, gate, t = rng.uniform(0.5, 3.0, size=6), rng.normal(size=6), rng.poisson(1.0, size=6).astype(float)
    rates, weights = np.stack([np.full(6, 1e-300), rate], 1), np.stack([gate, np.zeros(6)], 1)
    return value_of_probabilistic("poisson_mixture", rates, weights, t, log_input=False), value_of_probabilistic(
        "zero_inflated_poisson", rate, t, gate, log_input=False
    )


IDENTITIES = [
    ("poisson_mixture of equal components is poisson_nll", _equal_rates),
    ("zero_inflated_poisson is poisson_mixture with a rate of 0", _inflated_mixture),
    ("zero_inflated_poisson with a closed gate is poisson_nll", _closed_gate),
    ("zero_inflated_negative_binomial with a closed gate is negative_binomial_nll", _closed_gate_of_more_variance),
    ("a zero is as likely as both its reasons", _all_zero),
    ("mixture_density of one component is gaussian_nll", _one_component),
    ("mixture_density of equal components is gaussian_nll", _equal_components),
]
