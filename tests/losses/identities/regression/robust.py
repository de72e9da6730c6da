from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import positive_of_probabilistic, value_of_probabilistic
from tests.losses.identities.regression._shared import pair, value_of_regression


def _student_is_cauchy(rng: Generator) -> Any:
    x, t, s = positive_of_probabilistic(rng)
    normalizer = (math.log(math.pi) + np.log(s)).sum(axis=1)
    return value_of_probabilistic("student_t_nll", x, t, s, degrees_of_freedom=1.0) - normalizer, value_of_probabilistic(
        "cauchy", x / s, t / s, c=math.sqrt(0.5)
    )


def _crps_estimators(rng: Generator) -> Any:
    x, t = rng.normal(size=(6, 5)), rng.normal(size=6)
    pairs = np.abs(x[:, :, None] - x[:, None]).sum(axis=(1, 2))
    return value_of_probabilistic("crps_ensemble", x, t) - value_of_probabilistic("crps_ensemble", x, t, estimator="fair"), pairs * (
        0.5 / 20 - 0.5 / 25
    )


def _one_quantile(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 6, 1))
    return 2 * value_of_regression("quantile_huber", x, t, kappa=0.7), value_of_regression("smooth_l1", x, t, beta=0.7)


def _charbonnier(rng: Generator) -> Any:
    x, t = pair(rng)
    return value_of_regression("charbonnier", x, t, eps=0.3), value_of_regression("pseudo_huber", x, t, delta=0.3) / 0.3 + 0.3 * 5


IDENTITIES = [
    ("charbonnier is pseudo_huber over eps, plus eps", _charbonnier),
    ("student_t of one degree is cauchy", _student_is_cauchy),
    ("the fair crps differs by the spread", _crps_estimators),
    ("quantile_huber of one median is half of smooth_l1", _one_quantile),
    (
        "hampel is huber up to b",
        lambda r: (value_of_regression("hampel", *(p := pair(r)), a=0.4, b=50.0, c=60.0), value_of_regression("huber", *p, delta=0.4)),
    ),
    (
        "barron(2) is half the squared error",
        lambda r: (value_of_regression("barron_general_robust", *(p := pair(r)), alpha=2.0), value_of_regression("half_squared_error", *p)),
    ),
    (
        "barron(1) is pseudo_huber",
        lambda r: (value_of_regression("barron_general_robust", *(p := pair(r)), alpha=1.0), value_of_regression("pseudo_huber", *p)),
    ),
    (
        "barron(0) is cauchy",
        lambda r: (value_of_regression("barron_general_robust", *(p := pair(r)), alpha=0.0, c=0.7), value_of_regression("cauchy", *p, c=0.7)),
    ),
    (
        "barron(-2) is geman_mcclure",
        lambda r: (value_of_regression("barron_general_robust", *(p := pair(r)), alpha=-2.0, c=0.7), value_of_regression("geman_mcclure", *p, c=0.7)),
    ),
    (
        "barron(-infinity) is welsch",
        lambda r: (value_of_regression("barron_general_robust", *(p := pair(r)), alpha=-1e14), value_of_regression("welsch", *p)),
    ),
    (
        "barron just beside 0 is cauchy",
        lambda r: (value_of_regression("barron_general_robust", *(p := pair(r)), alpha=1e-14), value_of_regression("cauchy", *p)),
    ),
    (
        "barron just beside 2 is half the squared error",
        lambda r: (value_of_regression("barron_general_robust", *(p := pair(r)), alpha=2 - 1e-14), value_of_regression("half_squared_error", *p)),
    ),
]
