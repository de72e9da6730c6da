from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import of_of_preference, unreferred, value_of_ranking
from tests.losses.identities.classification._shared import margin, value_of_margin

IDENTITIES = [
    (
        "soft_margin is binary cross entropy with labels 0 and 1",
        margin(lambda x, s: value_of_margin("soft_margin", x, s), lambda x, s: value_of_margin("binary_cross_entropy_with_logits", x, (s + 1) / 2)),
    ),
    (
        "sigmoid_focal_star(gamma) is soft_margin of gamma times the score, over gamma",
        margin(
            lambda x, s: value_of_margin("sigmoid_focal_star", x, (s + 1) // 2, gamma=2.5),
            lambda x, s: value_of_margin("soft_margin", 2.5 * x, s) / 2.5,
        ),
    ),
    (
        "hinge is perceptron of a score moved by 1 against its sign",
        margin(lambda x, s: value_of_margin("hinge", x, s), lambda x, s: value_of_margin("perceptron", x - s, s)),
    ),
    (
        "modified_huber is four times binary_sparsemax",
        margin(lambda x, s: value_of_margin("modified_huber", x, s), lambda x, s: 4.0 * value_of_margin("binary_sparsemax", x, (s + 1) // 2)),
    ),
    (
        "unhinged of both signs adds up to 2 an element",
        margin(lambda x, s: value_of_margin("unhinged", x, s) + value_of_margin("unhinged", x, -s), lambda x, s: np.full(5, 8.0)),
    ),
    (
        "ramp is hinge less the hinge beyond its cap",
        margin(
            lambda x, s: value_of_margin("ramp", x, s, cap=1.5),
            lambda x, s: value_of_margin("hinge", x, s) - value_of_margin("hinge", x + 1.5 * s, s),
        ),
    ),
    (
        "soft_margin is cross entropy of the scores 0 and x",
        margin(
            lambda x, s: value_of_margin("soft_margin", x, s),
            lambda x, s: value_of_margin("cross_entropy", np.stack((0.0 * x, x), axis=1), (s + 1) // 2),
        ),
    ),
    (
        "smooth_hinge of width 2 is binary_sparsemax",
        margin(lambda x, s: value_of_margin("smooth_hinge", x, s, gamma=2.0), lambda x, s: value_of_margin("binary_sparsemax", x, (s + 1) // 2)),
    ),
    (
        "hinge dpo without a reference is hinge at beta times the difference",
        of_of_preference(
            lambda c: (
                value_of_ranking("dpo", **unreferred(c), loss_type="hinge", beta=1.0),
                np.maximum(0.0, 1.0 - (c["chosen_logps"] - c["rejected_logps"])).mean(),
            )
        ),
    ),
]
