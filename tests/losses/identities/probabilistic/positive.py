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


IDENTITIES = [
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
