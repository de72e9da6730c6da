from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import value_of_divergence


def _one_line_is_wasserstein_1d(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 4, 7))
    return (
        value_of_divergence("sliced_wasserstein", x[..., None], t[..., None], np.ones((1, 1)), p=1.5),
        value_of_divergence("wasserstein_1d", x, t, p=1.5),
    )


def _points_given_twice_change_nothing(rng: Generator) -> Any:
    x, t, lines = rng.normal(size=(3, 4, 3)), rng.normal(size=(3, 5, 3)), rng.normal(size=(6, 3))
    twice = np.concatenate([x, x], axis=1)
    return value_of_divergence("sliced_wasserstein", x, t, lines), value_of_divergence("sliced_wasserstein", twice, t, lines)


def _single_points_have_their_cost(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 5, 1, 3))
    distance = np.linalg.norm(x - t, axis=2)[:, 0]
    return [value_of_divergence("sinkhorn_divergence", x, t, p=p) for p in (1, 2)], [distance, 0.5 * distance**2]


def _a_wide_blur_compares_means(rng: Generator) -> Any:
    x, t = rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 6, 3))
    gap = x.mean(axis=1) - t.mean(axis=1)
    return value_of_divergence("sinkhorn_divergence", x, t, blur=1e7), 0.5 * np.vecdot(gap, gap)


def _either_side_may_be_the_prediction(rng: Generator) -> Any:
    x, t = rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 6, 3))
    return value_of_divergence("sinkhorn_divergence", x, t), value_of_divergence("sinkhorn_divergence", t, x)


IDENTITIES = [
    ("sliced_wasserstein along one line is wasserstein_1d", _one_line_is_wasserstein_1d),
    ("sliced_wasserstein of points given twice is that of the points", _points_given_twice_change_nothing),
    ("sinkhorn_divergence of single points is their cost", _single_points_have_their_cost),
    ("sinkhorn_divergence with a wide blur is half the squared distance of the means", _a_wide_blur_compares_means),
    ("sinkhorn_divergence is symmetric", _either_side_may_be_the_prediction),
]
