from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import log, per_sample, remembering
from tests.losses.truth.probabilistic._shared import DIGITS, _log_gamma, log_gamma


@remembering
def psi(order, z):
    with mp.workdps(DIGITS):
        return mp.psi(order, z)


def _log_beta(a, b):
    """log B(a, b); by the Taylor series of log Gamma about the larger argument where the other is next to nothing."""
    small, large = min(a, b), max(a, b)
    if small > mp.mpf(10) ** -100:
        return _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
    if large < mp.mpf(10) ** -100:
        terms = (psi(k - 1, mp.mpf(1)) * (a**k + b**k - (a + b) ** k) / mp.factorial(k) for k in range(2, 5))
        return mp.log((a + b) / a / b) + sum(terms)
    series = sum(psi(k - 1, large) * small**k / mp.factorial(k) for k in range(1, 5))
    return _log_gamma(1 + small) - mp.log(small) - series


def beta_nll_distribution(concentration1, concentration0, labels):
    a, b, t = concentration1, concentration0, labels
    normalizer = np.frompyfunc(_log_beta, 2, 1)(a, b)
    return per_sample(normalizer - (a - 1) * log(t) - (b - 1) * log(1 - t))


def dirichlet_nll(concentration, labels):
    numerators = []
    for a, t in zip(concentration, labels, strict=True):
        terms = np.ravel(log_gamma(a) - (a - 1) * log(t))
        numerators.append(mp.fsum(terms) - mp.fsum(np.ravel(log_gamma(a.sum(axis=-1)))))
    return numerators, [mp.mpf(np.size(a) // np.shape(a)[-1]) for a in concentration]
