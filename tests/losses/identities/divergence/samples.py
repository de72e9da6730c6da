from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import logits_of_divergence, value_of_divergence


def _crps(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 5)), rng.normal(size=6)
    return value_of_divergence("energy_distance", x, t[:, None]), 2 * value_of_divergence("crps_ensemble", x, t)


IDENTITIES = [
    ("energy_distance to one number is twice crps_ensemble", _crps),
    (
        "chamfer_distance of one point each is twice the squared error of its coordinates",
        lambda r: (value_of_divergence("chamfer_distance", *(x := r.normal(size=(2, 6, 1, 3)))), 2 * value_of_divergence("mean_squared_error", *x)),
    ),
    (
        "wasserstein_1d of sorted samples is the absolute error",
        lambda r: (
            5 * value_of_divergence("wasserstein_1d", *(x := np.sort(logits_of_divergence(r), axis=2))),
            value_of_divergence("mean_absolute_error", *x),
        ),
    ),
]
