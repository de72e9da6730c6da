from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import positive_of_probabilistic, value_of_probabilistic


def _crps_of_a_point(rng: Generator) -> Any:
    x, t, _ = positive_of_probabilistic(rng)
    return value_of_probabilistic("crps", x, t, np.full_like(x, 1e-30)), value_of_probabilistic("mean_absolute_error", x, t)


def _crps_of_one_member(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 6))
    return value_of_probabilistic("crps_ensemble", x[:, None], t), np.abs(x - t)


def _ranked_probabilities_of_two(rng: Generator) -> Any:
    p, y = rng.uniform(size=6), rng.integers(0, 2, size=6)
    return value_of_probabilistic("ranked_probability_score", np.stack([p, 1 - p], axis=1), y), value_of_probabilistic(
        "brier_score", p, (y == 0).astype(float)
    )


def _interval_of_quantiles(rng: Generator) -> Any:
    low, t, high = rng.normal(size=(3, 6, 5))
    both = value_of_probabilistic("quantile", low, t, quantile=0.05) + value_of_probabilistic("quantile", high, t, quantile=0.95)
    return value_of_probabilistic("interval_score", low, high, t, alpha=0.1), both * 20


def _cosine(rng: Generator) -> Any:
    p, y = rng.uniform(0.1, 1.0, size=(6, 4)), rng.integers(0, 4, size=6)
    return value_of_probabilistic("spherical_score", p, y), value_of_probabilistic("cosine_distance", p, np.eye(4)[y])


def _weighted_intervals(rng: Generator) -> Any:
    """The score is twice the mean pinball loss of its quantiles."""
    alphas = np.array([0.1, 0.4, 0.7])
    levels = np.concatenate([alphas / 2, [0.5], 1 - alphas / 2])
    x, t = rng.normal(size=(6, 5, 7)), rng.normal(size=(6, 5))
    ours = value_of_probabilistic("weighted_interval_score", x[..., :3], x[..., 4:], x[..., 3], t, alphas)
    return ours, 2 * value_of_probabilistic("multi_quantile", x, t, levels) / 7


IDENTITIES = [
    ("weighted_interval_score is twice the mean pinball loss", _weighted_intervals),
    ("spherical_score is the cosine distance to the true class", _cosine),
    (
        "brier_score is the squared error",
        lambda r: (value_of_probabilistic("brier_score", *(p := r.uniform(size=(2, 6, 5)))), value_of_probabilistic("mean_squared_error", *p)),
    ),
    ("crps of a point is the absolute error", _crps_of_a_point),
    ("crps of one member is the absolute error", _crps_of_one_member),
    ("ranked probabilities of two classes are brier", _ranked_probabilities_of_two),
    ("interval_score is two quantile losses", _interval_of_quantiles),
]
