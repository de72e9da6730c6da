from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import positive_of_probabilistic, value_of_probabilistic


def _lognormal(rng: Generator) -> Any:
    x, t, s = positive_of_probabilistic(rng)
    return value_of_probabilistic("lognormal_nll", x, t, s), value_of_probabilistic("gaussian_nll", x, np.log(t), s * s, full=True) + np.log(t).sum(
        axis=1
    )


def _weibull_is_exponential(rng: Generator) -> Any:
    x, t, _ = positive_of_probabilistic(rng)
    return value_of_probabilistic("weibull_nll", x, t, np.ones_like(x)), value_of_probabilistic("exponential_nll", 1 / x, t)


def _gamma_is_exponential(rng: Generator) -> Any:
    r, t, _ = positive_of_probabilistic(rng)
    return value_of_probabilistic("gamma_nll_distribution", np.ones_like(r), r, t), value_of_probabilistic("exponential_nll", r, t)


def _gamma_of_a_mean(rng: Generator) -> Any:
    """Between two predictions of the mean, the likelihoods differ by those of gamma_nll."""
    x, y, t = positive_of_probabilistic(rng)
    k = np.full_like(x, 2.5)
    ours = [value_of_probabilistic("gamma_nll_distribution", k, k * np.exp(-a), t) for a in (x, y)]
    theirs = [2.5 * value_of_probabilistic("gamma_nll", a, t) for a in (x, y)]
    return ours[0] - ours[1], theirs[0] - theirs[1]


def _deviance_is(power: float, name: str) -> Any:
    def both(rng: Generator) -> Any:
        x, t, _ = positive_of_probabilistic(rng)
        return value_of_probabilistic("tweedie_deviance", x, t, power=power), value_of_probabilistic(name, x, t)

    return both


def _deviance_of_likelihood(rng: Generator) -> Any:
    """Twice the difference of two likelihoods is that of their deviances."""
    x, y, t = positive_of_probabilistic(rng)
    ours = [value_of_probabilistic("tweedie_deviance", a, t, power=1.3) for a in (x, y)]
    theirs = [2 * value_of_probabilistic("tweedie_nll", np.log(a), t, power=1.3) for a in (x, y)]
    return ours[0] - ours[1], theirs[0] - theirs[1]


IDENTITIES = [
    ("tweedie_deviance of power 0 is the squared error", _deviance_is(0.0, "mean_squared_error")),
    ("tweedie_deviance of power 1 is poisson_deviance", _deviance_is(1.0, "poisson_deviance")),
    ("tweedie_deviance of power 2 is gamma_deviance", _deviance_is(2.0, "gamma_deviance")),
    ("tweedie_deviance of power 3 is inverse_gaussian_deviance", _deviance_is(3.0, "inverse_gaussian_deviance")),
    ("tweedie_deviance is that of tweedie_nll", _deviance_of_likelihood),
    ("gamma of shape 1 is exponential", _gamma_is_exponential),
    ("gamma of a given shape is gamma_nll", _gamma_of_a_mean),
    ("lognormal is gaussian of the logarithm", _lognormal),
    ("weibull of shape 1 is exponential", _weibull_is_exponential),
    (
        "tweedie of power 1 is poisson",
        lambda r: (
            value_of_probabilistic("tweedie_nll", *(p := positive_of_probabilistic(r, 2)), power=1.0),
            value_of_probabilistic("poisson_nll", *p),
        ),
    ),
    (
        "tweedie of power 2 is gamma",
        lambda r: (
            value_of_probabilistic("tweedie_nll", *(p := positive_of_probabilistic(r, 2)), power=2.0),
            value_of_probabilistic("gamma_nll", *p),
        ),
    ),
]
