from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant
from tests.losses.truth.reinforcement_learning._shared import advantage_of, rows_of, summed


def dppo(logps, old_logps, advantages, mask, divergence, epsilon, epsilon_high, max_ratio):
    new, old = rows_of(logps, old_logps)

    def distance(x, y):
        p, q = mp.exp(x), mp.exp(y)
        if divergence == "tv":
            return abs(p - q)
        if p == 1:
            return mp.inf if q < 1 else mp.mpf(0)
        return q * (y - x) + ((1 - q) * mp.log((1 - q) / (1 - p)) if q < 1 else 0)

    def term(i, j):
        x, y, a = new[i, j], old[i, j], advantage_of(advantages, i, j)
        inside = (distance(x, y) <= epsilon_high or x <= y) if a > 0 else (distance(x, y) <= epsilon or x >= y)
        return -constant(min(mp.exp(x - y), max_ratio) * inside) * a * x

    return summed(logps, mask, term)


def dro(logps, old_logps, advantages, mask, beta):
    new, old = rows_of(logps, old_logps)
    return summed(logps, mask, lambda i, j: -advantage_of(advantages, i, j) * new[i, j] + beta * (new[i, j] - old[i, j]) ** 2 / 2)
