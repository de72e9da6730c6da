from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_core


def _head(rng):
    low = -rng.uniform(0.2, 3.0, size=(2, 3, 2))
    boxes = np.concatenate([low, rng.uniform(0.2, 3.0, size=(2, 3, 2))], axis=2)
    scores = rng.uniform(size=(2, 3, 4)) * (rng.random(size=(2, 3, 1)) < 0.7)
    return {"class_logits": rng.normal(size=(2, 3, 4)), "box_logits": rng.normal(size=(2, 3, 4, 5)), "target_scores": scores, "target_boxes": boxes}


def _divisor(head):
    return max(head["target_scores"].sum(), 1.0)


def _classes(rng):
    head = _head(rng)
    entropy = value_of_core(
        "binary_cross_entropy_with_logits", {"predictions": head["class_logits"], "labels": head["target_scores"]}, reduction="sum"
    )
    return value_of_core("yolo_head", head, box_weight=0.0, dfl_weight=0.0, class_weight=1.0), entropy / _divisor(head)


def _boxes(rng):
    head = _head(rng)
    raised = np.exp(head["box_logits"])
    distances = (raised / raised.sum(axis=3, keepdims=True)) @ np.arange(5.0)
    pairs = {"predictions": (distances * [-1, -1, 1, 1]).reshape(-1, 4), "labels": head["target_boxes"].reshape(-1, 4)}
    each = head["target_scores"].sum(axis=2).ravel()
    overlap = value_of_core("ciou", pairs, reduction="sum", sample_weight=each)
    return value_of_core("yolo_head", head, box_weight=1.0, dfl_weight=0.0, class_weight=0.0), overlap / _divisor(head)


def _distances(rng):
    head = _head(rng)
    places = (head["target_boxes"] * [-1, -1, 1, 1]).ravel()
    each = np.repeat(head["target_scores"].sum(axis=2).ravel(), 4) / 4
    focal = value_of_core(
        "distribution_focal", {"predictions": head["box_logits"].reshape(-1, 5), "labels": places}, reduction="sum", sample_weight=each
    )
    return value_of_core("yolo_head", head, box_weight=0.0, dfl_weight=1.0, class_weight=0.0), focal / _divisor(head)


IDENTITIES = [
    ("yolo_head of classes is binary cross entropy over the sum of the scores", _classes),
    ("yolo_head of boxes is ciou weighted by the scores", _boxes),
    ("yolo_head of distances is distribution_focal weighted by the scores", _distances),
]
