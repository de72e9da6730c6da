from __future__ import annotations

import numpy as np

from tests.losses.identities.classification._shared import margin, scores_of_margin, value_of_margin


def _classes(left, right):
    """Two expressions of the scores and the class indices."""

    def both(rng):
        x, y = scores_of_margin(rng), rng.integers(0, 4, size=5)
        return left(x, y), right(x, y)

    return both


def _flags(y, classes=4):
    return (np.arange(classes) == y[:, None]).astype(float)


def _dice(x, z):
    p = 1.0 / (1.0 + np.exp(-x))
    return np.atleast_1d(1.0 - 2.0 * (p * z).sum() / (p.sum() + z.sum()))


IDENTITIES = [
    (
        "multilabel_soft_margin is the mean of binary cross entropies",
        _classes(
            lambda x, y: value_of_margin("multilabel_soft_margin", x, _flags(y)),
            lambda x, y: value_of_margin("binary_cross_entropy_with_logits", x, _flags(y)) / 4.0,
        ),
    ),
    (
        "multilabel_margin with one true class is multi_margin",
        _classes(
            lambda x, y: value_of_margin("multilabel_margin", x, np.stack((y, -1 + 0 * y, y, y), axis=1)),
            lambda x, y: value_of_margin("multi_margin", x, y),
        ),
    ),
    (
        "micro soft_f1 is one minus Dice of the whole batch",
        lambda rng: (lambda x, z: (value_of_margin("soft_f1", x, z, average="micro"), _dice(x, z)))(scores_of_margin(rng), rng.uniform(size=(5, 4))),
    ),
    (
        "asymmetric of soft labels without focusing and clip is binary cross entropy",
        margin(
            lambda x, s: value_of_margin("asymmetric", x, 0.3 + 0.4 * (s > 0), gamma_pos=0.0, gamma_neg=0.0, clip=0.0),
            lambda x, s: value_of_margin("binary_cross_entropy_with_logits", x, 0.3 + 0.4 * (s > 0)),
        ),
    ),
    (
        "asymmetric without focusing and clip is binary cross entropy",
        margin(
            lambda x, s: value_of_margin("asymmetric", x, (s + 1) // 2, gamma_pos=0.0, gamma_neg=0.0, clip=0.0),
            lambda x, s: value_of_margin("binary_cross_entropy_with_logits", x, (s + 1) / 2),
        ),
    ),
]
