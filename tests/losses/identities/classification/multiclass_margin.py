from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import one_hot_is_index
from tests.losses.identities.classification._shared import margin, scores_of_margin, value_of_margin

IDENTITIES = [
    ("multiclass_hinge of one-hot labels is that of indices", one_hot_is_index("multiclass_hinge")),
    ("multiclass_hinge of one-hot labels is that of indices, keras", one_hot_is_index("multiclass_hinge", convention="keras")),
    ("multiclass_perceptron of one-hot labels is that of indices", one_hot_is_index("multiclass_perceptron")),
    (
        "multiclass_hinge of the scores 0 and x is hinge",
        margin(
            lambda x, s: value_of_margin("multiclass_hinge", np.stack((0.0 * x, x), axis=1), (s + 1) // 2),
            lambda x, s: value_of_margin("hinge", x, s),
        ),
    ),
    (
        "multiclass_perceptron is multi_margin of two classes with margin 0, doubled",
        lambda rng: (lambda x, y: (value_of_margin("multiclass_perceptron", x, y), 2.0 * value_of_margin("multi_margin", x, y, margin=0.0)))(
            scores_of_margin(rng, (5, 2)), rng.integers(0, 2, size=5)
        ),
    ),
]
