from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, log
from tests.losses.truth.image._shared import steps_of_image


def scale_invariant_log(predictions, labels, variance_focus):
    numerators = []
    for x, y in zip(predictions, labels, strict=True):
        d = np.ravel(log(x) - log(y))
        numerators.append((d * d).sum() / len(d) - variance_focus * (d.sum() / len(d)) ** 2)
    return numerators, [ONE] * len(numerators)


def inverse_depth_smoothness(predictions, image):
    found = []
    for depth, picture in zip(predictions[:, 0], image, strict=True):
        total = ZERO
        for steps, edges in zip(steps_of_image(depth), steps_of_image(picture), strict=True):
            terms = [step * mp.exp(-mp.fsum(edge) / len(edge)) for step, edge in zip(steps, edges, strict=True)]
            total += mp.fsum(terms) / len(terms) if terms else ZERO
        found.append(total)
    return found, [ONE] * len(found)
