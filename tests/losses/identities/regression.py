"""Identities of the distances between an estimate and a true number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES


def value(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def pair(rng: Generator) -> Any:
    return rng.normal(size=(2, 6, 5))


def positive(rng: Generator) -> Any:
    return rng.uniform(0.1, 3.0, size=(2, 6, 5))


def _root(rng: Generator) -> Any:
    x, t = pair(rng)
    return value("root_mean_squared_error", x, t) ** 2, np.atleast_1d(value("mean_squared_error", x, t).sum() / x.size)


def _root_log(rng: Generator) -> Any:
    x, t = positive(rng)
    return value("root_mean_squared_log_error", x, t), value("root_mean_squared_error", np.log(1 + x), np.log(1 + t))


def _relative(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 9))
    return value("relative_squared_error", x, t), value("mean_squared_error", x, t) / t.var()


def _one_quantile(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 6, 1))
    return 2 * value("quantile_huber", x, t, kappa=0.7), value("smooth_l1", x, t, beta=0.7)


def _scaled(rng: Generator) -> Any:
    x, t = pair(rng)
    return value("mean_absolute_scaled_error", x, t, np.tile([2.0, 3.0, 2.0], (6, 1))), value("mean_absolute_error", x, t)


IDENTITIES = [
    ("relative_squared_error is the squared error over the variance", _relative),
    ("quantile_huber of one median is half of smooth_l1", _one_quantile),
    ("mean_absolute_scaled_error is the absolute error where the history moves by 1", _scaled),
    (
        "hampel is huber up to b",
        lambda r: (value("hampel", *(p := pair(r)), a=0.4, b=50.0, c=60.0), value("huber", *p, delta=0.4)),
    ),
    (
        "huber and berhu add up to both their halves",
        lambda r: (
            value("huber", *(p := pair(r)), delta=0.4) / 0.4 + value("berhu", *p, c=0.4),
            value("mean_absolute_error", *p) + value("half_squared_error", *p) / 0.4,
        ),
    ),
    ("huber(delta) is delta smooth_l1(beta=delta)", lambda r: (value("huber", *(p := pair(r)), delta=0.4), 0.4 * value("smooth_l1", *p, beta=0.4))),
    ("half_squared_error is mean_squared_error / 2", lambda r: (2 * value("half_squared_error", *(p := pair(r))), value("mean_squared_error", *p))),
    ("quantile 0.5 is half the absolute error", lambda r: (2 * value("quantile", *(p := pair(r))), value("mean_absolute_error", *p))),
    (
        "both quantiles add up to the absolute error",
        lambda r: (value("quantile", *(p := pair(r)), quantile=0.9) + value("quantile", *p, quantile=0.1), value("mean_absolute_error", *p)),
    ),
    ("expectile 0.5 is half_squared_error", lambda r: (value("expectile", *(p := pair(r))), value("half_squared_error", *p))),
    ("lp(1) is the absolute error", lambda r: (value("lp", *(p := pair(r)), p=1.0), value("mean_absolute_error", *p))),
    ("lp(2) is the squared error", lambda r: (value("lp", *(p := pair(r)), p=2.0), value("mean_squared_error", *p))),
    (
        "epsilon_insensitive(0) is the absolute error",
        lambda r: (value("epsilon_insensitive", *(p := pair(r)), epsilon=0.0), value("mean_absolute_error", *p)),
    ),
    (
        "squared_epsilon_insensitive(0) is the squared error",
        lambda r: (value("squared_epsilon_insensitive", *(p := pair(r)), epsilon=0.0), value("mean_squared_error", *p)),
    ),
    ("the root squared is the mean", _root),
    ("the root of the logarithms is RMSE of logarithms", _root_log),
    (
        "the squared logarithmic error is the squared error of logarithms",
        lambda r: (value("mean_squared_logarithmic_error", *(p := positive(r))), value("mean_squared_error", *np.log(1 + p))),
    ),
    (
        "log_lin_quantile is quantile of the exponential",
        lambda r: (value("log_lin_quantile", *(p := pair(r)), alpha=0.3), value("quantile", np.exp(p[0]), p[1], quantile=0.3)),
    ),
    ("barron(2) is half the squared error", lambda r: (value("barron_general_robust", *(p := pair(r)), alpha=2.0), value("half_squared_error", *p))),
    ("barron(1) is pseudo_huber", lambda r: (value("barron_general_robust", *(p := pair(r)), alpha=1.0), value("pseudo_huber", *p))),
    ("barron(0) is cauchy", lambda r: (value("barron_general_robust", *(p := pair(r)), alpha=0.0, c=0.7), value("cauchy", *p, c=0.7))),
    (
        "barron(-2) is geman_mcclure",
        lambda r: (value("barron_general_robust", *(p := pair(r)), alpha=-2.0, c=0.7), value("geman_mcclure", *p, c=0.7)),
    ),
    ("barron(-infinity) is welsch", lambda r: (value("barron_general_robust", *(p := pair(r)), alpha=-1e14), value("welsch", *p))),
    ("barron just beside 0 is cauchy", lambda r: (value("barron_general_robust", *(p := pair(r)), alpha=1e-14), value("cauchy", *p))),
    (
        "barron just beside 2 is half the squared error",
        lambda r: (value("barron_general_robust", *(p := pair(r)), alpha=2 - 1e-14), value("half_squared_error", *p)),
    ),
]
