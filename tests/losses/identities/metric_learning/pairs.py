from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities.metric_learning._shared import rows, value_of_metric


def _cosine_embedding_is_cosine_distance(rng: Generator) -> Any:
    a, b = rows(rng, 2)
    return value_of_metric("cosine_embedding", a, b, np.ones(6, int)), value_of_metric("cosine_distance", a, b)


def _squared_chord(rng: Generator) -> Any:
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in rows(rng, 2))
    return value_of_metric("cosine_distance", a, b, form="squared_chord"), ((a - b) ** 2).sum(axis=1)


def _contrastive_is_squared_error(rng: Generator) -> Any:
    a, b = rows(rng, 2)
    return value_of_metric("contrastive", a, b, np.ones(6, int)), value_of_metric("mean_squared_error", a, b)


def _hadsell_is_half(rng: Generator) -> Any:
    a, b = rows(rng, 2)
    labels = rng.integers(0, 2, 6)
    return 2 * value_of_metric("contrastive", a, b, labels, convention="hadsell", margin=3.0), value_of_metric(
        "contrastive", a, b, labels, margin=3.0
    )


def _negative_cosine(rng):
    x, y = rows(rng, 2)
    return value_of_metric("cosine_distance", x, y, form="negative") + 1.0, value_of_metric("cosine_distance", x, y)


def _cosent_of_two(rng: Generator) -> Any:
    a, b = rng.normal(size=(2, 2, 4))
    s = 20.0 * (1.0 - value_of_metric("cosine_distance", a, b))
    return value_of_metric("cosent", a, b, np.array([1.0, 0.0])), np.log1p(np.exp(s[1:] - s[:1]))


def _cosent_of_two_grades(rng: Generator) -> Any:
    """Each relevant pair against each other one, as an outer sum."""
    a, b = rng.normal(size=(2, 6, 4))
    s = 5.0 * (1.0 - value_of_metric("cosine_distance", a, b))
    total = np.exp(s[3:]).sum() * np.exp(-s[:3]).sum()
    return value_of_metric("cosent", a, b, np.array([1, 1, 1, 0, 0, 0.0]), scale=5.0), np.log1p([total])


def _angle_of_real_vectors(rng: Generator) -> Any:
    """Without imaginary parts and with positive products the similarity is the cosine."""
    a, b = (np.concatenate([x, np.zeros_like(x)], axis=1) for x in rng.uniform(size=(2, 6, 4)))
    labels = rng.normal(size=6)
    return value_of_metric("angle", a, b, labels), value_of_metric("cosent", a, b, labels)


IDENTITIES = [
    ("cosent of two pairs is the softplus of their difference", _cosent_of_two),
    ("cosent of two grades is the logarithm of one plus a product of sums", _cosent_of_two_grades),
    ("angle of vectors without imaginary parts is cosent", _angle_of_real_vectors),
    ("cosine_embedding of similar pairs is cosine_distance", _cosine_embedding_is_cosine_distance),
    ("squared_chord is the squared distance of unit vectors", _squared_chord),
    ("contrastive of similar pairs is the sum of squared errors", _contrastive_is_squared_error),
    ("contrastive: hadsell is half of tfa", _hadsell_is_half),
    ("cosine_distance is one more than the negative cosine", _negative_cosine),
]
