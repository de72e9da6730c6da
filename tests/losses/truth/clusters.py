from __future__ import annotations

from mpmath import mp

from tests.losses.truth import exp


def swav(predictions, labels, temperature, sinkhorn_epsilon, sinkhorn_iterations):
    n = len(labels)
    codes = exp(labels / sinkhorn_epsilon)
    for _ in range(sinkhorn_iterations):
        codes = codes / codes.sum(axis=0, keepdims=True)
        codes = codes / codes.sum(axis=1, keepdims=True)
    numerators = []
    for x, q in zip(predictions / temperature, codes, strict=True):
        numerators.append(mp.fsum(b * mp.log(mp.fsum(exp(x - a))) for a, b in zip(x, q, strict=True)))
    return numerators, [mp.mpf(1)] * n
