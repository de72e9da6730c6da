from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _boxes(rng, size=10.0):
    low = rng.uniform(0, 1, size=(2, 20, 2))
    return np.concatenate([low, low + rng.uniform(0.1, 1, size=(2, 20, 2))], axis=2) * size


def _of(name, boxes, **options):
    return LOSSES[name](boxes[0], boxes[1], **options).numerator


def _log(rng):
    boxes = _boxes(rng)
    boxes[1, :, 0] = boxes[0, :, 0] + 0.01
    boxes[1, :, 2] = boxes[0, :, 2] + 0.01
    boxes[1, :, 1::2] = boxes[0, :, 1::2]
    return np.exp(-_of("iou", boxes, form="log")), 1 - _of("iou", boxes)


def _square(rng):
    boxes = _boxes(rng)
    return _of("iou", boxes, form="square"), _of("alpha_iou", boxes, alpha=2.0)


def _power_one(rng):
    boxes = _boxes(rng)
    return _of("alpha_iou", boxes, alpha=1.0), _of("iou", boxes)


def _scale(name):
    def identity(rng):
        boxes = _boxes(rng)
        return _of(name, boxes * 2.0**-900), _of(name, boxes)

    return identity


def _swap(name):
    def identity(rng):
        boxes = _boxes(rng)
        one, other = LOSSES[name](boxes[0], boxes[1]), LOSSES[name](boxes[1], boxes[0])
        return one.gradients["predictions"](np.ones(20)), other.gradients["labels"](np.ones(20))

    return identity


def _same_aspect(rng):
    boxes = _boxes(rng)
    boxes[1] = boxes[0] * 2.0
    return _of("ciou", boxes), _of("diou", boxes)


def _concentric(rng):
    boxes = _boxes(rng)
    boxes[0, :, :2], boxes[1] = -boxes[0, :, 2:], 2.0 * boxes[0]
    boxes[1, :, :2] = -boxes[1, :, 2:]
    return _of("diou", boxes), _of("giou", boxes)


def _gated(rng):
    boxes = _boxes(rng)
    boxes[1] = boxes[0] + [0.4, 0.0, 0.4, 0.1]
    near = 1.0 - _of("iou", boxes) > 0.5
    return _of("ciou", boxes, convention="mmdetection"), np.where(near, _of("ciou", boxes), _of("diou", boxes))


def _conventions(rng):
    """mmdetection 3's numbers of the boxes (0, 0, 2, 1) and (1, 0, 2, 2)."""
    boxes = np.array([[[0.0, 0.0, 2.0, 1.0]], [[1.0, 0.0, 2.0, 2.0]]])
    found = [_of(name, boxes, convention="mmdetection")[0].round(6) for name in ("ciou", "siou")]
    return found, [0.729167, 0.626141]


IDENTITIES = [
    ("iou log is -log(1 - iou linear)", _log),
    ("iou square is alpha_iou with 2", _square),
    ("alpha_iou with 1 is iou", _power_one),
    ("ciou of boxes of the same aspect is diou", _same_aspect),
    ("ciou in mmdetection's convention is diou up to an IoU of 0.5", _gated),
    ("ciou and siou in mmdetection's convention have its numbers", _conventions),
    ("diou and giou of concentric boxes are iou", _concentric),
    *((f"{name} does not change with the unit of length", _scale(name)) for name in ("iou", "giou", "diou", "ciou", "eiou", "siou")),
    *((f"{name} is symmetric, gradients too", _swap(name)) for name in ("giou", "diou", "ciou", "eiou", "siou")),
]
