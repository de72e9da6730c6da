from __future__ import annotations

from itertools import permutations

import numpy as np
from mpmath import mp


def si_sdr(predictions, labels, zero_mean):
    return [_si_sdr(p, t) for p, t in zip(centered(predictions, zero_mean), centered(labels, zero_mean), strict=True)]


def snr(predictions, labels, zero_mean):
    return [_snr(p, t) for p, t in zip(centered(predictions, zero_mean), centered(labels, zero_mean), strict=True)]


def permutation_invariant(predictions, labels, metric, zero_mean):
    one = {"si_sdr": _si_sdr, "snr": _snr, "mse": _mse}[metric]
    found = []
    for estimates, truths in zip(predictions, labels, strict=True):
        if metric != "mse":
            estimates, truths = centered(estimates, zero_mean), centered(truths, zero_mean)
        costs = [[one(p, t) for t in truths] for p in estimates]
        found.append(min(_sum([costs[k][j] for k, j in enumerate(order)]) for order in permutations(range(len(truths)))))
    return found


def centered(signals, zero_mean):
    """Multiples of the signals less their means, without rounding."""
    return [x * len(x) - mp.fsum(x) for x in signals] if zero_mean else signals


def _sum(costs):
    """The sum, infinity if one of them is, also beside minus infinity."""
    return mp.inf if mp.inf in costs else mp.fsum(costs)


def _si_sdr(p, t):
    along = mp.fsum(a * b for a, b in zip(p, t, strict=True)) ** 2
    across = mp.fsum((p[i] * t[j] - p[j] * t[i]) ** 2 for i in range(len(p)) for j in range(i))  # Lagrange: |p|^2 |t|^2 - (p . t)^2
    return 10 * mp.log(across / along, 10) if across and along else mp.inf if across or not any(p) or not any(t) else -mp.inf


def _snr(p, t):
    signal, noise = (mp.fsum(np.square(x)) for x in (t, t - p))
    return 10 * mp.log(noise / signal, 10) if signal and noise else -mp.inf if signal else mp.inf


def _mse(p, t):
    return mp.fsum(np.square(p - t)) / len(p)
