from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO
from tests.losses.truth.image._shared import steps_of_image


def total_variation(predictions):
    return [abs(np.diff(x, axis=1)).sum() + abs(np.diff(x, axis=2)).sum() + ZERO for x in predictions], [ONE] * len(predictions)


def gradient_difference(predictions, labels, alpha):
    found = []
    for x, t in zip(predictions, labels, strict=True):
        parts = [
            abs(a - b)
            for one, other in zip(steps_of_image(x), steps_of_image(t), strict=True)
            for u, v in zip(one, other, strict=True)
            for a, b in zip(u, v, strict=True)
        ]
        found.append(mp.fsum(part**alpha for part in parts))
    return found, [ONE] * len(found)
