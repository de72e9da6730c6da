from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from scipy import integrate, stats

from tests.losses.identities._shared import positive_of_probabilistic, value_of_probabilistic


def _integral(distribution: Any, t: float) -> float:
    """The definition of the score: the integral of the squared difference of the distribution function and the step at the label."""
    below = integrate.quad(lambda y: distribution.cdf(y) ** 2, distribution.support()[0], t, epsabs=0, epsrel=1e-13, limit=500)[0]
    return float(below + integrate.quad(lambda y: distribution.sf(y) ** 2, t, np.inf, epsabs=0, epsrel=1e-13, limit=500)[0])


def _definition(name: str, distribution: Callable[..., Any], **options: Any) -> Any:
    def both(rng: Generator) -> Any:
        x, t, scale = (a[:2, :2] for a in positive_of_probabilistic(rng))
        ours = value_of_probabilistic(name, x, t, *((scale,) if name != "crps_exponential" else ()), **options)
        theirs = [[_integral(distribution(a, s), b) for a, b, s in zip(*row, strict=True)] for row in zip(x, t, scale, strict=True)]
        return ours, np.sum(theirs, axis=1)

    return both


def _poisson_sum(rng: Generator) -> Any:
    mean, t, k = rng.uniform(0.1, 9.0, size=7), rng.integers(0, 9, size=7), np.arange(80)
    steps = stats.poisson.cdf(k, mean[:, None]) - (t[:, None] <= k)
    return value_of_probabilistic("crps_poisson", mean, t), (steps * steps).sum(axis=1)


def _student_to_normal(rng: Generator) -> Any:
    x, t, s = positive_of_probabilistic(rng)
    return value_of_probabilistic("crps_student_t", x, t, s, degrees_of_freedom=1e15), value_of_probabilistic("crps", x, t, s)


IDENTITIES = [
    ("crps is an integral", _definition("crps", lambda x, s: stats.norm(x, s))),
    ("crps_logistic is an integral", _definition("crps_logistic", lambda x, s: stats.logistic(x, s))),
    ("crps_laplace is an integral", _definition("crps_laplace", lambda x, s: stats.laplace(x, s))),
    ("crps_student_t is an integral", _definition("crps_student_t", lambda x, s: stats.t(2.5, x, s), degrees_of_freedom=2.5)),
    ("crps_exponential is an integral", _definition("crps_exponential", lambda x, s: stats.expon(scale=1 / x))),
    ("crps_lognormal is an integral", _definition("crps_lognormal", lambda x, s: stats.lognorm(s, scale=np.exp(x)))),
    ("crps_poisson is a sum", _poisson_sum),
    ("crps_student_t of infinite degrees is crps", _student_to_normal),
]
