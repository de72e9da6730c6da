from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import (
    classes_of_softmax,
    logits_of_divergence,
    one_hot_is_index,
    softmax_of_divergence,
    value_of_divergence,
    value_of_softmax,
)

IDENTITIES = [
    (
        "jsd_cross_entropy is cross_entropy and jensen_shannon of two views",
        lambda r: (
            value_of_divergence(
                "jsd_cross_entropy", np.stack(x := logits_of_divergence(r), axis=1), y := r.integers(0, 5, 6), smoothing=0.0, alpha=3.0
            ),
            value_of_divergence("cross_entropy", x[0], y) + 3 * value_of_divergence("jensen_shannon", *(softmax_of_divergence(z) for z in x)),
        ),
    ),
    (
        "poly1_cross_entropy is cross entropy plus half its epsilon of mae_probability",
        classes_of_softmax(
            lambda x, y: value_of_softmax("poly1_cross_entropy", x, y, epsilon=1.5),
            lambda x, y: value_of_softmax("cross_entropy", x, y) + 0.75 * value_of_softmax("mae_probability", x, y),
        ),
    ),
    ("poly1_cross_entropy of one-hot labels is that of indices", one_hot_is_index("poly1_cross_entropy")),
    (
        "z_loss of scores whose exponentials sum to 1 more than e is of log(e) = 1",
        lambda rng: (value_of_softmax("z_loss", np.full((3, 4), 1.0 - np.log(4.0))), np.ones(3)),
    ),
]
