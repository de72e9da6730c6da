from __future__ import annotations

import numpy as np
from mpmath import mp


def clipped(x, low, high):
    return min(max(x, low), high)


def rows_of(*arrays):
    """Each as rows of elements; None stays."""
    return [None if a is None else a.reshape(len(a), -1) for a in arrays]


def kept_of(logps, mask):
    rows = logps.reshape(len(logps), -1)
    return np.ones(rows.shape, dtype=int) if mask is None else mask.reshape(rows.shape)


def summed(logps, mask, term):
    kept = kept_of(logps, mask)
    numerators = [mp.fsum(term(i, j) for j in range(kept.shape[1]) if kept[i, j]) for i in range(len(kept))]
    return numerators, [mp.mpf(int(row.sum())) for row in kept]


def advantage_of(advantages, i, j):
    row = np.ravel(advantages[i])
    return row[j] if row.size > 1 else row[0]


def criterion_of(error, name):
    if name == "huber":
        return error**2 / 2 if abs(error) <= 1 else abs(error) - mp.mpf(1) / 2
    return error**2 / (2 if name == "half_squared" else 1)
