from __future__ import annotations

import numpy as np

from tests.losses.truth import ONE, ZERO


def total_variation(predictions):
    return [abs(np.diff(x, axis=1)).sum() + abs(np.diff(x, axis=2)).sum() + ZERO for x in predictions], [ONE] * len(predictions)
