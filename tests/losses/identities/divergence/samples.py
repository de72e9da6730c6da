from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import logits_of_divergence, value_of_divergence


def _crps(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 5)), rng.normal(size=6)
    return value_of_divergence("energy_distance", x, t[:, None]), 2 * value_of_divergence("crps_ensemble", x, t)


def _mmd_of_a_wide_kernel(rng: Generator) -> Any:
    x, t = rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 6, 3))
    gap = x.mean(axis=1) - t.mean(axis=1)
    return 1e16 * value_of_divergence("mmd", x, t, np.array([1e8])), np.vecdot(gap, gap)


def _unbiased_mmd(rng: Generator) -> Any:
    """The pairs of a point with itself, whose kernels are 1, are left out."""
    x, t, width = rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 6, 3)), np.array([0.7])
    own = [np.exp(-0.5 * ((a[:, :, None] - a[:, None]) ** 2).sum(axis=3) / width**2).sum(axis=(1, 2)) for a in (x, t)]
    more = sum((total - m) / (m * (m - 1)) - total / m**2 for total, m in zip(own, (4, 6), strict=True))
    return value_of_divergence("mmd", x, t, width, estimator="unbiased"), value_of_divergence("mmd", x, t, width) + more


IDENTITIES = [
    ("mmd with a wide kernel is the squared distance of the means over the squared bandwidth", _mmd_of_a_wide_kernel),
    ("mmd unbiased leaves out the pairs of a point with itself", _unbiased_mmd),
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
