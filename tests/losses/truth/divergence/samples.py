from __future__ import annotations

from mpmath import mp


def wasserstein_1d(predictions, labels, p):
    numerators = [
        mp.fsum(abs(a - b) ** p for a, b in zip(sorted(x), sorted(t), strict=True)) / len(x) for x, t in zip(predictions, labels, strict=True)
    ]
    return numerators, [mp.mpf(1)] * len(numerators)


def energy_distance(predictions, labels):
    numerators = []
    for x, t in zip(predictions, labels, strict=True):

        def mean(a, b):
            return mp.fsum(abs(u - v) for u in a for v in b) / (len(a) * len(b))

        numerators.append(2 * mean(x, t) - mean(x, x) - mean(t, t))
    return numerators, [mp.mpf(1)] * len(numerators)


def chamfer_distance(predictions, labels):
    numerators = []
    for x, t in zip(predictions, labels, strict=True):

        def one_way(a, b):
            return mp.fsum(min(mp.fsum((u - v) ** 2) for v in b) for u in a) / len(a)

        numerators.append(one_way(x, t) + one_way(t, x))
    return numerators, [mp.mpf(1)] * len(numerators)


def mmd(predictions, labels, bandwidth, estimator):
    def total(a, b):
        return mp.fsum(mp.exp(-mp.fsum((u - v) ** 2) / (2 * s**2)) for u in a for v in b for s in bandwidth)

    numerators = []
    for x, t in zip(predictions, labels, strict=True):
        own = mp.mpf(0)
        for points in (x, t):
            m, same = len(points), total(points, points)
            own += same / m**2 if estimator == "biased" else (same - m * len(bandwidth)) / (m * (m - 1))
        numerators.append(own - 2 * total(x, t) / (len(x) * len(t)))
    return numerators, [mp.mpf(1)] * len(numerators)
