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


IDENTITIES = [
    ("cosine_embedding of similar pairs is cosine_distance", _cosine_embedding_is_cosine_distance),
    ("squared_chord is the squared distance of unit vectors", _squared_chord),
    ("contrastive of similar pairs is the sum of squared errors", _contrastive_is_squared_error),
    ("contrastive: hadsell is half of tfa", _hadsell_is_half),
    ("cosine_distance is one more than the negative cosine", _negative_cosine),
]
