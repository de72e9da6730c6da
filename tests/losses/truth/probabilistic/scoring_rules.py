from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import per_sample


def brier_score(predictions, labels, over_classes):
    squares = (predictions - labels) ** 2
    sizes = [mp.mpf(np.size(row)) / (np.shape(row)[0] if over_classes == "sum" else 1) for row in squares]
    return per_sample(squares), sizes


def crps_ensemble(predictions, labels, estimator):
    numerators = []
    for members, label in zip(predictions, labels, strict=True):
        m = len(members)
        pairs = m * m if estimator == "empirical" else m * (m - 1)
        spread = mp.fsum(abs(a - b) for a in members for b in members)
        numerators.append(mp.fsum(abs(members - label)) / m - spread / (2 * pairs))
    return numerators, [mp.mpf(1)] * len(numerators)


def interval_score(lower, upper, labels, alpha):
    return per_sample(upper - lower + 2 / alpha * (np.maximum(lower - labels, 0) + np.maximum(labels - upper, 0)))


def weighted_interval_score(lower, upper, median, labels, alphas):
    """The weighted mean of the interval scores, 2 / alpha times the penalties, and of the absolute error."""
    total = abs(labels - median) / 2
    for k, alpha in enumerate(alphas):
        low, high = lower[..., k], upper[..., k]
        total = total + alpha / 2 * (high - low + 2 / alpha * (np.maximum(low - labels, 0) + np.maximum(labels - high, 0)))
    return per_sample(total / (len(alphas) + mp.mpf(1) / 2))


def ranked_probability_score(predictions, labels):
    numerators = []
    for row, label in zip(predictions, labels, strict=True):
        cumulative = [mp.fsum(row[: k + 1]) for k in range(len(row) - 1)]
        numerators.append(mp.fsum((f - int(label <= k)) ** 2 for k, f in enumerate(cumulative)))
    return numerators, [mp.mpf(1)] * len(numerators)


def spherical_score(predictions, labels):
    numerators = [1 - row[label] / mp.sqrt(mp.fsum(row**2)) for row, label in zip(predictions, labels, strict=True)]
    return numerators, [mp.mpf(1)] * len(numerators)
