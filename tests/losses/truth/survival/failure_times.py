from __future__ import annotations

from mpmath import mp

from tests.losses.truth import ONE, ZERO


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
