from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, per_sample

erf = np.frompyfunc(mp.erf, 1, 1)


def brier_score(predictions, labels, over_classes):
    squares = (predictions - labels) ** 2
    sizes = [mp.mpf(np.size(row)) / (np.shape(row)[0] if over_classes == "sum" else 1) for row in squares]
    return per_sample(squares), sizes


def crps(predictions, labels, scale):
    omega = (labels - predictions) / scale
    return per_sample(scale * (omega * erf(omega / mp.sqrt(2)) + 2 * exp(-(omega**2) / 2) / mp.sqrt(2 * mp.pi) - 1 / mp.sqrt(mp.pi)))


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


def ranked_probability_score(predictions, labels):
    numerators = []
    for row, label in zip(predictions, labels, strict=True):
        cumulative = [mp.fsum(row[: k + 1]) for k in range(len(row) - 1)]
        numerators.append(mp.fsum((f - int(label <= k)) ** 2 for k, f in enumerate(cumulative)))
    return numerators, [mp.mpf(1)] * len(numerators)


def spherical_score(predictions, labels):
    numerators = [1 - row[label] / mp.sqrt(mp.fsum(row**2)) for row, label in zip(predictions, labels, strict=True)]
    return numerators, [mp.mpf(1)] * len(numerators)
