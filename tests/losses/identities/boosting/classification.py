from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking
from tests.losses.identities.boosting._shared import curvature, equal


def classes(rng):
    return {"predictions": rng.normal(size=(7, 4)), "labels": rng.integers(0, 4, size=7)}


def binary(rng):
    return {"predictions": rng.normal(size=9), "labels": rng.integers(0, 2, size=9).astype(float)}


def signed(call):
    return {"predictions": call["predictions"], "labels": 2 * call["labels"] - 1}


IDENTITIES = [
    equal("boosting_cross_entropy_lambda", "boosting_cross_entropy", draw=binary),
    ("boosting_hinge is hinge of signs", lambda r: (value_of_ranking("boosting_hinge", **(c := binary(r))), value_of_ranking("hinge", **signed(c)))),
    (
        "boosting_exponential is exponential of signs",
        lambda r: (value_of_ranking("boosting_exponential", **(c := binary(r))), value_of_ranking("exponential", **signed(c))),
    ),
    equal("boosting_logistic", "binary_cross_entropy_with_logits", draw=binary),
    equal("boosting_cross_entropy", "boosting_logistic", draw=binary),
    equal("boosting_softmax", "cross_entropy", draw=classes),
    (
        "boosting_one_vs_all is boosting_logistic of every class",
        lambda rng: (
            lambda c: (
                value_of_ranking("boosting_one_vs_all", **c),
                4 * value_of_ranking("boosting_logistic", predictions=c["predictions"], labels=np.eye(4)[c["labels"]]),
            )
        )(classes(rng)),
    ),
    (
        "LightGBM's Hessian of two classes is XGBoost's",
        lambda rng: (lambda c: tuple(curvature("boosting_softmax", **c, convention=library) for library in ("lightgbm", "xgboost")))(
            {"predictions": rng.normal(size=(5, 2)), "labels": rng.integers(0, 2, size=5)}
        ),
    ),
]
