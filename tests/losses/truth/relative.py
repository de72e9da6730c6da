from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import per_sample


def mean_absolute_scaled_error(predictions, labels, history, seasonality):
    m = int(seasonality)
    units = [mp.fsum(abs(y[j] - y[j - m]) for j in range(m, len(y))) / (len(y) - m) for y in history]
    return [mp.fsum(abs(x - t)) / unit for x, t, unit in zip(predictions, labels, units, strict=True)]


def relative_squared_error(predictions, labels):
    n = len(labels)
    mean = labels.sum(axis=0) / n
    variance = ((labels - mean) ** 2).sum(axis=0) / n
    return per_sample((predictions - labels) ** 2 / variance)


def quantile_huber(predictions, labels, quantiles, kappa):
    numerators = []
    for x, t in zip(predictions, labels, strict=True):
        levels = [mp.mpf(2 * i + 1) / (2 * len(x)) for i in range(len(x))] if quantiles is None else quantiles
        terms = []
        for tau, q in zip(levels, x, strict=True):
            for u in t - q:
                huber = u * u / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2)
                terms.append(abs(tau - (u < 0)) * huber / kappa / len(t))
        numerators.append(mp.fsum(terms))
    return numerators, [mp.mpf(1)] * np.shape(predictions)[0]
