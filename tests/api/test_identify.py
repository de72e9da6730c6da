"""Losses that people confuse, told apart by their numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from service.api.verification import identify
from service.losses import LOSSES, Controls, compute
from service.losses.numerics import Array
from service.settings import Settings

SETTINGS = Settings(search_seconds=900)  # a busy machine cuts no search here
RNG = np.random.default_rng(20)


def softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def one_hot(labels: Array, classes: int) -> Array:
    return np.moveaxis(np.eye(classes)[labels], -1, 1)


CLASSES = RNG.integers(0, 5, 12)
SCORES = RNG.normal(size=(12, 5)) * 2
VOLUMES = RNG.integers(0, 3, (3, 6, 6))
CORNERS = RNG.uniform(0, 4, size=(2, 8, 2))
BOXES = np.concatenate([CORNERS, CORNERS + RNG.uniform(3, 6, size=(2, 8, 2))], axis=-1)

DATA: dict[str, dict[str, Array]] = {
    "real": {"predictions": RNG.normal(size=(6, 4)) * 2, "labels": RNG.normal(size=(6, 4))},
    "positive": {"predictions": RNG.uniform(0.2, 4, 20), "labels": RNG.uniform(0.2, 4, 20)},
    "counts": {"predictions": RNG.uniform(0.2, 4, 20), "labels": RNG.poisson(3, 20).astype(float)},
    "variance": {"predictions": RNG.normal(size=20), "labels": RNG.normal(size=20), "variance": RNG.uniform(0.2, 4, 20)},
    "probability": {"predictions": RNG.uniform(0.05, 0.95, 20), "labels": RNG.integers(0, 2, 20)},
    "binary": {"predictions": RNG.normal(size=20) * 2, "labels": RNG.integers(0, 2, 20)},
    "sign": {"predictions": RNG.normal(size=20), "labels": RNG.choice([-1, 1], 20)},
    "classes": {"predictions": SCORES, "labels": CLASSES},
    "class_probabilities": {"predictions": softmax(SCORES), "labels": CLASSES},
    "ignored": {"predictions": SCORES, "labels": np.where(np.arange(12) % 3, CLASSES, -100)},
    "weighted": {"predictions": SCORES, "labels": CLASSES, "weight": RNG.uniform(0.2, 3, 5)},
    "distributions": {"predictions": np.log(softmax(SCORES)), "labels": softmax(RNG.normal(size=(12, 5)))},
    "simplex": {"predictions": softmax(SCORES), "labels": softmax(RNG.normal(size=(12, 5)))},
    "masks": {"predictions": softmax(RNG.normal(size=(3, 3, 6, 6))), "labels": one_hot(VOLUMES, 3)},
    "embeddings": {"embeddings": RNG.normal(size=(12, 6)), "labels": RNG.integers(0, 3, 12)},
    "triplets": {name: RNG.normal(size=(12, 6)) for name in ("anchor", "positive", "negative")},
    "rows": {"predictions": RNG.normal(size=(12, 6)), "labels": RNG.normal(size=(12, 6))},
    "boxes": {"predictions": BOXES[0], "labels": BOXES[1]},
    "preferences": {name: -RNG.uniform(1, 9, 12) for name in ("chosen_logps", "rejected_logps", "ref_chosen_logps", "ref_rejected_logps")},
}


@dataclass(frozen=True)
class Call:
    """A loss with options, and what was done to its inputs before."""

    loss: str
    options: Mapping[str, Any] = field(default_factory=dict)
    reduction: Any = "mean"
    inputs: Mapping[str, str] = field(default_factory=dict)
    moved: Callable[[dict[str, Array]], dict[str, Array]] = dict

    def value(self, tensors: dict[str, Array]) -> float:
        value = compute(LOSSES[self.loss], self.moved(tensors), self.options, Controls(reduction=self.reduction)).value
        assert value is not None
        return value


def without(name: str) -> Callable[[dict[str, Array]], dict[str, Array]]:
    return lambda tensors: {key: array for key, array in tensors.items() if key != name}


BCE, CE = "binary_cross_entropy", "cross_entropy"
PAIRS: list[tuple[str, Call, Call]] = [
    ("probability", Call(BCE), Call(f"{BCE}_with_logits")),
    (
        "binary",
        Call(f"{BCE}_with_logits"),
        Call(f"{BCE}_with_logits", inputs={"predictions": "sigmoid"}, moved=lambda t: t | {"predictions": 1 / (1 + np.exp(-t["predictions"]))}),
    ),
    (
        "binary",
        Call(f"{BCE}_with_logits"),
        Call(f"{BCE}_with_logits", inputs={"labels": "inverted"}, moved=lambda t: t | {"labels": 1 - t["labels"]}),
    ),
    ("real", Call("huber", {"delta": 0.5}), Call("smooth_l1", {"beta": 0.5})),
    ("real", Call("mean_squared_error"), Call("half_squared_error")),
    ("real", Call("mean_squared_error"), Call("mean_squared_error", reduction="sum")),
    ("real", Call("mean_squared_error"), Call("root_mean_squared_error")),
    ("real", Call("log_cosh"), Call("pseudo_huber")),
    ("real", Call("quantile", {"quantile": 0.9}), Call("quantile", {"quantile": 0.1})),
    ("ignored", Call(CE), Call(CE, reduction="batchmean")),
    ("binary", Call("sigmoid_focal"), Call("sigmoid_focal", {"alpha": -1.0})),
    ("distributions", Call("kl_divergence"), Call("kl_divergence", {"direction": "reverse"})),
    ("distributions", Call("kl_divergence"), Call("kl_divergence", reduction="batchmean")),
    ("masks", Call("dice"), Call("dice", {"include_background": False})),
    ("masks", Call("dice"), Call("dice", {"squared_pred": True})),
    ("masks", Call("dice"), Call("jaccard")),
    ("masks", Call("tversky", {"alpha": 0.25, "beta": 0.75}), Call("tversky", {"alpha": 0.75, "beta": 0.25})),
    ("class_probabilities", Call(CE), Call(CE, {"predictions_are": "probabilities"})),
    ("classes", Call(CE), Call(CE, {"log_base": "2"})),
    ("classes", Call(CE), Call(CE, {"label_smoothing": 0.1})),
    ("classes", Call(CE), Call(CE, inputs={"labels": "-1"}, moved=lambda t: t | {"labels": (t["labels"] - 1) % 5})),
    ("classes", Call("softmax_focal"), Call(CE)),
    ("classes", Call("multi_margin"), Call("multi_margin", {"p": 2})),
    ("weighted", Call(CE), Call(CE, reduction="batchmean")),
    ("weighted", Call(CE), Call(CE, inputs={"weight": "left_out"}, moved=without("weight"))),
    ("sign", Call("hinge"), Call("squared_hinge")),
    ("counts", Call("poisson_nll"), Call("poisson_nll", {"log_input": False})),
    ("counts", Call("poisson_nll"), Call("poisson_nll", {"full": True})),
    ("variance", Call("gaussian_nll"), Call("gaussian_nll", {"full": True})),
    ("positive", Call("mean_absolute_percentage_error"), Call("symmetric_mean_absolute_percentage_error")),
    ("simplex", Call("hellinger"), Call("total_variation_distance")),
    ("embeddings", Call("batch_hard_triplet"), Call("batch_semi_hard_triplet")),
    ("triplets", Call("triplet_margin"), Call("triplet_margin", {"swap": True})),
    ("triplets", Call("triplet_margin_with_distance"), Call("triplet_margin_with_distance", {"distance": "squared_euclidean"})),
    ("rows", Call("cosine_distance"), Call("cosine_distance", {"form": "negative"})),
    ("boxes", Call("iou"), Call("giou")),
    ("preferences", Call("dpo"), Call("dpo", {"loss_type": "ipo"})),
]
SIDES = [(data, one, other) for data, *both in PAIRS for one, other in itertools.permutations(both)]


@pytest.mark.parametrize(("data", "call", "other"), SIDES, ids=lambda side: side if isinstance(side, str) else side.loss)
def test_losses_that_people_confuse_are_told_apart(data: str, call: Call, other: Call) -> None:
    """The right call is listed, nothing simpler or nearer stands before it but its equals, and the other of the pair is not listed."""
    tensors = DATA[data]
    response = identify({"request": dict(tensors), "claimed": {"value": call.value(tensors)}}, SETTINGS)
    places = [place for place, found in enumerate(response["found"]) if is_call(found, call)]
    assert not response["cut"]
    assert places, response["found"]
    assert all(found["residual"] < 1e-12 for found in response["found"][: places[0] + 1])
    assert not np.isclose(call.value(tensors), other.value(tensors), rtol=1e-9)
    assert not any(is_call(found, other) and found["factor"] == 1 for found in response["found"])


def is_call(found: Mapping[str, Any], call: Call) -> bool:
    if "divisor" in found:
        return False
    named = (found["loss"], found["options"], found["reduction"], found["inputs"])
    return named == (call.loss, call.options, call.reduction, call.inputs)
