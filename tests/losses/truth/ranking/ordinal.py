from __future__ import annotations

from mpmath import mp

from tests.losses.truth import softplus


def ordinal(predictions, labels, mask):
    numerators, weights = list[mp.mpf](), list[mp.mpf]()
    for x, y in zip(predictions, labels, strict=True):
        kept = [j for j in range(len(y)) if mask is None or mask[len(numerators), j]]
        numerators.append(mp.fsum(softplus(x[j, k]) - (x[j, k] if y[j] >= k + 1 else 0) for j in kept for k in range(x.shape[1])))
        weights.append(mp.mpf(len(kept)))
    return numerators, weights


def corn(predictions, labels):
    numerators, weights = list[mp.mpf](), list[mp.mpf]()
    for x, y in zip(predictions, labels, strict=True):
        reached = range(min(int(y) + 1, len(x)))
        numerators.append(mp.fsum(softplus(-x[k]) if y > k else softplus(x[k]) for k in reached))
        weights.append(mp.mpf(len(reached)))
    return numerators, weights
