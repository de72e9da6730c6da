from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, log, per_sample, sqrt, with_slope


def boosting_squared(predictions, labels):
    return per_sample((predictions - labels) ** 2 / 2)


def boosting_absolute(predictions, labels):
    return per_sample(abs(predictions - labels))


def _each(predictions, labels, term):
    rows = zip(predictions.reshape(len(predictions), -1), labels.reshape(len(labels), -1), strict=True)
    return [mp.fsum(term(f, y) for f, y in zip(*row, strict=True)) for row in rows]


def boosting_huber(predictions, labels, alpha, convention):
    def term(f, y):
        d = abs(f - y)
        return d * d / 2 if d <= alpha else alpha * (d - alpha / 2)

    return _each(predictions, labels, term)


def boosting_fair(predictions, labels, fair_c):
    size = abs(predictions - labels)
    return per_sample(fair_c**2 * (size / fair_c - log(1 + size / fair_c)))


def boosting_quantile(predictions, labels, alpha):
    return _each(predictions, labels, lambda f, y: max(alpha * (y - f), (1 - alpha) * (f - y)))


def boosting_mape(predictions, labels):
    return _each(predictions, labels, lambda f, y: abs(f - y) / max(mp.mpf(1), abs(y)))


def boosting_poisson(predictions, labels, poisson_max_delta_step, convention):
    return per_sample(exp(predictions) - labels * predictions)


def boosting_gamma(predictions, labels):
    return per_sample(predictions + labels * exp(-predictions))


def boosting_tweedie(predictions, labels, tweedie_variance_power):
    up, down = 2 - tweedie_variance_power, 1 - tweedie_variance_power
    return per_sample(exp(up * predictions) / up - labels * exp(down * predictions) / down)


def boosting_pseudo_huber(predictions, labels, huber_slope):
    return per_sample(huber_slope**2 * (sqrt(1 + ((predictions - labels) / huber_slope) ** 2) - 1))


def boosting_expectile(predictions, labels, alpha):
    d = predictions - labels
    return per_sample(choose(d >= 0, 1 - alpha, alpha) * d**2 / 2)


def boosting_squared_log(predictions, labels):
    above = np.maximum(1 + predictions, mp.mpf(1e-6))
    error = log(above) - log(1 + labels)
    return per_sample(with_slope(error**2 / 2, error / above, predictions))
