from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import value_of_probabilistic


def _diagonal(rng: Generator) -> Any:
    (mu, t), scale = rng.normal(size=(2, 6, 3)), rng.uniform(0.3, 3.0, size=(6, 3))
    factor = scale[:, :, None] * np.eye(3)
    return value_of_probabilistic("multivariate_gaussian_nll", mu, t, factor), value_of_probabilistic("gaussian_nll", mu, t, scale**2, full=True)


def _one_coordinate(rng: Generator) -> Any:
    members, t = rng.normal(size=(6, 5)), rng.normal(size=6)
    return value_of_probabilistic("energy_score", members[:, :, None], t[:, None]), value_of_probabilistic("crps_ensemble", members, t)


def _variogram_of_two(rng: Generator) -> Any:
    x, t = np.sort(rng.normal(size=(2, 6, 2)))
    return value_of_probabilistic("variogram_score", x[:, None], t, p=1.0), 2 * value_of_probabilistic(
        "mean_squared_error", *(np.diff(y) for y in (x, t))
    )


IDENTITIES = [
    ("multivariate_gaussian_nll of a diagonal factor is gaussian_nll", _diagonal),
    ("energy_score of one coordinate is crps_ensemble", _one_coordinate),
    ("variogram_score of two coordinates is twice the squared error of their distance", _variogram_of_two),
]
