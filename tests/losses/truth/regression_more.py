from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, log, per_sample

cosh = np.frompyfunc(mp.cosh, 1, 1)


def half_squared_error(predictions, labels):
    return per_sample((predictions - labels) ** 2 / 2)


def root_mean_squared_error(predictions, labels, weight):
    return root_mean(predictions - labels, weight)


def root_mean(errors, weight):
    weight = errors * 0 + 1 if weight is None else weight
    total, weights = mp.fsum(np.ravel(weight * errors**2)), mp.fsum(np.ravel(weight))
    return [mp.sqrt(total / weights) if weights else mp.mpf(0)]


def log_cosh(predictions, labels):
    return per_sample(log(cosh(predictions - labels)))


def quantile(predictions, labels, quantile):
    u = labels - predictions
    return per_sample(np.maximum(quantile * u, (quantile - 1) * u))


def expectile(predictions, labels, alpha):
    return per_sample(choose(labels <= predictions, 1 - alpha, alpha) * (labels - predictions) ** 2)


def mean_squared_logarithmic_error(predictions, labels):
    return per_sample((log(1 + predictions) - log(1 + labels)) ** 2)


def root_mean_squared_log_error(predictions, labels, weight):
    return root_mean(log(1 + predictions) - log(1 + labels), weight)


def mean_absolute_percentage_error(predictions, labels, denominator, scale):
    floor = mp.mpf({"sklearn": 2.220446049250313e-16, "keras": 1e-7, "torchmetrics": 1.17e-6, "lightgbm": 1.0}[denominator])
    return per_sample(scale * abs(predictions - labels) / np.maximum(abs(labels), floor))


def symmetric_mean_absolute_percentage_error(predictions, labels, scale):
    total = abs(predictions) + abs(labels)
    return per_sample(scale * 2 * abs(predictions - labels) / choose(total == 0, 1, total))


def weighted_mean_absolute_percentage_error(predictions, labels):
    return per_sample(abs(predictions - labels)), per_sample(abs(labels))


def lp(predictions, labels, p):
    return per_sample(abs(predictions - labels) ** p)


def epsilon_insensitive(predictions, labels, epsilon):
    return per_sample(np.maximum(abs(predictions - labels) - epsilon, 0))


def squared_epsilon_insensitive(predictions, labels, epsilon):
    return per_sample(np.maximum(abs(predictions - labels) - epsilon, 0) ** 2)


def log_lin_quantile(predictions, labels, alpha):
    return quantile(exp(predictions), labels, alpha)
