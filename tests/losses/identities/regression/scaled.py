from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities.regression._shared import pair, value_of_regression


def _relative(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 9))
    return value_of_regression("relative_squared_error", x, t), value_of_regression("mean_squared_error", x, t) / t.var()


def _scaled(rng: Generator) -> Any:
    x, t = pair(rng)
    return value_of_regression("mean_absolute_scaled_error", x, t, np.tile([2.0, 3.0, 2.0], (6, 1))), value_of_regression("mean_absolute_error", x, t)


def _percent(rng):
    x, t = pair(rng)
    return value_of_regression("mean_absolute_percentage_error", x, t, scale=100.0), 100 * value_of_regression("mean_absolute_percentage_error", x, t)


def _relative_l1(rng: Generator) -> Any:
    x, t = pair(rng)
    return value_of_regression("relative_l2", x, t, p=1.0, eps=0.0), value_of_regression("mean_absolute_error", x, t) / np.abs(t).sum(axis=1)


def _relative_l2(rng: Generator) -> Any:
    x, t = pair(rng)
    return value_of_regression("relative_l2", x, t, eps=0.0) ** 2, value_of_regression("mean_squared_error", x, t) / (t * t).sum(axis=1)


IDENTITIES = [
    ("relative_l2 of order 1 is the absolute error over the labels", _relative_l1),
    ("relative_l2 squared is the squared error over the labels", _relative_l2),
    ("relative_squared_error is the squared error over the variance", _relative),
    ("mean_absolute_scaled_error is the absolute error where the history moves by 1", _scaled),
    ("percent are hundredths", _percent),
]
