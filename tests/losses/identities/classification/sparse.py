from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_softmax
from tests.losses.identities.classification._shared import margin, value_of_margin

IDENTITIES = [
    (
        "multiclass_sparsemax of the scores 0 and x is binary_sparsemax",
        margin(
            lambda x, s: value_of_margin("multiclass_sparsemax", np.stack((0.0 * x, x), axis=1), (s + 1) // 2),
            lambda x, s: value_of_margin("binary_sparsemax", x, (s + 1) // 2),
        ),
    ),
    (
        "entmax15 of scores far apart is multiclass_perceptron",
        lambda rng: (lambda x, y: (value_of_softmax("entmax15", x, y), value_of_softmax("multiclass_perceptron", x, y)))(
            5.0 * rng.permuted(np.tile(np.arange(4.0), (5, 1)), axis=1), rng.integers(0, 4, size=5)
        ),
    ),
]
