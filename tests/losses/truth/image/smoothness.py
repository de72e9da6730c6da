from __future__ import annotations

import numpy as np

from tests.losses.truth import ONE, ZERO


def total_variation(predictions, average):
    found = []
    for x in predictions:
        parts = [np.abs(np.diff(x, axis=axis)) for axis in (1, 2)]
        found.append(ZERO + sum(part.sum() / (part.size or 1) if average == "mean" else part.sum() for part in parts))
    return found, [ONE] * len(predictions)
