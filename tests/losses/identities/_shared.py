from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES, Controls, compute
from service.losses.declaration import Reduction
from tests import required


def numerator(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def value_of_core(name: str, tensors: dict[str, Any], reduction: Reduction = "mean", sample_weight: Any = None, **options: Any) -> float:
    controls = Controls(reduction=reduction, sample_weight=sample_weight, outputs=("value",))
    return required(compute(LOSSES[name], tensors, options, controls).value)


def gradient_of_core(name: str, tensors: dict[str, Any], of: str = "predictions", **options: Any) -> Any:
    return required(compute(LOSSES[name], tensors, options, Controls(outputs=("gradients",), wrt=(of,))).gradients)[of]


def per_sample(name: str, tensors: dict[str, Any], **options: Any) -> Any:
    return compute(LOSSES[name], tensors, options, Controls(outputs=("per_sample",))).per_sample


def value_of_divergence(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def logits_of_divergence(rng: Generator) -> Any:
    return rng.normal(size=(2, 6, 5))


def softmax_of_divergence(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def tokens(rng, shape=(3, 5)):
    return {"logps": -rng.uniform(0.1, 3.0, shape), "old_logps": -rng.uniform(0.1, 3.0, shape), "advantages": rng.normal(size=shape[0])}


def of_of_policy(function):
    return lambda rng: function(tokens(rng))


def slope(name, **call):
    inputs = {item.name for item in LOSSES[name].inputs}
    options = {key: value for key, value in call.items() if key not in inputs}
    return required(compute(LOSSES[name], {key: call[key] for key in call if key in inputs}, options).gradients)["logps"]


def on_policy(call):
    return call | {"old_logps": call["logps"]}


def reinforced(call):
    return {name: call[name] for name in ("logps", "advantages")}


def pairs(rng):
    return {name: rng.normal(size=6) * 3 for name in ("chosen_logps", "rejected_logps", "ref_chosen_logps", "ref_rejected_logps")}


def own_of_preference(call):
    return {name: call[name] for name in ("chosen_logps", "rejected_logps")}


def unreferred(call):
    return own_of_preference(call) | {"ref_chosen_logps": np.zeros(6), "ref_rejected_logps": np.zeros(6)}


def of_of_preference(function):
    return lambda rng: function(pairs(rng))


def value_of_probabilistic(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def positive_of_probabilistic(rng: Generator, count: int = 3) -> Any:
    return rng.uniform(0.1, 3.0, size=(count, 6, 5))


def value_of_ranking(name, **call):
    inputs = {item.name for item in LOSSES[name].inputs}
    tensors = {key: np.asarray(array) for key, array in call.items() if key in inputs}
    return compute(LOSSES[name], tensors, {key: v for key, v in call.items() if key not in inputs}, Controls(outputs=("value",))).value


def value_of_softmax(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def classes_of_softmax(left, right):
    """Two expressions of the scores and the class indices."""

    def both(rng):
        x, y = 2.0 * rng.normal(size=(5, 4, 3)), rng.integers(0, 4, size=(5, 3))
        return left(x, y), right(x, y)

    return both


def one_hot_is_index(name, **options):
    """Labels that are probabilities 0 and 1, and class indices."""

    def both(rng):
        x, y = 2.0 * rng.normal(size=(5, 4, 3)), rng.integers(0, 4, size=(5, 3))
        q = (np.arange(4)[:, None] == y[:, None]).astype(float)
        return value_of_softmax(name, x, q, **options), value_of_softmax(name, x, y, **options)

    return both
