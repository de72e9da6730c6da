from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import value_of_divergence


def _turned_and_scaled(rng: Generator) -> Any:
    """Angles and relative distances do not change under a rotation, a scale and a shift."""
    x, t = rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    name = "relational_knowledge_distillation"
    return value_of_divergence(name, x, t), value_of_divergence(name, 3.0 * x @ turn + rng.normal(size=3), t)


def _distances(rng: Generator) -> Any:
    """Without angles it is smooth_l1 of all distances over their means."""
    sets = rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    apart = [np.linalg.norm(x[:, None] - x[None], axis=2) for x in sets]
    near, far = (d / d[d > 0].mean() for d in apart)
    ours = value_of_divergence("relational_knowledge_distillation", *sets, distance_weight=2.0, angle_weight=0.0)
    return ours, 2.0 / 5.0 * value_of_divergence("smooth_l1", near, far)


IDENTITIES = [
    ("relational_knowledge_distillation is that of embeddings rotated, scaled and shifted", _turned_and_scaled),
    ("relational_knowledge_distillation without angles is smooth_l1 of distances over their mean", _distances),
]
