from __future__ import annotations

from mpmath import mp


def si_sdr(predictions, labels):
    found = []
    for p, t in zip(predictions, labels, strict=True):
        along = mp.fsum(a * b for a, b in zip(p, t, strict=True)) ** 2
        across = mp.fsum((p[i] * t[j] - p[j] * t[i]) ** 2 for i in range(len(p)) for j in range(i))  # Lagrange: |p|^2 |t|^2 - (p . t)^2
        found.append(10 * mp.log(across / along, 10) if across and along else mp.inf if across or not any(p) or not any(t) else -mp.inf)
    return found
