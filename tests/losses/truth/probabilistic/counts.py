from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, log, per_sample, times
from tests.losses.truth.probabilistic._shared import log_gamma

log_or_infinity = np.frompyfunc(lambda x: mp.log(x) if x else -mp.inf, 1, 1)


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


def binomial_nll(predictions, labels, total_count):
    choices = np.frompyfunc(lambda n, k: mp.log(mp.binomial(int(n), int(k))), 2, 1)(total_count, labels)
    return per_sample(labels * log(1 + exp(-predictions)) + (total_count - labels) * log(1 + exp(predictions)) - choices)
