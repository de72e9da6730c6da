from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, log, per_sample


def mean_squared_error(predictions, labels, weight):
    squares = (predictions - labels) ** 2
    return per_sample(squares) if weight is None else (per_sample(weight * squares), per_sample(weight))


def mean_absolute_error(predictions, labels, weight):
    errors = abs(predictions - labels)
    return per_sample(errors) if weight is None else (per_sample(weight * errors), per_sample(weight))


def smooth_l1(predictions, labels, beta):
    error = abs(predictions - labels)
    if beta == 0:
        return per_sample(error)
    return per_sample(choose(error < beta, error**2 / (2 * beta), error - beta / 2))


def huber(predictions, labels, delta, weight):
    error = abs(predictions - labels)
    values = choose(error <= delta, error**2 / 2, delta * (error - delta / 2))
    elements = [mp.mpf(np.size(row)) for row in values]
    return (per_sample(values if weight is None else weight * values)), elements


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


def multi_quantile(predictions, labels, quantiles):
    u = labels[..., None] - predictions
    return per_sample(np.maximum(quantiles * u, (quantiles - 1) * u))


def expectile(predictions, labels, alpha):
    return per_sample(choose(labels <= predictions, 1 - alpha, alpha) * (labels - predictions) ** 2)


def mean_squared_logarithmic_error(predictions, labels):
    return per_sample((log(1 + predictions) - log(1 + labels)) ** 2)


def root_mean_squared_log_error(predictions, labels, weight):
    return root_mean(log(1 + predictions) - log(1 + labels), weight)


def lp(predictions, labels, p):
    return per_sample(abs(predictions - labels) ** p)


def epsilon_insensitive(predictions, labels, epsilon):
    return per_sample(np.maximum(abs(predictions - labels) - epsilon, 0))


def squared_epsilon_insensitive(predictions, labels, epsilon):
    return per_sample(np.maximum(abs(predictions - labels) - epsilon, 0) ** 2)


def log_lin_quantile(predictions, labels, alpha):
    return quantile(exp(predictions), labels, alpha)
