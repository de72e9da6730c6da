from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import value_of_core


def binary(rng: Generator, *shape: int) -> dict[str, Any]:
    return {"predictions": 3 * rng.normal(size=shape), "labels": rng.random(shape)}


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def sigmoid_focal_without_focus(rng):
    x = binary(rng, 5, 2)
    return value_of_core("sigmoid_focal", x, gamma=0.0, alpha=-1.0), value_of_core("binary_cross_entropy_with_logits", x)


def sigmoid_focal_of_weighted_positives(rng):
    x = {"predictions": rng.normal(size=(5, 3)), "labels": rng.uniform(size=(5, 3)), "pos_weight": rng.uniform(0.2, 3.0, size=3)}
    return value_of_core("sigmoid_focal", x, gamma=0.0, alpha=-1.0), value_of_core("binary_cross_entropy_with_logits", x)


def sigmoid_focal_half_balanced(rng):
    x = binary(rng, 5, 2)
    return value_of_core("sigmoid_focal", x, alpha=0.5), 0.5 * value_of_core("sigmoid_focal", x, alpha=-1.0)


def logits_of_probabilities(rng):
    x = binary(rng, 5, 3)
    return value_of_core("binary_cross_entropy_with_logits", x), value_of_core(
        "binary_cross_entropy", x | {"predictions": sigmoid(x["predictions"])}, clamp="off"
    )


def clamps_agree_inside(rng):
    x = {"predictions": rng.uniform(0.01, 0.99, size=8), "labels": rng.random(8)}
    return [value_of_core("binary_cross_entropy", x, clamp=clamp) for clamp in ("torch", "keras", "sklearn")], [
        value_of_core("binary_cross_entropy", x, clamp="off")
    ] * 3


def binary_is_symmetric(rng):
    x = binary(rng, 5, 3)
    return value_of_core("binary_cross_entropy_with_logits", x), value_of_core(
        "binary_cross_entropy_with_logits", {"predictions": -x["predictions"], "labels": 1 - x["labels"]}
    )


def pos_weight_of_hard_labels(rng):
    x = binary(rng, 6) | {"labels": rng.integers(0, 2, size=6).astype(float)}
    weights = np.where(x["labels"] == 1, 3.0, 1.0)
    return value_of_core("binary_cross_entropy_with_logits", x | {"pos_weight": np.array([3.0])}), value_of_core(
        "binary_cross_entropy_with_logits", x | {"weight": weights}
    )


def _sigmoid_focal_of_probabilities(rng):
    x, z = 3 * rng.normal(size=7), rng.random(7)
    probabilities = {"predictions": 1 / (1 + np.exp(-x)), "labels": z}
    return value_of_core("sigmoid_focal", {"predictions": x, "labels": z}), value_of_core(
        "sigmoid_focal", probabilities, predictions_are="probabilities"
    )


IDENTITIES = [
    ("sigmoid focal with gamma 0, no alpha = binary cross entropy", sigmoid_focal_without_focus),
    ("sigmoid focal with gamma 0, no alpha and pos_weight = binary cross entropy with it", sigmoid_focal_of_weighted_positives),
    ("sigmoid focal with alpha 1/2 = half of it without", sigmoid_focal_half_balanced),
    ("binary cross entropy with logits = of the sigmoid", logits_of_probabilities),
    ("the clamps of binary cross entropy agree away from 0 and 1", clamps_agree_inside),
    ("binary cross entropy of -x and 1 - z is that of x and z", binary_is_symmetric),
    ("pos_weight of hard labels = weight of the positive elements", pos_weight_of_hard_labels),
    ("sigmoid focal of logits and of probabilities", _sigmoid_focal_of_probabilities),
]
