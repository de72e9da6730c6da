from __future__ import annotations

from mpmath import mp


def koleo(embeddings, eps):
    lengths = [mp.sqrt(mp.fsum(x**2)) for x in embeddings]
    unit = [x / length if length else x for x, length in zip(embeddings, lengths, strict=True)]
    if len(unit) < 2:
        return [mp.mpf(0)] * len(unit), [mp.mpf(0)] * len(unit)
    numerators = []
    for i, x in enumerate(unit):
        nearest = max((y for j, y in enumerate(unit) if j != i), key=lambda y, x=x: mp.fsum(x * y))
        numerators.append(-mp.log(mp.sqrt(mp.fsum((x - nearest) ** 2)) + eps))
    return numerators, [mp.mpf(1)] * len(unit)
