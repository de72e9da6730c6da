"""The boosting objectives are those of the libraries: the same trees as LightGBM's own, the same derivatives as scikit-learn's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from service.losses import LOSSES, Controls, compute
from tests import required

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightgbm
    import sklearn._loss.loss as sklearn_loss

ROWS, FEATURES, ROUNDS, CLASSES = 400, 5, 12, 3
FIXED = {"num_leaves": 8, "min_data_in_leaf": 10, "verbosity": -1, "num_threads": 1, "deterministic": True, "boost_from_average": False}


def pair(name: str, predictions: Any, labels: Any, **options: Any) -> tuple[Any, Any]:
    """Gradient and Hessian of every row, as a custom objective returns them."""
    controls = Controls(reduction="sum", outputs=("gradients", "hessian_diagonal"))
    answer = compute(LOSSES[name], {"predictions": np.asarray(predictions), "labels": np.asarray(labels)}, options, controls)
    return required(answer.gradients)["predictions"], required(answer.hessian_diagonal)["predictions"]


def features() -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, FEATURES))
    return x, x[:, 0] - 0.5 * x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=ROWS)


def trees(booster: Any) -> list[tuple[list[Any], list[float]]]:
    """For each tree the features of its splits in order (None at a leaf), and the thresholds and leaves' values."""

    def walk(node: dict[str, Any]) -> tuple[list[Any], list[float]]:
        if "leaf_value" in node:
            return [None], [node["leaf_value"]]
        left, right = walk(node["left_child"]), walk(node["right_child"])
        return [node["split_feature"], *left[0], *right[0]], [node["threshold"], *left[1], *right[1]]

    return [walk(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]]


def train(objective: Any, y: Any, **parameters: Any) -> Any:
    data = lightgbm.Dataset(features()[0], label=y, free_raw_data=False, params={"verbosity": -1})
    return lightgbm.train(FIXED | parameters | {"objective": objective}, data, ROUNDS)


def same_trees(builtin: Any, custom: Any, tolerance: float) -> None:
    """LightGBM keeps gradients in float32, so that leaves agree to about that."""
    one, other = trees(builtin), trees(custom)
    assert len(one) >= ROUNDS
    assert all(len(splits) > 5 for splits, _ in one)
    assert [splits for splits, _ in one] == [splits for splits, _ in other]
    for (_, numbers), (_, others) in zip(one, other, strict=True):
        np.testing.assert_allclose(numbers, others, rtol=tolerance, atol=tolerance)


def targets() -> dict[str, Any]:
    _, signal = features()
    return {
        "real": signal,
        "count": np.random.default_rng(3).poisson(np.exp(0.5 * signal)).astype(float),
        "positive": np.exp(signal),
        "binary": (signal > 0).astype(float),
        "share": 1.0 / (1.0 + np.exp(-signal)),
        "class": np.digitize(signal, [-0.5, 0.7]).astype(float),
    }


@pytest.mark.parametrize(
    ("name", "builtin", "target", "options"),
    [
        ("boosting_squared", "regression", "real", {}),
        ("boosting_huber", "huber", "real", {"alpha": 0.9}),
        ("boosting_fair", "fair", "real", {"fair_c": 1.0}),
        ("boosting_poisson", "poisson", "count", {"poisson_max_delta_step": 0.7}),
        ("boosting_gamma", "gamma", "positive", {}),
        ("boosting_tweedie", "tweedie", "count", {"tweedie_variance_power": 1.5}),
        ("boosting_logistic", "binary", "binary", {"sigmoid": 0.7}),
        ("boosting_cross_entropy", "cross_entropy", "share", {}),
        ("boosting_softmax", "multiclass", "class", {}),
        ("boosting_one_vs_all", "multiclassova", "class", {"sigmoid": 1.3}),
    ],
)
def test_a_model_trained_on_our_derivatives_is_the_built_in_one(name: str, builtin: str, target: str, options: dict[str, float]) -> None:
    y = targets()[target]
    several = {"num_class": CLASSES} if target == "class" else {}

    def objective(scores: Any, data: Any) -> tuple[Any, Any]:
        labels = data.get_label().astype(float)
        gradient, hessian = pair(name, scores, labels, **options)
        return gradient, hessian

    same_trees(train(builtin, y, **options, **several), train(objective, y, **several), 2e-5)


def test_the_weighted_cross_entropy_lambda_is_lightgbms() -> None:
    """Its weights are inside the loss, so that a custom objective has them from the caller."""
    y, weights = targets()["share"], np.random.default_rng(4).uniform(0.3, 4.0, size=ROWS)
    data = {"label": y, "free_raw_data": False, "params": {"verbosity": -1}}

    def objective(scores: Any, _: Any) -> tuple[Any, Any]:
        controls = Controls(reduction="sum", outputs=("gradients", "hessian_diagonal"))
        answer = compute(LOSSES["boosting_cross_entropy_lambda"], {"predictions": scores, "labels": y, "weight": weights}, {}, controls)
        return required(answer.gradients)["predictions"], required(answer.hessian_diagonal)["predictions"]

    builtin = lightgbm.train(FIXED | {"objective": "cross_entropy_lambda"}, lightgbm.Dataset(features()[0], weight=weights, **data), ROUNDS)
    same_trees(builtin, lightgbm.train(FIXED | {"objective": objective}, lightgbm.Dataset(features()[0], weight=weights, **data), ROUNDS), 2e-5)


def test_xgboosts_hessians_of_single_objectives() -> None:
    """By the formulas of its source: a floor of 1e-6, and float32's smallest normal number where the hinge is flat."""
    _, hessian = pair("boosting_squared_log", [0.5, 40.0, -3.0], [1.0, 0.0, 0.0])
    np.testing.assert_allclose(hessian, [(np.log(2.0) - np.log(1.5) + 1.0) / 2.25, 1e-6, (1.0 - np.log(1e-6)) * 1e12], rtol=1e-9)
    gradient, hessian = pair("boosting_hinge", [0.5, 2.0, -0.5], [1, 1, 0])
    np.testing.assert_array_equal(gradient, [-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(hessian, [1.0, float(np.finfo(np.float32).tiny), 1.0])


def test_the_derivatives_may_come_from_the_running_service(client: httpx.Client) -> None:
    y = targets()["binary"]

    def objective(scores: Any, data: Any) -> tuple[Any, Any]:
        body = {"predictions": scores.tolist(), "labels": data.get_label().tolist(), "reduction": "sum"}
        answer = client.post("/loss/boosting_logistic", json=body | {"outputs": ["gradients", "hessian_diagonal"]}).raise_for_status().json()
        return np.array(answer["gradients"]["predictions"]), np.array(answer["hessian_diagonal"]["predictions"])

    same_trees(train("binary", y), train(objective, y), 2e-5)


@pytest.mark.parametrize(
    ("name", "builtin", "options"),
    [("boosting_absolute", "regression_l1", {}), ("boosting_quantile", "quantile", {"alpha": 0.8}), ("boosting_mape", "mape", {})],
)
def test_where_leaves_are_renewed_the_first_tree_splits_alike(name: str, builtin: str, options: dict[str, float]) -> None:
    """LightGBM puts quantiles of residuals into these objectives' leaves afterwards; the splits are the derivatives' work."""
    y = 3.0 * targets()["real"]
    models = [
        train(objective, y, **(options if isinstance(objective, str) else {}))
        for objective in (builtin, lambda scores, data: pair(name, scores, data.get_label().astype(float), **options))
    ]
    first = [trees(model)[0] for model in models]
    assert first[0][0] == first[1][0]


def test_lambdarank_is_lightgbms() -> None:
    """The same trees with groups as lists; LightGBM's sigmoid table has a resolution of 5e-5."""
    lists, length = 20, ROWS // 20
    grades = np.digitize(targets()["real"], [-1.0, 0.0, 0.8, 1.6])
    parameters = {"lambdarank_truncation_level": 6, "sigmoid": 1.0}

    def objective(scores: Any, data: Any) -> tuple[Any, Any]:
        shaped = (scores.reshape(lists, length), grades.reshape(lists, length))
        return tuple(part.ravel() for part in pair("boosting_lambdarank", *shaped, **parameters))

    models = []
    for chosen in ("lambdarank", objective):
        data = lightgbm.Dataset(features()[0], label=grades, group=[length] * lists, params={"verbosity": -1})
        models.append(lightgbm.train(FIXED | parameters | {"objective": chosen}, data, 4))
    one, other = (np.asarray(model.predict(features()[0], raw_score=True)) for model in models)
    np.testing.assert_allclose(one, other, atol=2e-3)
    first = [trees(model)[0] for model in models]
    assert first[0][0] == first[1][0]


@pytest.mark.parametrize(
    ("name", "theirs", "target", "options"),
    [
        ("boosting_squared", lambda: sklearn_loss.HalfSquaredError(), "real", {}),
        ("boosting_absolute", lambda: sklearn_loss.AbsoluteError(), "real", {}),
        ("boosting_huber", lambda: sklearn_loss.HuberLoss(delta=0.8), "real", {"alpha": 0.8, "convention": "sklearn"}),
        ("boosting_quantile", lambda: sklearn_loss.PinballLoss(quantile=0.3), "real", {"alpha": 0.3}),
        ("boosting_poisson", lambda: sklearn_loss.HalfPoissonLoss(), "count", {"convention": "sklearn"}),
        ("boosting_gamma", lambda: sklearn_loss.HalfGammaLoss(), "positive", {}),
        ("boosting_tweedie", lambda: sklearn_loss.HalfTweedieLoss(power=1.4), "count", {"tweedie_variance_power": 1.4}),
        ("boosting_logistic", lambda: sklearn_loss.HalfBinomialLoss(), "binary", {"convention": "sklearn"}),
    ],
)
def test_the_derivatives_are_scikit_learns(name: str, theirs: Callable[[], Any], target: str, options: dict[str, Any]) -> None:
    y, scores = targets()[target], np.random.default_rng(5).normal(size=ROWS)
    gradient, hessian = theirs().gradient_hessian(y, scores)
    ours = pair(name, scores, y, **options)
    np.testing.assert_allclose(ours[0], gradient, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(ours[1], np.broadcast_to(hessian, ours[1].shape), rtol=1e-12)
    value = compute(LOSSES[name], {"predictions": scores, "labels": y}, options, Controls(reduction="sum")).per_sample
    constant = value - theirs().loss(y, scores)  # scikit-learn leaves out terms of y alone, as these objectives do
    assert name == "boosting_tweedie" or np.ptp(constant) < 1e-9


def test_the_multinomial_derivatives_are_scikit_learns() -> None:
    y, scores = targets()["class"], np.random.default_rng(5).normal(size=(ROWS, CLASSES))
    gradient, hessian = sklearn_loss.HalfMultinomialLoss(n_classes=CLASSES).gradient_hessian(y, scores)
    ours = pair("boosting_softmax", scores, y, convention="sklearn")
    np.testing.assert_allclose(ours[0], gradient, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(ours[1], hessian, rtol=1e-12)


def test_xgboosts_hessians_are_twice_as_large_and_floored() -> None:
    """As measured on XGBoost 3.4.1 by the leaf of a single-leaf tree, -G / H."""
    scores, y = np.array([[0.1, 0.5, -0.2], [50.0, 0.0, 0.0]]), np.array([1, 0])
    _, hessian = pair("boosting_softmax", scores, y, convention="xgboost")
    np.testing.assert_allclose(hessian[0], [0.42730089, 0.49703358, 0.35330006], rtol=1e-6)
    assert hessian[1, 0] >= 1e-16
    _, hessian = pair("boosting_logistic", np.array([0.3, 90.0]), np.array([1.0, 1.0]), convention="xgboost")
    np.testing.assert_allclose(hessian, [0.24445831, 1e-16], rtol=1e-6)
    _, hessian = pair("boosting_poisson", np.array([0.3]), np.array([2.0]), convention="xgboost")
    np.testing.assert_allclose(hessian, [2.71828155], rtol=1e-6)
