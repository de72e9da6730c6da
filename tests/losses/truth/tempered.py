from __future__ import annotations

import numpy as np
from mpmath import mp


def _positions(predictions, labels):
    for x, y in zip(predictions, labels, strict=True):
        yield zip((list(row) for row in x.reshape(x.shape[0], -1).T), (int(at) for at in np.ravel(y)), strict=True)


def _entmax(x):
    """By trying every size of the support."""
    z = sorted((v / 2 for v in x), reverse=True)
    for k in range(len(z), 0, -1):
        mean = mp.fsum(z[:k]) / k
        square = (1 - mp.fsum((v - mean) ** 2 for v in z[:k])) / k
        tau = mean - mp.sqrt(square) if square >= 0 else mp.inf
        if tau <= z[k - 1]:
            return [max(v / 2 - tau, mp.mpf(0)) ** 2 for v in x]
    raise AssertionError


def entmax15(predictions, labels):
    numerators = []
    for rows in _positions(predictions, labels):
        terms = []
        for x, y in rows:
            p = _entmax(x)
            terms.append(mp.mpf(4) / 3 * (1 - mp.fsum(v * mp.sqrt(v) for v in p)) + mp.fsum(v * w for v, w in zip(p, x, strict=True)) - x[y])
        numerators.append(mp.fsum(terms))
    return numerators, [mp.mpf(np.size(y)) for y in labels]


def _tempered_softmax(x, t):
    """By Newton's method on the sum of the powers, which is convex and falls."""
    top = max(x)
    if t == 1:
        total = mp.fsum(mp.exp(v - top) for v in x)
        return [mp.exp(v - top) / total for v in x]
    gaps, level, digits = [top - v for v in x], mp.mpf(0), 25
    while True:  # to 25 digits, and then each step doubles them
        with mp.workdps(min(digits, mp.dps)):
            bases = [1 + (t - 1) * (level + gap) for gap in gaps]
            powers = [base ** (-1 / (t - 1)) for base in bases]
            step = (mp.fsum(powers) - 1) / mp.fsum(p / base for p, base in zip(powers, bases, strict=True))
            level += step
        if digits > 2 * mp.dps:
            return [(1 + (t - 1) * (level + gap)) ** (-1 / (t - 1)) for gap in gaps]
        if digits > 25 or abs(step) < mp.mpf(10) ** -20:
            digits *= 2


def bi_tempered_logistic(predictions, labels, t1, t2, weight, ignore_index):
    numerators, weights = [], []
    for rows in _positions(predictions, labels):
        kept = [(x, y) for x, y in rows if y != ignore_index]
        shares = [mp.mpf(1) if weight is None else weight[y] for _, y in kept]
        numerators.append(mp.fsum(w * _bi_tempered(_tempered_softmax(x, t2), y, t1) if w else w for w, (x, y) in zip(shares, kept, strict=True)))
        weights.append(mp.fsum(shares))
    return numerators, weights


def _bi_tempered(p, y, t1):
    surprise = -mp.log(p[y]) if t1 == 1 else -(p[y] ** (1 - t1) - 1) / (1 - t1)
    return surprise - (1 - mp.fsum(v ** (2 - t1) for v in p)) / (2 - t1)
