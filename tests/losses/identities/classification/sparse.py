from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import classes_of_softmax, value_of_softmax
from tests.losses.identities.classification._shared import margin, value_of_margin

IDENTITIES = [
    (
        "entmax of alpha 1.5 is entmax15",
        classes_of_softmax(lambda x, y: value_of_softmax("entmax", x, y, alpha=1.5), lambda x, y: value_of_softmax("entmax15", x, y)),
    ),
    (
        "entmax of alpha 2 is multiclass_sparsemax",
        classes_of_softmax(lambda x, y: value_of_softmax("entmax", x, y, alpha=2.0), lambda x, y: value_of_softmax("multiclass_sparsemax", x, y)),
    ),
    (
        "entmax of alpha near 1 is cross entropy",
        classes_of_softmax(lambda x, y: value_of_softmax("entmax", x, y, alpha=1.0 + 2.0**-50), lambda x, y: value_of_softmax("cross_entropy", x, y)),
    ),
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
