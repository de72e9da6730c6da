from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking
from tests.losses.identities.boosting._shared import curvature, equal, scores_of_boosting


def positive(rng):
    return {"predictions": rng.uniform(0.0, 3.0, size=9), "labels": rng.uniform(0.1, 3.0, size=9)}


IDENTITIES = [
    equal("boosting_squared", "half_squared_error"),
    equal("boosting_absolute", "mean_absolute_error"),
    equal("boosting_huber", "huber", mine={"alpha": 0.6}, theirs={"delta": 0.6}),
    equal("boosting_fair", "fair", mine={"fair_c": 0.7}, theirs={"c": 0.7}),
    equal("boosting_pseudo_huber", "pseudo_huber", mine={"huber_slope": 0.7}, theirs={"delta": 0.7}),
    (
        "boosting_expectile is half of expectile",
        lambda r: (
            2 * value_of_ranking("boosting_expectile", **(c := scores_of_boosting(r)), alpha=0.9),
            value_of_ranking("expectile", **c, alpha=0.9),
        ),
    ),
    (
        "boosting_squared_log is half of mean_squared_logarithmic_error",
        lambda r: (2 * value_of_ranking("boosting_squared_log", **(c := positive(r))), value_of_ranking("mean_squared_logarithmic_error", **c)),
    ),
    equal("boosting_quantile", "quantile", mine={"alpha": 0.8}, theirs={"quantile": 0.8}),
    equal("boosting_poisson", "poisson_nll"),
    (
        "LightGBM's Poisson Hessian is scikit-learn's times e^0.7",
        lambda rng: (lambda c: (curvature("boosting_poisson", **c), np.exp(0.7) * curvature("boosting_poisson", **c, convention="sklearn")))(
            scores_of_boosting(rng)
        ),
    ),
    (
        "boosting_tweedie's Hessian is a mix of its two exponentials",
        lambda rng: (
            lambda c: (
                curvature("boosting_tweedie", **c),
                0.5 * np.exp(0.5 * c["predictions"]) + 0.5 * c["labels"] * np.exp(-0.5 * c["predictions"]),
            )
        )(scores_of_boosting(rng)),
    ),
]
