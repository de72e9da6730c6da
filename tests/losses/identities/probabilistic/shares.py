from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import positive_of_probabilistic, value_of_probabilistic


def _uniform(rng: Generator) -> Any:
    ones = np.ones((6, 5))
    return value_of_probabilistic("beta_nll_distribution", ones, ones, rng.uniform(size=(6, 5))), np.zeros(6)


def _two_parts(rng: Generator) -> Any:
    (a, b), t = positive_of_probabilistic(rng, 2), rng.uniform(size=(6, 5))
    both = [np.stack(pair, -1) for pair in ((a, b), (t, 1 - t))]
    return value_of_probabilistic("beta_nll_distribution", a, b, t), value_of_probabilistic("dirichlet_nll", *both)


def _mirrored(rng: Generator) -> Any:
    (a, b), t = 20 * positive_of_probabilistic(rng, 2), rng.uniform(size=(6, 5))
    return value_of_probabilistic("beta_nll_distribution", a, b, t), value_of_probabilistic("beta_nll_distribution", b, a, 1 - t)


def _power(rng: Generator) -> Any:
    """The density of a power of a uniform number is a t^(a - 1)."""
    (a,), t = positive_of_probabilistic(rng, 1), rng.uniform(size=(6, 5))
    return value_of_probabilistic("beta_nll_distribution", a, np.ones_like(a), t), -(np.log(a) + (a - 1) * np.log(t)).sum(axis=1)


IDENTITIES = [
    ("a beta distribution of concentrations 1 is uniform", _uniform),
    ("beta is dirichlet of two parts", _two_parts),
    ("beta has two equal ends", _mirrored),
    ("beta with one concentration 1 is a power", _power),
]
