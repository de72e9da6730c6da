from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ZERO, constant, log, per_sample, sigmoid, softplus, times, with_slope


def _over_elements(values, weight):
    return per_sample(values if weight is None else weight * values), [mp.mpf(np.size(row)) for row in values]


def smoothed(labels, smoothing):
    return labels * (1 - smoothing) + smoothing / 2


def binary_cross_entropy(predictions, labels, weight, clamp, label_smoothing):
    p, z = predictions, smoothed(labels, label_smoothing)
    if clamp == "torch":  # aten/src/ATen/native/Loss.cpp: the logarithms clamped, the gradient's denominator too
        floor = np.frompyfunc(lambda x: max(mp.log(x), mp.mpf(-100)), 1, 1)
        denominator = np.frompyfunc(lambda q: max((1 - q) * q, mp.mpf(1e-12)), 1, 1)
        held = constant(p)
        values = -(z * floor(held) + (1 - z) * floor(1 - held))
        return _over_elements(values + with_slope(0 * p, (p - z) / denominator(p), p), weight)
    if clamp in ("keras", "sklearn"):
        eps = mp.mpf(1e-7 if clamp == "keras" else 2.0**-52)
        p = np.frompyfunc(lambda q: min(max(q, eps), 1 - eps), 1, 1)(p)
    return _over_elements(-(times(z, log(p)) + times(1 - z, log(1 - p))), weight)


def binary_cross_entropy_with_logits(predictions, labels, weight, pos_weight, label_smoothing=ZERO):
    labels = smoothed(labels, label_smoothing)
    positive = labels if pos_weight is None else labels * pos_weight
    return _over_elements(positive * softplus(-predictions) + (1 - labels) * softplus(predictions), weight)


def sigmoid_focal(predictions, labels, gamma, alpha, predictions_are):
    if predictions_are == "probabilities":
        p, z = predictions, labels
        balance = alpha * z + (1 - alpha) * (1 - z) if alpha >= 0 else 1
        return per_sample(balance * ((1 - p) * z + p * (1 - z)) ** gamma * -(times(z, log(p)) + times(1 - z, log(1 - p))))
    p, q, z = sigmoid(predictions), sigmoid(-predictions), labels
    entropy = z * softplus(-predictions) + (1 - z) * softplus(predictions)
    balance = alpha * z + (1 - alpha) * (1 - z) if alpha >= 0 else 1
    return per_sample(balance * (q * z + p * (1 - z)) ** gamma * entropy)
