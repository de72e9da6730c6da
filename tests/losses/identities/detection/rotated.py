from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _boxes(rng, n=8):
    boxes = np.concatenate([rng.normal(size=(2, n, 2)), rng.uniform(0.5, 4.0, size=(2, n, 2)), rng.uniform(-3.0, 3.0, size=(2, n, 1))], axis=2)
    return boxes[0], boxes[1]


def _of(boxes, others, **options):
    return LOSSES["probiou"](boxes, others, **options).numerator


def _forms(rng):
    boxes = _boxes(rng)
    return _of(*boxes), np.sqrt(-np.expm1(-_of(*boxes, form="bhattacharyya")))


def _a_quarter_turn(rng):
    boxes, others = _boxes(rng)
    turned = boxes[:, [0, 1, 3, 2, 4]] + [0, 0, 0, 0, np.pi / 2]
    return _of(turned, others), _of(boxes, others)


def _symmetric(rng):
    one, other = _boxes(rng)
    back, forth = LOSSES["probiou"](one, other), LOSSES["probiou"](other, one)
    return back.gradients["predictions"](np.ones(8)), forth.gradients["labels"](np.ones(8))


def _unit(rng):
    boxes, others = _boxes(rng)
    scale = np.array([2.0**60] * 4 + [1.0])
    return _of(boxes * scale, others * scale), _of(boxes, others)


def _straight(rng):
    """Of two boxes without rotation, the sum over both axes of the distance of two normal distributions."""
    boxes, others = _boxes(rng)
    boxes[:, 4] = others[:, 4] = 0.0
    a, b = (x[:, 2:4] ** 2 / 12 + 0.25 for x in (boxes, others))
    terms = (boxes[:, :2] - others[:, :2]) ** 2 / (a + b) / 4 + np.log((a + b) / (2 * np.sqrt(a * b))) / 2
    return _of(boxes, others, form="bhattacharyya", floor=0.25), terms.sum(axis=1)


IDENTITIES = [
    ("probiou is the Hellinger distance of its Bhattacharyya distance", _forms),
    ("probiou does not change with a quarter turn and exchanged sides", _a_quarter_turn),
    ("probiou is symmetric, gradients too", _symmetric),
    ("probiou does not change with the unit of length", _unit),
    ("probiou without rotation is a sum over both axes", _straight),
]
