from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_core


def masks(rng, n=3):
    return {"predictions": rng.normal(size=(n, 2, 4, 4)), "labels": rng.random((n, 4, 4)), "classes": rng.integers(0, 2, size=n)}


def mask_is_binary_of_the_channel(rng):
    x = masks(rng)
    own = x["predictions"][np.arange(3), x["classes"]]
    return value_of_core("mask_rcnn_mask", x), value_of_core("binary_cross_entropy_with_logits", {"predictions": own, "labels": x["labels"]})


def regions(rng):
    return {
        "class_logits": rng.normal(size=(4, 3)),
        "box_deltas": rng.normal(size=(4, 3, 4)),
        "labels": np.array([0, 1, 2, 1]),
        "box_targets": rng.normal(size=(4, 4)),
    }


def anchors(rng):
    return {
        "objectness": rng.normal(size=5),
        "box_deltas": rng.normal(size=(5, 4)),
        "labels": np.array([1, 0, -1, 1, 0]),
        "box_targets": rng.normal(size=(5, 4)),
    }


def boxless_fast_rcnn(rng):
    x = regions(rng)
    return value_of_core("fast_rcnn", x, box_weight=0.0), value_of_core("cross_entropy", {"predictions": x["class_logits"], "labels": x["labels"]})


def boxless_rpn(rng):
    x = anchors(rng)
    kept = x["labels"] >= 0
    sampled = {"predictions": x["objectness"][kept], "labels": x["labels"][kept].astype(float)}
    return value_of_core("rpn", x, box_weight=0.0), value_of_core("binary_cross_entropy_with_logits", sampled)


def rpn_normalizations(rng):
    x = anchors(rng)
    detectron = value_of_core("rpn", x, normalization="detectron2", batch_size_per_image=2, images=2)
    paper = value_of_core("rpn", x, normalization="paper", batch_size_per_image=4, locations=4)
    return [detectron, paper], [value_of_core("rpn", x)] * 2


def faster_rcnn_is_its_parts(rng):
    heads = {f"rpn_{key}" if key != "objectness" else key: array for key, array in anchors(rng).items()} | regions(rng)
    proposals = {key.removeprefix("rpn_"): heads[key] for key in ("objectness", "rpn_box_deltas", "rpn_labels", "rpn_box_targets")}
    rest = {key: heads[key] for key in ("class_logits", "box_deltas", "labels", "box_targets")}
    return value_of_core("faster_rcnn", heads), value_of_core("rpn", proposals) + value_of_core("fast_rcnn", rest)


def mask_rcnn_is_its_parts(rng):
    heads = {f"rpn_{key}" if key != "objectness" else key: array for key, array in anchors(rng).items()} | regions(rng)
    mask = masks(rng)
    named = {"mask_logits": mask["predictions"], "masks": mask["labels"], "mask_classes": mask["classes"]}
    return value_of_core("mask_rcnn", heads | named, mask_weight=2.0), value_of_core("faster_rcnn", heads) + 2 * value_of_core("mask_rcnn_mask", mask)


IDENTITIES = [
    ("mask loss = binary cross entropy of the class's channel", mask_is_binary_of_the_channel),
    ("fast_rcnn without boxes = cross entropy", boxless_fast_rcnn),
    ("rpn without boxes = binary cross entropy of the sampled anchors", boxless_rpn),
    ("rpn's normalizations agree where their divisors do", rpn_normalizations),
    ("faster_rcnn = rpn + fast_rcnn", faster_rcnn_is_its_parts),
    ("mask_rcnn = faster_rcnn + weight of mask_rcnn_mask", mask_rcnn_is_its_parts),
]
