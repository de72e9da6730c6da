from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from tests.losses.truth import per_sample


def by_position(values):
    return per_sample(values), [mp.mpf(np.size(row)) / np.shape(row)[0] for row in values]


def dot(a: Any, b: Any) -> Any:
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


def cosine_of_metric(a: Any, b: Any) -> Any:
    """A zero vector has cosine_of_metric 0 with every vector."""
    size = mp.sqrt(dot(a, a)) * mp.sqrt(dot(b, b))
    return dot(a, b) / size if size else mp.mpf(0)
