from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, exp, softplus


def cox_ph(predictions, times, events, ties):
    raised = exp(predictions)
    numerators = []
    for i in range(len(predictions)):
        if not events[i]:
            numerators.append(ZERO)
            continue
        at_risk = mp.fsum(r for r, t in zip(raised, times, strict=True) if t >= times[i])
        own = [r for r, t, e in zip(raised, times, events, strict=True) if t == times[i] and e]
        shares = [mp.mpf(j) / len(own) if ties == "efron" else ZERO for j in range(len(own))]
        numerators.append(mp.fsum(mp.log(at_risk - share * mp.fsum(own)) for share in shares) / len(own) - predictions[i])
    return numerators, [mp.mpf(int(e)) for e in events]


def _survival(z, distribution):
    """The probability of more than z."""
    if distribution == "normal":
        return mp.erfc(z / mp.sqrt(2)) / 2
    return 1 / (1 + mp.exp(z)) if distribution == "logistic" else mp.exp(-mp.exp(z))


def _distribution(z, distribution):
    """The probability of at most z."""
    if distribution == "extreme":
        return -mp.expm1(-mp.exp(z))
    return _survival(-z, distribution)


def _density(z, distribution):
    if distribution == "normal":
        return mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
    if distribution == "logistic":
        return mp.exp(-z) / (1 + mp.exp(-z)) ** 2
    return mp.exp(z - mp.exp(z))


def aft(predictions, lower_bound, upper_bound, right_censored, distribution, scale):
    numerators = []
    for i, x in enumerate(predictions):
        low, high = lower_bound[i], upper_bound[i]
        censored = right_censored is not None and right_censored[i]
        if low == high and not censored:
            numerators.append(-mp.log(_density((mp.log(low) - x) / scale, distribution) / (scale * low)))
            continue
        start = (mp.log(low) - x) / scale if low else -mp.inf
        if start > 0:  # the tail that is small, so that a difference in it has digits
            above = _survival(start, distribution)
            beyond = ZERO if censored else _survival((mp.log(high) - x) / scale, distribution)
        else:
            above = ONE if censored else _distribution((mp.log(high) - x) / scale, distribution)
            beyond = _distribution(start, distribution) if low else ZERO
        numerators.append(-mp.log(above - beyond) if above > beyond else mp.inf)
    return numerators, [ONE] * len(numerators)


def logistic_hazard(predictions, labels, events):
    numerators = []
    for x, y, e in zip(predictions, labels, events, strict=True):
        numerators.append(mp.fsum(softplus(x[:y])) + softplus(-x[y] if e else x[y]))
    return numerators, [ONE] * len(numerators)


def pmf(predictions, labels, events):
    numerators = []
    for x, y, e in zip(predictions, labels, events, strict=True):
        raised = exp(np.append(x, ZERO))
        numerators.append(mp.log(raised.sum()) - mp.log(raised[y] if e else raised[y + 1 :].sum()))
    return numerators, [ONE] * len(numerators)


def deephit(predictions, labels, events, alpha, sigma):
    likelihood, weights = pmf(predictions, labels, events)
    shares = [exp(x) / (1 + exp(x).sum()) for x in predictions]
    n = len(shares)
    numerators = []
    for i in range(n):
        reached = [mp.fsum(p[: labels[i] + 1]) for p in shares]
        later = [j for j in range(n) if labels[i] < labels[j] or (labels[i] == labels[j] and not events[j])]
        ranks = mp.fsum(exp((reached[j] - reached[i]) / sigma) for j in later) / n if events[i] else ZERO
        numerators.append(alpha * likelihood[i] + (1 - alpha) * ranks)
    return numerators, weights
