from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

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
