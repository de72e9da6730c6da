from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, log, per_sample
from tests.losses.truth.probabilistic._shared import log_gamma


def gamma_nll(predictions, labels):
    return per_sample(predictions + labels * exp(-predictions))


def gamma_nll_distribution(concentration, rate, labels):
    k, r, t = concentration, rate, labels
    return per_sample(log_gamma(k) - k * log(r) - (k - 1) * log(t) + r * t)


def gamma_deviance(predictions, labels):
    return per_sample(2 * (log(predictions / labels) + labels / predictions - 1))


def inverse_gaussian_deviance(predictions, labels):
    return per_sample((labels - predictions) ** 2 / (predictions**2 * labels))


def _tweedie(t, x, p):
    if p == 0:
        return (t - x) ** 2
    if p == 1:
        return 2 * ((t * mp.log(t / x) if t else 0) - t + x)
    if p == 2:
        return 2 * (mp.log(x / t) + t / x - 1)
    own = mp.power(max(t, mp.mpf(0)), 2 - p) / ((1 - p) * (2 - p))
    return 2 * (own - t * mp.power(x, 1 - p) / (1 - p) + mp.power(x, 2 - p) / (2 - p))


def tweedie_deviance(predictions, labels, power):
    return per_sample(np.frompyfunc(lambda t, x: _tweedie(t, x, power), 2, 1)(labels, predictions))


def tweedie_nll(predictions, labels, power):
    x, t, p = predictions, labels, power
    first = x if p == 2 else exp((2 - p) * x) / (2 - p)
    return per_sample(first - (t * x if p == 1 else t * exp((1 - p) * x) / (1 - p)))


def exponential_nll(predictions, labels):
    return per_sample(predictions * labels - log(predictions))


def weibull_nll(predictions, labels, concentration, events):
    x, t, k = predictions, labels, concentration
    gap = log(t / x)
    return per_sample(-(log(k / x) + (k - 1) * gap) * (1 if events is None else events) + exp(k * gap))


def lognormal_nll(predictions, labels, scale):
    z = (log(labels) - predictions) / scale
    return per_sample(log(labels) + log(scale) + mp.log(2 * mp.pi) / 2 + z**2 / 2)
