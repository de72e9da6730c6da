from __future__ import annotations

from mpmath import mp


def _length(v):
    return mp.sqrt(mp.fsum(v**2))


def multivariate_gaussian_nll(predictions, labels, scale_tril):
    numerators = []
    for x, t, factor in zip(predictions, labels, scale_tril, strict=True):
        d, z = len(x), list[mp.mpf]()
        for k in range(d):
            z.append((x[k] - t[k] - mp.fsum(factor[k, j] * z[j] for j in range(k))) / factor[k, k])
        log_volume = mp.fsum(mp.log(abs(factor[k, k])) for k in range(d))
        numerators.append(log_volume + mp.fsum(v * v for v in z) / 2 + d * mp.log(2 * mp.pi) / 2)
    return numerators, [mp.mpf(1)] * len(numerators)


def energy_score(predictions, labels):
    numerators = []
    for members, t in zip(predictions, labels, strict=True):
        m = len(members)
        between = mp.fsum(_length(a - b) for a in members for b in members)
        numerators.append(mp.fsum(_length(a - t) for a in members) / m - between / (2 * m * m))
    return numerators, [mp.mpf(1)] * len(numerators)


def variogram_score(predictions, labels, weight, p):
    numerators = []
    for members, t in zip(predictions, labels, strict=True):
        total = mp.mpf(0)
        for a in range(len(t)):
            for b in range(len(t)):
                w = 1 if weight is None else weight[a, b]
                mean = mp.fsum(mp.power(abs(x[a] - x[b]), p) for x in members) / len(members)
                total += w * (mp.power(abs(t[a] - t[b]), p) - mean) ** 2
        numerators.append(total)
    return numerators, [mp.mpf(1)] * len(numerators)
