from __future__ import annotations

from typing import Any

import numpy as np

from service.losses import LOSSES, Controls, compute
from tests import required
from tests.losses.identities._shared import gradient_of_core, value_of_core


def _boxes(rng, shape):
    return np.concatenate([rng.uniform(0.3, 0.7, size=(*shape, 2)), rng.uniform(0.1, 0.5, size=(*shape, 2))], axis=-1)


def _detr(rng):
    labels = np.array([[0, 1, -1], [2, -1, -1]])
    return {"class_logits": rng.normal(size=(2, 5, 4)), "boxes": _boxes(rng, (2, 5)), "labels": labels, "box_targets": _boxes(rng, (2, 3))}


def _masks(rng):
    labels = np.array([[0, 1, -1], [2, -1, -1]])
    masks = (rng.random(size=(2, 3, 3, 4)) < 0.5).astype(float)
    return {"class_logits": rng.normal(size=(2, 5, 4)), "mask_logits": rng.normal(size=(2, 5, 3, 4)), "labels": labels, "masks": masks}


CLASSES: dict[str, Any] = {"box_weight": 0.0, "giou_weight": 0.0, "box_cost": 1e6, "giou_cost": 0.0}  # matched by boxes alone


def _wanted(call):
    """Matched by boxes alone: the one-hot targets of all scores."""
    from scipy.optimize import linear_sum_assignment

    target, quality = np.zeros_like(call["class_logits"]), np.zeros_like(call["class_logits"])
    for i, (boxes, labels, true) in enumerate(zip(call["boxes"], call["labels"], call["box_targets"], strict=True)):
        objects = np.flatnonzero(labels >= 0)
        cost = np.abs(boxes[:, None] - true[None, objects]).sum(axis=2)
        for q, j in zip(*linear_sum_assignment(cost), strict=True):
            one, other = (np.concatenate([b[:2] - b[2:] / 2, b[:2] + b[2:] / 2])[None] for b in (boxes[q], true[objects[j]]))
            target[i, q, labels[objects[j]]] = 1.0
            quality[i, q, labels[objects[j]]] = 1.0 - LOSSES["iou"](one, other).numerator[0]
    return target, quality


def _focal(rng):
    call = _detr(rng)
    focal = value_of_core("sigmoid_focal", {"predictions": call["class_logits"], "labels": _wanted(call)[0]}, reduction="sum")
    return value_of_core("detr_set", call, classification="focal", **CLASSES), focal / 3


def _varifocal(rng):
    call = _detr(rng)
    focal = value_of_core("varifocal", {"predictions": call["class_logits"], "labels": _wanted(call)[1]}, reduction="sum")
    return value_of_core("detr_set", call, classification="varifocal", alpha=0.75, **CLASSES), focal / 3


def _two_requests(rng):
    """The matches of a first request give the number and the gradients of that request."""
    call = _masks(rng)
    first = compute(LOSSES["mask_set"], call, {}, Controls(outputs=("value", "gradients")))
    again = compute(LOSSES["mask_set"], call | {"matches": first.state["matches"]}, {}, Controls(outputs=("value", "gradients")))
    return [again.value, *required(again.gradients)["mask_logits"].ravel()], [first.value, *required(first.gradients)["mask_logits"].ravel()]


def _one_mask(name, part, **options):
    """Of one query and one object."""

    def identity(rng):
        call = {key: array[1:, :1] for key, array in _masks(rng).items()}
        weights: dict[str, Any] = {f"{other}_weight": float(other == part) for other in ("class", "mask", "dice")}
        one = value_of_core("mask_set", call, mask_loss="focal" if name == "sigmoid_focal" else "bce", **weights)
        return one, value_of_core(name, {"predictions": call["mask_logits"], "labels": call["masks"]}, **options)

    return identity


def _order(rng):
    """Queries in another order have their gradients in that order."""
    call, order = _masks(rng), rng.permutation(5)
    moved = call | {key: call[key][:, order] for key in ("class_logits", "mask_logits")}
    return gradient_of_core("mask_set", moved, "mask_logits"), gradient_of_core("mask_set", call, "mask_logits")[:, order]


IDENTITIES = [
    ("detr_set with focal classification is sigmoid_focal over the number of objects", _focal),
    ("detr_set with varifocal classification is varifocal of the IoU", _varifocal),
    ("mask_set with the matches of its state is itself", _two_requests),
    ("mask_set's queries may come in any order", _order),
    ("mask_set of one mask is binary cross entropy", _one_mask("binary_cross_entropy_with_logits", "mask")),
    ("mask_set of one mask with focal is sigmoid_focal", _one_mask("sigmoid_focal", "mask")),
    ("mask_set of one mask is dice", _one_mask("dice", "dice", activation="sigmoid", smooth_nr=1.0, smooth_dr=1.0)),
]
