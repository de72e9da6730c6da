from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, log, per_sample, times

log_or_infinity = np.frompyfunc(lambda x: mp.log(x) if x else -mp.inf, 1, 1)

DIGITS = 450  # of log Gamma of ordinary numbers
NEAR, SMALL, LARGE = mp.mpf(10) ** -30, mp.mpf(10) ** -3, mp.mpf(10) ** 15
_known: list[list[Any]] = []  # points, log Gamma there, and what was needed of its Taylor coefficients


def _log_gamma(z: Any) -> Any:
    """Log Gamma(z), in thousands of digits only for large z, where they are cheap; else in DIGITS, but differences of near points in all.

    A point within 1e-30 of a known one comes from the Taylor series there, as many terms as DIGITS hold and at most 6.
    """
    if z < SMALL:
        return _log_gamma(1 + z) - mp.log(z)
    if z > LARGE:
        return mp.loggamma(z)
    point = next((known for known in _known if abs(z - known[0]) <= NEAR), None)
    if point is None:
        with mp.workdps(DIGITS):
            base = +z
            point = [base, mp.loggamma(base)]
        _known[200:] = []
        _known.insert(0, point)
    gap = z - point[0]
    if not gap:
        return point[1]
    order = max(1, min(6, int(DIGITS / -mp.log10(abs(gap)))))
    for k in range(len(point) - 1, order + 1):
        with mp.workdps(DIGITS if k == 1 else 200):
            point.append(mp.psi(k - 1, point[0]) / mp.factorial(k))
    return point[1] + sum(c * gap**k for k, c in enumerate(point[2 : order + 2], 1))


log_gamma = np.frompyfunc(_log_gamma, 1, 1)


def poisson_nll(predictions, labels, log_input, full, eps, factorial):
    x, t = predictions, labels
    values = exp(x) - t * x if log_input else x - times(t, log_or_infinity(x + eps))
    if full and factorial == "exact":
        values = values + log_gamma(t + 1)
    elif full:
        inside = choose(t > 1, t, 2)
        values = values + choose(t > 1, inside * log(inside) - inside + log(2 * mp.pi * inside) / 2, 0)
    return per_sample(values)


def poisson_deviance(predictions, labels):
    return per_sample(2 * (times(labels, log_or_infinity(labels / predictions)) - labels + predictions))


def negative_binomial_nll(predictions, labels, dispersion):
    mu, t, r = predictions, labels, 1 / dispersion
    value = log_gamma(r) + log_gamma(t + 1) - log_gamma(t + r) + r * log((r + mu) / r) + t * log((r + mu) / mu)
    return per_sample(value)
