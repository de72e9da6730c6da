from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, log, per_sample, sqrt, times, with_slope

expm1 = np.frompyfunc(mp.expm1, 1, 1)
log1p = np.frompyfunc(mp.log1p, 1, 1)


def boosting_pseudo_huber(predictions, labels, huber_slope):
    return per_sample(huber_slope**2 * (sqrt(1 + ((predictions - labels) / huber_slope) ** 2) - 1))


def boosting_expectile(predictions, labels, alpha):
    d = predictions - labels
    return per_sample(choose(d >= 0, 1 - alpha, alpha) * d**2 / 2)


def boosting_squared_log(predictions, labels):
    above = np.maximum(1 + predictions, mp.mpf(1e-6))
    error = log(above) - log(1 + labels)
    return per_sample(with_slope(error**2 / 2, error / above, predictions))


def boosting_hinge(predictions, labels):
    return per_sample(np.maximum(1 - (2 * labels - 1) * predictions, 0))


def boosting_exponential(predictions, labels):
    return per_sample(times(labels, exp(-predictions)) + times(1 - labels, exp(predictions)))


def boosting_cross_entropy_lambda(predictions, labels, weight):
    u = (1 if weight is None else weight) * log1p(exp(predictions))  # exact for the smallest rates
    log_z = log(-expm1(-u))
    return per_sample((1 - labels) * u - times(labels, log_z))
