"""Identities of the losses of pairs and triplets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES


def value(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def rows(rng: Generator, count: int) -> list[Any]:
    return list(rng.normal(size=(count, 6, 5)))


def _cosine_embedding_is_cosine_distance(rng: Generator) -> Any:
    a, b = rows(rng, 2)
    return value("cosine_embedding", a, b, np.ones(6, int)), value("cosine_distance", a, b)


def _squared_chord(rng: Generator) -> Any:
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rows(rng, 2))
    return value("cosine_distance", a, b, form="squared_chord"), ((a - b) ** 2).sum(axis=1)


def _triplet_is_hinge_embedding(rng: Generator) -> Any:
    a, p, n = rows(rng, 3)
    difference = np.linalg.norm(a - n, axis=1) - np.linalg.norm(a - p, axis=1)
    return value("triplet_margin", a, p, n, eps=0.0), value("hinge_embedding", difference, -np.ones(6, int))


def _triplet_is_margin_ranking(rng: Generator) -> Any:
    a, p, n = rows(rng, 3)
    far, near = (np.abs(a - x).sum(axis=1) for x in (n, p))
    return value("triplet_margin_with_distance", a, p, n, distance="manhattan"), value("margin_ranking", far, near, np.ones(6, int), margin=1.0)


def _triplets_agree(rng: Generator) -> Any:
    a, p, n = rows(rng, 3)
    return value("triplet_margin", a, p, n, swap=True), value("triplet_margin_with_distance", a, p, n, swap=True)


def _contrastive_is_squared_error(rng: Generator) -> Any:
    a, b = rows(rng, 2)
    return value("contrastive", a, b, np.ones(6, int)), value("mean_squared_error", a, b)


def _hadsell_is_half(rng: Generator) -> Any:
    a, b = rows(rng, 2)
    labels = rng.integers(0, 2, 6)
    return 2 * value("contrastive", a, b, labels, convention="hadsell", margin=3.0), value("contrastive", a, b, labels, margin=3.0)


def _one_triplet_in_a_batch(rng: Generator) -> Any:
    a, p, n = rng.normal(size=(3, 1, 4))
    batch = np.concatenate((a, p, n))
    mined = value("batch_hard_triplet", batch, np.array([0, 0, 1]))
    return mined[:2], np.concatenate((value("triplet_margin", a, p, n, eps=0.0), value("triplet_margin", p, a, n, eps=0.0)))


def _one_center(rng: Generator) -> Any:
    (x, _), w, y = rows(rng, 2), rng.normal(size=(3, 5)), rng.integers(0, 3, 6)
    return value("subcenter_arcface", x, w[:, None], y), value("arcface", x, w, y)


IDENTITIES = [
    ("subcenter_arcface with one vector a class is arcface", _one_center),
    ("cosine_embedding of similar pairs is cosine_distance", _cosine_embedding_is_cosine_distance),
    ("squared_chord is the squared distance of unit vectors", _squared_chord),
    ("triplet_margin is hinge_embedding of the difference of distances", _triplet_is_hinge_embedding),
    ("triplet_margin_with_distance is margin_ranking of the distances", _triplet_is_margin_ranking),
    ("triplet_margin is triplet_margin_with_distance(euclidean)", _triplets_agree),
    ("contrastive of similar pairs is the sum of squared errors", _contrastive_is_squared_error),
    ("contrastive: hadsell is half of tfa", _hadsell_is_half),
    ("batch_hard_triplet of one pair and one other is triplet_margin", _one_triplet_in_a_batch),
]
