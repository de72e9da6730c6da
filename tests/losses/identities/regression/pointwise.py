from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES, compute
from tests import required
from tests.losses.identities._shared import gradient_of_core, of_of_policy, per_sample, value_of_core, value_of_ranking
from tests.losses.identities.regression._shared import pair, value_of_regression


def numbers(rng: Generator, *shape: int) -> dict[str, Any]:
    return {"predictions": rng.normal(size=shape), "labels": rng.normal(size=shape)}


def several_quantiles(rng):
    x, labels, levels = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 2)), np.array([0.1, 0.5, 0.8])
    each = [required(LOSSES["quantile"](x[..., k], labels, quantile=level).elements)() for k, level in enumerate(levels)]
    return required(LOSSES["multi_quantile"](x, labels, levels).elements)(), np.stack(each, axis=-1)


def huber_is_smooth_l1(rng):
    x, delta = numbers(rng, 6, 3), 0.7
    return per_sample("huber", x, delta=delta), delta * per_sample("smooth_l1", x, beta=delta)


def huber_gradient_is_smooth_l1s(rng):
    x, delta = numbers(rng, 6, 3), 0.7
    return gradient_of_core("huber", x, delta=delta), delta * gradient_of_core("smooth_l1", x, beta=delta)


def wide_huber_is_half_the_square(rng):
    x = numbers(rng, 6)
    return value_of_core("huber", x, delta=1e6), 0.5 * value_of_core("mean_squared_error", x)


def smooth_l1_of_zero_is_absolute(rng):
    x = numbers(rng, 6)
    return value_of_core("smooth_l1", x, beta=0.0), value_of_core("mean_absolute_error", x)


def regression_is_even(rng):
    x = numbers(rng, 6)
    swapped = {"predictions": x["labels"], "labels": x["predictions"]}
    return [value_of_core(name, x) for name in SYMMETRIC], [value_of_core(name, swapped) for name in SYMMETRIC]


SYMMETRIC = ("mean_squared_error", "mean_absolute_error", "smooth_l1", "huber")


def labels_gradient_is_the_negative(rng):
    x = numbers(rng, 6)
    return [gradient_of_core(name, x) for name in SYMMETRIC], [-gradient_of_core(name, x, "labels") for name in SYMMETRIC]


def element_weight_repeats(rng):
    x, w = numbers(rng, 1, 6), rng.integers(1, 4, size=(1, 6))
    repeated = {key: np.repeat(array, w[0], axis=1) for key, array in x.items()}
    return value_of_core("mean_squared_error", x | {"weight": w.astype(float)}), value_of_core("mean_squared_error", repeated)


def gradients_of_shards_merge(rng):
    x = numbers(rng, 7, 2)
    shards = [{key: array[part] for key, array in x.items()} for part in (slice(0, 3), slice(3, 7))]
    answers = [compute(LOSSES["huber"], shard, {}) for shard in shards]
    total = sum(required(a.normalizer) for a in answers)
    return gradient_of_core("huber", x), np.concatenate([required(a.gradients)["predictions"] * required(a.normalizer) / total for a in answers])


def batchmean_is_sum_over_n(rng):
    x = numbers(rng, 6, 3)
    return value_of_core("mean_squared_error", x, "batchmean"), value_of_core("mean_squared_error", x, "sum") / 6


def positive(rng: Generator) -> Any:
    return rng.uniform(0.1, 3.0, size=(2, 6, 5))


def _root(rng: Generator) -> Any:
    x, t = pair(rng)
    return value_of_regression("root_mean_squared_error", x, t) ** 2, np.atleast_1d(value_of_regression("mean_squared_error", x, t).sum() / x.size)


def _root_log(rng: Generator) -> Any:
    x, t = positive(rng)
    return value_of_regression("root_mean_squared_log_error", x, t), value_of_regression("root_mean_squared_error", np.log(1 + x), np.log(1 + t))


IDENTITIES = [
    ("multi_quantile is quantile for each level", several_quantiles),
    ("huber(delta) = delta smooth_l1(beta = delta)", huber_is_smooth_l1),
    ("the same of their gradients", huber_gradient_is_smooth_l1s),
    ("huber with a far delta = half the squared error", wide_huber_is_half_the_square),
    ("smooth_l1(beta = 0) = absolute error", smooth_l1_of_zero_is_absolute),
    ("distances are symmetric", regression_is_even),
    ("a distance's gradient of the labels = minus that of the predictions", labels_gradient_is_the_negative),
    ("an integer element weight = repeated elements", element_weight_repeats),
    ("gradients of shards merge by their normalizers", gradients_of_shards_merge),
    ("batchmean = sum / n", batchmean_is_sum_over_n),
    (
        "k2 is half_squared_error",
        of_of_policy(
            lambda c: (
                value_of_ranking("kl_estimator", logps=c["logps"], ref_logps=c["old_logps"], estimator="k2"),
                value_of_ranking("half_squared_error", predictions=c["logps"], labels=c["old_logps"]),
            )
        ),
    ),
    (
        "huber and berhu add up to both their halves",
        lambda r: (
            value_of_regression("huber", *(p := pair(r)), delta=0.4) / 0.4 + value_of_regression("berhu", *p, c=0.4),
            value_of_regression("mean_absolute_error", *p) + value_of_regression("half_squared_error", *p) / 0.4,
        ),
    ),
    (
        "huber(delta) is delta smooth_l1(beta=delta)",
        lambda r: (value_of_regression("huber", *(p := pair(r)), delta=0.4), 0.4 * value_of_regression("smooth_l1", *p, beta=0.4)),
    ),
    (
        "half_squared_error is mean_squared_error / 2",
        lambda r: (2 * value_of_regression("half_squared_error", *(p := pair(r))), value_of_regression("mean_squared_error", *p)),
    ),
    (
        "quantile 0.5 is half the absolute error",
        lambda r: (2 * value_of_regression("quantile", *(p := pair(r))), value_of_regression("mean_absolute_error", *p)),
    ),
    (
        "both quantiles add up to the absolute error",
        lambda r: (
            value_of_regression("quantile", *(p := pair(r)), quantile=0.9) + value_of_regression("quantile", *p, quantile=0.1),
            value_of_regression("mean_absolute_error", *p),
        ),
    ),
    (
        "expectile 0.5 is half_squared_error",
        lambda r: (value_of_regression("expectile", *(p := pair(r))), value_of_regression("half_squared_error", *p)),
    ),
    ("lp(1) is the absolute error", lambda r: (value_of_regression("lp", *(p := pair(r)), p=1.0), value_of_regression("mean_absolute_error", *p))),
    ("lp(2) is the squared error", lambda r: (value_of_regression("lp", *(p := pair(r)), p=2.0), value_of_regression("mean_squared_error", *p))),
    (
        "epsilon_insensitive(0) is the absolute error",
        lambda r: (value_of_regression("epsilon_insensitive", *(p := pair(r)), epsilon=0.0), value_of_regression("mean_absolute_error", *p)),
    ),
    (
        "squared_epsilon_insensitive(0) is the squared error",
        lambda r: (value_of_regression("squared_epsilon_insensitive", *(p := pair(r)), epsilon=0.0), value_of_regression("mean_squared_error", *p)),
    ),
    ("the root squared is the mean", _root),
    ("the root of the logarithms is RMSE of logarithms", _root_log),
    (
        "the squared logarithmic error is the squared error of logarithms",
        lambda r: (
            value_of_regression("mean_squared_logarithmic_error", *(p := positive(r))),
            value_of_regression("mean_squared_error", *np.log(1 + p)),
        ),
    ),
    (
        "log_lin_quantile is quantile of the exponential",
        lambda r: (
            value_of_regression("log_lin_quantile", *(p := pair(r)), alpha=0.3),
            value_of_regression("quantile", np.exp(p[0]), p[1], quantile=0.3),
        ),
    ),
]
