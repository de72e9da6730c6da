from __future__ import annotations

from fractions import Fraction

import numpy as np
from mpmath import mp
from mpmath.libmp import to_rational

from tests.losses.truth import choose, per_sample
from tests.losses.truth.classification._shared import positions_of_tempered, rows_of_margin, signed


def binary_sparsemax(predictions, labels):
    m = signed(predictions, 2 * labels - 1)
    return per_sample(choose(m >= 1, 0 * m, choose(m <= -1, -m, (1 - m) ** 2 / 4)))


def multiclass_sparsemax(predictions, labels):
    def term(scores, y):
        x = [Fraction(*to_rational(v._mpf_)) for v in scores]  # exact: the loss is often exactly 0
        falling = sorted(x, reverse=True)
        size = max(k for k in range(1, len(x) + 1) if 1 + k * falling[k - 1] > sum(falling[:k]))
        tau = (sum(falling[:size]) - 1) / size
        value = sum(v**2 - tau**2 for v in x if v > tau) / 2 + Fraction(1, 2) - x[y]
        return mp.mpf(value.numerator) / value.denominator

    return rows_of_margin(predictions, labels, term)


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
    for rows in positions_of_tempered(predictions, labels):
        terms = []
        for x, y in rows:
            p = _entmax(x)
            terms.append(mp.mpf(4) / 3 * (1 - mp.fsum(v * mp.sqrt(v) for v in p)) + mp.fsum(v * w for v, w in zip(p, x, strict=True)) - x[y])
        numerators.append(mp.fsum(terms))
    return numerators, [mp.mpf(np.size(y)) for y in labels]


def _entmax_of(x, a):
    """The probabilities, with the level lambda by regula falsi (the Illinois rule) in an interval that brackets it."""

    def excess(level):
        return mp.fsum(max(1 + a * (v - level), mp.mpf(0)) ** (1 / a) for v in x) - 1

    low, high = max(x), max(x) + (1 - mp.mpf(len(x)) ** -a) / a
    left, right, kept = excess(low), excess(high), 0
    while left and right and high - low > mp.mpf(10) ** (10 - mp.dps):
        level = (low * right - high * left) / (right - left)
        if not low < level < high:
            break
        found = excess(level)
        if found >= 0:
            low, left = level, found
            right, kept = (right / 2 if kept > 0 else right), 1
        else:
            high, right = level, found
            left, kept = (left / 2 if kept < 0 else left), -1
        if abs(found) < mp.mpf(10) ** (10 - mp.dps):
            low = high = level
    level = low if not left or right else high
    return [max(1 + a * (v - level), mp.mpf(0)) ** (1 / a) for v in x]


def entmax(predictions, labels, alpha):
    numerators = []
    for rows in positions_of_tempered(predictions, labels):
        terms = []
        for x, y in rows:
            p = _entmax_of(x, alpha - 1)
            entropy = (1 - mp.fsum(v**alpha for v in p if v)) / (alpha * (alpha - 1))
            terms.append(entropy + mp.fsum(v * (w - x[y]) for v, w in zip(p, x, strict=True)))
        numerators.append(mp.fsum(terms))
    return numerators, [mp.mpf(np.size(y)) for y in labels]
