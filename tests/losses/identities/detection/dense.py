from __future__ import annotations

import numpy as np

from tests.losses.identities.detection._shared import of_of_heads


def _scores(rng):
    return rng.normal(size=(4, 3)) * 3, rng.uniform(0, 1, size=(4, 3))


def _quality(rng):
    x, z = _scores(rng)
    return of_of_heads("quality_focal", x, z, beta=0.0), of_of_heads("binary_cross_entropy_with_logits", x, z)


def _hard_quality(rng):
    x, z = _scores(rng)
    return of_of_heads("quality_focal", x, np.round(z), beta=1.5), of_of_heads("sigmoid_focal", x, np.round(z), gamma=1.5, alpha=-1.0)


def _varifocal(rng):
    x, z = _scores(rng)
    return of_of_heads("varifocal", x, z, iou_weighted=False), of_of_heads("binary_cross_entropy_with_logits", x, z)


def _heat(rng):
    x, z = _scores(rng)
    return of_of_heads("gaussian_focal", 1 / (1 + np.exp(-x)), np.round(z)), of_of_heads("sigmoid_focal", x, np.round(z), gamma=2.0, alpha=-1.0)


def _bins(rng):
    x, y = rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)
    return of_of_heads("distribution_focal", x, y), of_of_heads("cross_entropy", x, y)


IDENTITIES = [
    ("quality_focal with beta 0 is binary cross entropy", _quality),
    ("quality_focal of hard qualities is sigmoid_focal", _hard_quality),
    ("varifocal of positives without weights is binary cross entropy", _varifocal),
    ("gaussian_focal of a hard heatmap is sigmoid_focal", _heat),
    ("distribution_focal at a bin is cross entropy", _bins),
]
