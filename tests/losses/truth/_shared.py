from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp


def by_position(values, mask=None):
    numerators, sizes = over_included(values, included(values, mask=mask))
    return numerators, [size / np.shape(values)[1] for size in sizes]


def included(like, labels=None, ignore_index=None, mask=None):
    """True for each element of `like` that is neither masked nor labeled with ignore_index; labels and mask may lack the class axis."""
    kept = np.ones(np.shape(like), dtype=bool)
    for index in np.ndindex(kept.shape):
        for given, void in ((labels, ignore_index), (mask, 0)):
            if given is not None and given[index if given.ndim == kept.ndim else (index[0], *index[2:])] == void:
                kept[index] = False
    return kept


def over_included(values, kept):
    """Sums of the included elements of each sample, and their number."""
    rows = [[value for value, here in zip(np.ravel(v), np.ravel(k), strict=True) if here] for v, k in zip(values, kept, strict=True)]
    return [mp.fsum(row) for row in rows], [mp.mpf(len(row)) for row in rows]


def dot(a: Any, b: Any) -> Any:
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


def cosine_of_metric(a: Any, b: Any) -> Any:
    """A zero vector has cosine_of_metric 0 with every vector."""
    size = mp.sqrt(dot(a, a)) * mp.sqrt(dot(b, b))
    return dot(a, b) / size if size else mp.mpf(0)
