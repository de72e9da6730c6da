from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, per_sample


def mean_absolute_percentage_error(predictions, labels, denominator, scale):
    floor = mp.mpf({"sklearn": 2.220446049250313e-16, "keras": 1e-7, "torchmetrics": 1.17e-6, "lightgbm": 1.0}[denominator])
    return per_sample(scale * abs(predictions - labels) / np.maximum(abs(labels), floor))


def symmetric_mean_absolute_percentage_error(predictions, labels, scale):
    total = abs(predictions) + abs(labels)
    return per_sample(scale * 2 * abs(predictions - labels) / choose(total == 0, 1, total))


def weighted_mean_absolute_percentage_error(predictions, labels):
    return per_sample(abs(predictions - labels)), per_sample(abs(labels))


def mean_absolute_scaled_error(predictions, labels, history, seasonality):
    m = int(seasonality)
    units = [mp.fsum(abs(y[j] - y[j - m]) for j in range(m, len(y))) / (len(y) - m) for y in history]
    return [mp.fsum(abs(x - t)) / unit for x, t, unit in zip(predictions, labels, units, strict=True)]


def relative_squared_error(predictions, labels):
    n = len(labels)
    mean = labels.sum(axis=0) / n
    variance = ((labels - mean) ** 2).sum(axis=0) / n
    return per_sample((predictions - labels) ** 2 / variance)


def relative_l2(predictions, labels, p, eps):
    def norm(row):
        return mp.power(mp.fsum(mp.power(abs(v), p) for v in np.ravel(row)), 1 / p)

    values = [norm(x - t) / (norm(t) + eps) for x, t in zip(predictions, labels, strict=True)]
    return values, [mp.mpf(1)] * len(values)
