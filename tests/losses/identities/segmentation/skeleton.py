from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests.losses.identities.segmentation._shared import of_of_segmentation

PLAIN = {"smooth": 0.0, "smooth_nr": 0.0, "smooth_dr": 0.0}


def _volumes(rng, shape=(2, 2, 6, 7)):
    return rng.uniform(size=(2, *shape))


def _turned(rng):
    p, t = _volumes(rng)
    return of_of_segmentation("cl_dice", p.swapaxes(2, 3), t.swapaxes(2, 3)), of_of_segmentation("cl_dice", p, t)


def _symmetric(rng):
    p, t = _volumes(rng, (2, 1, 4, 3, 5))
    one, other = LOSSES["cl_dice"](p, t), LOSSES["cl_dice"](t, p)
    return one.gradients["labels"](np.ones(2)), other.gradients["predictions"](np.ones(2))


def _lines(rng):
    """Of a true line of one pixel's width and a predicted one with pixels of another strength: both are their own skeletons."""
    p, t = np.zeros((2, 1, 1, 9, 9))
    p[:, :, 4] = rng.uniform(0.1, 1.0, size=9)
    t[:, :, 4, 2:7] = 1.0
    precision, sensitivity = (p * t).sum() / p.sum(), (t * p).sum() / t.sum()
    return of_of_segmentation("cl_dice", p, t, iterations=0, **PLAIN), [1 - 2 * precision * sensitivity / (precision + sensitivity)]


def _wide(rng):
    """A thick bar's skeleton is in the bar: no loss, whatever its place."""
    t = np.zeros((1, 1, 12, 12))
    row, column = rng.integers(1, 5, size=2)
    t[0, 0, row : row + 5, column : column + 6] = 1.0
    return of_of_segmentation("cl_dice", t, t, **PLAIN) + 1.0, [1.0]


IDENTITIES = [
    ("cl_dice does not change with exchanged axes", _turned),
    ("cl_dice is symmetric, gradients too", _symmetric),
    ("cl_dice of lines is the harmonic mean of their shares", _lines),
    ("cl_dice of a bar and itself is 0", _wide),
]
