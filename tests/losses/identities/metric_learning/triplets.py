from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities.metric_learning._shared import rows, value_of_metric


def _triplet_is_hinge_embedding(rng: Generator) -> Any:
    a, p, n = rows(rng, 3)
    difference = np.linalg.norm(a - n, axis=1) - np.linalg.norm(a - p, axis=1)
    return value_of_metric("triplet_margin", a, p, n, eps=0.0), value_of_metric("hinge_embedding", difference, -np.ones(6, int))


def _triplet_is_margin_ranking(rng: Generator) -> Any:
    a, p, n = rows(rng, 3)
    far, near = (np.abs(a - x).sum(axis=1) for x in (n, p))
    return value_of_metric("triplet_margin_with_distance", a, p, n, distance="manhattan"), value_of_metric(
        "margin_ranking", far, near, np.ones(6, int), margin=1.0
    )


def _triplets_agree(rng: Generator) -> Any:
    a, p, n = rows(rng, 3)
    return value_of_metric("triplet_margin", a, p, n, swap=True), value_of_metric("triplet_margin_with_distance", a, p, n, swap=True)


def _norms_agree(rng: Generator) -> Any:
    a, p, n = rows(rng, 3)
    return value_of_metric("triplet_margin", a, p, n, p=3.0), value_of_metric("triplet_margin_with_distance", a, p, n, distance="minkowski", p=3.0)


def _one_triplet_in_a_batch(rng: Generator) -> Any:
    a, p, n = rng.normal(size=(3, 1, 4))
    batch = np.concatenate((a, p, n))
    mined = value_of_metric("batch_hard_triplet", batch, np.array([0, 0, 1]))
    return mined[:2], np.concatenate((value_of_metric("triplet_margin", a, p, n, eps=0.0), value_of_metric("triplet_margin", p, a, n, eps=0.0)))


IDENTITIES = [
    ("triplet_margin is hinge_embedding of the difference of distances", _triplet_is_hinge_embedding),
    ("triplet_margin_with_distance is margin_ranking of the distances", _triplet_is_margin_ranking),
    ("triplet_margin is triplet_margin_with_distance(euclidean)", _triplets_agree),
    ("triplet_margin is triplet_margin_with_distance(minkowski) of its degree", _norms_agree),
    ("batch_hard_triplet of one pair and one other is triplet_margin", _one_triplet_in_a_batch),
]
