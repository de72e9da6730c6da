from __future__ import annotations

import numpy as np

from service.losses import LOSSES, Controls, compute
from tests.losses.identities.ranking import value


def curvature(name, **call):
    inputs = {item.name for item in LOSSES[name].inputs}
    tensors = {key: array for key, array in call.items() if key in inputs}
    options = {key: v for key, v in call.items() if key not in inputs}
    controls = Controls(reduction="sum", outputs=("hessian_diagonal",))
    return compute(LOSSES[name], tensors, options, controls).hessian_diagonal["predictions"]


def scores(rng):
    return {"predictions": rng.normal(size=9), "labels": rng.uniform(0.1, 3.0, size=9)}


def classes(rng):
    return {"predictions": rng.normal(size=(7, 4)), "labels": rng.integers(0, 4, size=7)}


def binary(rng):
    return {"predictions": rng.normal(size=9), "labels": rng.integers(0, 2, size=9).astype(float)}


def positive(rng):
    return {"predictions": rng.uniform(0.0, 3.0, size=9), "labels": rng.uniform(0.1, 3.0, size=9)}


def signed(call):
    return {"predictions": call["predictions"], "labels": 2 * call["labels"] - 1}


def equal(name, other, draw=scores, mine=None, theirs=None):
    return f"{name} is {other}", lambda rng: (lambda c: (value(name, **c, **(mine or {})), value(other, **c, **(theirs or {}))))(draw(rng))


IDENTITIES = [
    equal("boosting_squared", "half_squared_error"),
    equal("boosting_absolute", "mean_absolute_error"),
    equal("boosting_huber", "huber", mine={"alpha": 0.6}, theirs={"delta": 0.6}),
    equal("boosting_fair", "fair", mine={"fair_c": 0.7}, theirs={"c": 0.7}),
    equal("boosting_pseudo_huber", "pseudo_huber", mine={"huber_slope": 0.7}, theirs={"delta": 0.7}),
    equal("boosting_cross_entropy_lambda", "boosting_cross_entropy", draw=binary),
    (
        "boosting_expectile is half of expectile",
        lambda r: (2 * value("boosting_expectile", **(c := scores(r)), alpha=0.9), value("expectile", **c, alpha=0.9)),
    ),
    (
        "boosting_squared_log is half of mean_squared_logarithmic_error",
        lambda r: (2 * value("boosting_squared_log", **(c := positive(r))), value("mean_squared_logarithmic_error", **c)),
    ),
    ("boosting_hinge is hinge of signs", lambda r: (value("boosting_hinge", **(c := binary(r))), value("hinge", **signed(c)))),
    (
        "boosting_exponential is exponential of signs",
        lambda r: (value("boosting_exponential", **(c := binary(r))), value("exponential", **signed(c))),
    ),
    equal("boosting_quantile", "quantile", mine={"alpha": 0.8}, theirs={"quantile": 0.8}),
    equal("boosting_poisson", "poisson_nll"),
    equal("boosting_logistic", "binary_cross_entropy_with_logits", draw=binary),
    equal("boosting_cross_entropy", "boosting_logistic", draw=binary),
    equal("boosting_softmax", "cross_entropy", draw=classes),
    (
        "boosting_one_vs_all is boosting_logistic of every class",
        lambda rng: (
            lambda c: (
                value("boosting_one_vs_all", **c),
                4 * value("boosting_logistic", predictions=c["predictions"], labels=np.eye(4)[c["labels"]]),
            )
        )(classes(rng)),
    ),
    (
        "LightGBM's Hessian of two classes is XGBoost's",
        lambda rng: (lambda c: tuple(curvature("boosting_softmax", **c, convention=library) for library in ("lightgbm", "xgboost")))(
            {"predictions": rng.normal(size=(5, 2)), "labels": rng.integers(0, 2, size=5)}
        ),
    ),
    (
        "LightGBM's Poisson Hessian is scikit-learn's times e^0.7",
        lambda rng: (lambda c: (curvature("boosting_poisson", **c), np.exp(0.7) * curvature("boosting_poisson", **c, convention="sklearn")))(
            scores(rng)
        ),
    ),
    (
        "boosting_tweedie's Hessian is a mix of its two exponentials",
        lambda rng: (
            lambda c: (
                curvature("boosting_tweedie", **c),
                0.5 * np.exp(0.5 * c["predictions"]) + 0.5 * c["labels"] * np.exp(-0.5 * c["predictions"]),
            )
        )(scores(rng)),
    ),
    (
        "boosting_lambdarank without its norms is lambda_loss without its count",
        lambda rng: (
            lambda c: (
                value("boosting_lambdarank", **c, lambdarank_norm=False) * 4,
                value("lambda_loss", **c) / 5 * np.count_nonzero(c["labels"][:, :, None] > c["labels"][:, None, :]),
            )
        )({"predictions": rng.normal(size=(4, 5)), "labels": np.tile([3.0, 1.0, 2.0, 0.0, 1.0], (4, 1))}),
    ),
]
