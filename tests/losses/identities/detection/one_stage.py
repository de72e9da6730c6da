from __future__ import annotations

import numpy as np

from tests.losses.identities.detection._shared import of_of_heads


def _anchors(rng):
    x, y, d = rng.normal(size=(1, 6, 3)), rng.integers(0, 3, size=(1, 6)), rng.normal(size=(2, 1, 6, 4))
    true = (y[0, :, None] == np.arange(3)).astype(float)
    return 6 * of_of_heads("retinanet", x, d[0], y, d[1])[0], of_of_heads("sigmoid_focal", x[0], true).sum() + of_of_heads(
        "mean_absolute_error", d[0, 0], d[1, 0]
    ).sum()


def _all_negatives(rng):
    x, y, d = rng.normal(size=(1, 6, 3)), np.array([[1, 0, 2, 0, 1, 0]]), rng.normal(size=(2, 1, 6, 4))
    everything = of_of_heads("cross_entropy", x[0], y[0]).sum() + of_of_heads("smooth_l1", d[0, 0], d[1, 0])[::2].sum()
    return of_of_heads("ssd_multibox", x, d[0], y, d[1])[0], everything


def _decoded(deltas, anchors):
    sides, centers = anchors[:, 2:] - anchors[:, :2], 0.5 * (anchors[:, 2:] + anchors[:, :2])
    centers, half = centers + deltas[:, :2] * sides, 0.5 * np.exp(deltas[:, 2:]) * sides
    return np.concatenate([centers - half, centers + half], axis=1)


def _boxes(name):
    def identity(rng):
        x, y, d = rng.normal(size=(1, 6, 3)), rng.integers(0, 3, size=(1, 6)), 0.3 * rng.normal(size=(2, 1, 6, 4))
        low = rng.normal(size=(6, 2))
        anchors = np.concatenate([low, low + rng.uniform(1.0, 3.0, size=(6, 2))], axis=1)
        with_boxes, without = (
            of_of_heads("retinanet", x, d[0], y, d[1], anchors=anchors[None], box_loss=name, box_weight=weight)[0] for weight in (1.0, 0.0)
        )
        return 6 * (with_boxes - without), of_of_heads(name, _decoded(d[0, 0], anchors), _decoded(d[1, 0], anchors)).sum()

    return identity


IDENTITIES = [
    ("retinanet with an object at every anchor is focal and absolute error", _anchors),
    *((f"retinanet with {name} is that of the decoded boxes", _boxes(name)) for name in ("iou", "giou", "diou", "ciou")),
    ("ssd_multibox with enough objects takes all negatives", _all_negatives),
]
