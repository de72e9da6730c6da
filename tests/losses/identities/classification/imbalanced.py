from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests.losses.identities._shared import classes_of_softmax, value_of_softmax

COUNTS = np.array([100.0, 20.0, 7.0, 1.0])


def _counted(rng):
    x, y = rng.normal(size=(5, 4, 3)), rng.integers(0, 4, size=(5, 3))
    y[0, 0] = -100
    return LOSSES["seesaw"](x, y, COUNTS).state["class_counts"], COUNTS + [(y == k).sum() for k in range(4)]


IDENTITIES = [
    (
        "class_balanced(beta=0) is cross entropy",
        classes_of_softmax(
            lambda x, y: value_of_softmax("class_balanced", x, y, COUNTS, beta=0.0), lambda x, y: value_of_softmax("cross_entropy", x, y)
        ),
    ),
    (
        "class_balanced(beta=0, gamma) is softmax_focal",
        classes_of_softmax(
            lambda x, y: value_of_softmax("class_balanced", x, y, COUNTS, beta=0.0, gamma=2.0), lambda x, y: value_of_softmax("softmax_focal", x, y)
        ),
    ),
    (
        "seesaw without its weights is cross entropy",
        classes_of_softmax(lambda x, y: value_of_softmax("seesaw", x, y, COUNTS, p=0.0, q=0.0), lambda x, y: value_of_softmax("cross_entropy", x, y)),
    ),
    ("the state of seesaw has the call's classes counted", _counted),
    (
        "asymmetric_single_label with the true class alone is softmax_focal",
        classes_of_softmax(
            lambda x, y: value_of_softmax("asymmetric_single_label", x, y, gamma_pos=2.0, label_smoothing=0.0),
            lambda x, y: value_of_softmax("softmax_focal", x, y),
        ),
    ),
    (
        "balanced_softmax is logit_adjusted by the shares",
        classes_of_softmax(
            lambda x, y: value_of_softmax("balanced_softmax", x, y, COUNTS),
            lambda x, y: value_of_softmax("logit_adjusted", x, y, COUNTS / COUNTS.sum(), tau=1.0),
        ),
    ),
    (
        "balanced_softmax of equal counts is cross entropy",
        classes_of_softmax(
            lambda x, y: value_of_softmax("balanced_softmax", x, y, np.full(4, 9.0)), lambda x, y: value_of_softmax("cross_entropy", x, y)
        ),
    ),
    (
        "ldam without a margin is cross entropy of scaled scores",
        classes_of_softmax(
            lambda x, y: value_of_softmax("ldam", x, y, COUNTS, max_margin=0.0, scale=3.0), lambda x, y: value_of_softmax("cross_entropy", 3.0 * x, y)
        ),
    ),
]
