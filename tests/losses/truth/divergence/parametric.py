from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, log, per_sample, times
from tests.losses.truth._shared import by_position, included


def gaussian_kl(mean, log_variance, prior_mean, prior_log_variance, free_bits):
    m = mean * 0 if prior_mean is None else prior_mean
    p = mean * 0 if prior_log_variance is None else prior_log_variance
    values = ((mean - m) ** 2 * exp(-p) + exp(log_variance - p) - 1 - (log_variance - p)) / 2
    return per_sample(np.maximum(values, free_bits)), [mp.mpf(1)] * len(mean)


log_or_infinity = np.frompyfunc(lambda x: mp.log(x) if x else -mp.inf, 1, 1)


def _power(x, a):
    return np.frompyfunc(lambda v: mp.power(v, a) if v or a > 0 else mp.inf, 1, 1)(x)


def alpha_divergence(predictions, labels, alpha, mask):
    q, p = predictions, labels
    if alpha == 1:
        terms = times(p, log_or_infinity(p) - log(q)) - p + q
    elif alpha == 0:
        terms = q * (log(q) - log_or_infinity(p)) - q + p
    else:
        terms = (_power(p, alpha) * _power(q, 1 - alpha) - alpha * p + (alpha - 1) * q) / (alpha * (alpha - 1))
    return by_position(terms, mask)


def renyi(predictions, labels, alpha, mask):
    numerators, weights = [], []
    kept = included(predictions[:, 0], mask=mask)
    for q, p, here in zip(predictions, labels, kept, strict=True):
        rows = [np.reshape(x, (len(x), -1)).T[np.ravel(here)] for x in (q, p)]
        total = mp.mpf(0)
        for a, b in zip(*rows, strict=True):
            if alpha == 1:
                total += mp.fsum(times(b, log_or_infinity(b) - log(a))) / mp.fsum(b)
            else:
                total += mp.log(mp.fsum(_power(b, alpha) * _power(a, 1 - alpha)) / mp.fsum(b)) / (alpha - 1)
        numerators.append(total)
        weights.append(mp.mpf(len(rows[0])))
    return numerators, weights


def beta_divergence(predictions, labels, beta):
    x, t = predictions, labels
    if beta == 1:
        return per_sample(times(t, log_or_infinity(t) - log(x)) - t + x)
    if beta == 0:
        return per_sample(t / x - log_or_infinity(t) + log(x) - 1)
    return per_sample((_power(t, beta) + (beta - 1) * _power(x, beta) - beta * t * _power(x, beta - 1)) / (beta * (beta - 1)))
