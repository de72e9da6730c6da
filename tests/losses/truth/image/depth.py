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


def _fitted(x, t):
    m, mean_x, mean_t = len(x), mp.fsum(x) / len(x), mp.fsum(t) / len(t)
    square = mp.fsum(v * v for v in x) / m - mean_x**2
    scale = (mp.fsum(a * b for a, b in zip(x, t, strict=True)) / m - mean_x * mean_t) / square if len(set(x)) > 1 else ZERO
    shift = mean_t - scale * mean_x
    return mp.fsum((scale * a + shift - b) ** 2 for a, b in zip(x, t, strict=True))


def _normalized(x):
    apart = [v - sorted(x)[(len(x) - 1) // 2] for v in x]
    size = mp.fsum(abs(v) for v in apart) / len(x)
    return [v / size if size else ZERO for v in apart]


def scale_shift_invariant_depth(predictions, labels, mask, form, trim):
    numerators, weights = [], []
    for k, (image, true) in enumerate(zip(predictions, labels, strict=True)):
        kept = np.ones(np.size(image), bool) if mask is None else np.ravel(mask[k]) == 1
        x, t = list(np.ravel(image)[kept]), list(np.ravel(true)[kept])
        weights.append(mp.mpf(len(x)))
        if not x:
            numerators.append(ZERO)
        elif form == "mse":
            numerators.append(_fitted(x, t) / 2)
        else:
            errors = sorted(abs(a - b) for a, b in zip(_normalized(x), _normalized(t), strict=True))
            numerators.append(mp.fsum(errors[: int(len(x) * (1 - float(trim)))]) / 2)
    return numerators, weights


def inverse_depth_smoothness(predictions, image):
    found = []
    for depth, picture in zip(predictions[:, 0], image, strict=True):
        total = ZERO
        for steps, edges in zip(steps_of_image(depth), steps_of_image(picture), strict=True):
            terms = [step * mp.exp(-mp.fsum(edge) / len(edge)) for step, edge in zip(steps, edges, strict=True)]
            total += mp.fsum(terms) / len(terms) if terms else ZERO
        found.append(total)
    return found, [ONE] * len(found)
