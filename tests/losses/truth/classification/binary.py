from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, choose, constant, log, sigmoid, softplus, times, with_slope
from tests.losses.truth._shared import included, over_included


def _over_elements(values, weight, kept):
    return over_included(values if weight is None else weight * values, kept)


def _valid(labels, kept):
    return choose(kept, labels, 0 * labels)


def smoothed(labels, smoothing):
    return labels * (1 - smoothing) + smoothing / 2


def binary_cross_entropy(predictions, labels, weight, mask, ignore_index, clamp, label_smoothing):
    kept = included(predictions, labels, ignore_index, mask)
    p, z = predictions, smoothed(_valid(labels, kept), label_smoothing)
    if clamp == "torch":  # aten/src/ATen/native/Loss.cpp: the logarithms clamped, the gradient's denominator too
        floor = np.frompyfunc(lambda x: max(mp.log(x), mp.mpf(-100)), 1, 1)
        denominator = np.frompyfunc(lambda q: max((1 - q) * q, mp.mpf(1e-12)), 1, 1)
        held = constant(p)
        values = -(z * floor(held) + (1 - z) * floor(1 - held))
        return _over_elements(values + with_slope(0 * p, (p - z) / denominator(p), p), weight, kept)
    if clamp in ("keras", "sklearn"):
        eps = mp.mpf(1e-7 if clamp == "keras" else 2.0**-52)
        p = np.frompyfunc(lambda q: min(max(q, eps), 1 - eps), 1, 1)(p)
    return _over_elements(-(times(z, log(p)) + times(1 - z, log(1 - p))), weight, kept)


def binary_cross_entropy_with_logits(predictions, labels, weight, pos_weight, mask=None, ignore_index=-100, label_smoothing=ZERO):
    kept = included(predictions, labels, ignore_index, mask)
    labels = smoothed(_valid(labels, kept), label_smoothing)
    factor = ONE if pos_weight is None else pos_weight.item() if pos_weight.size == 1 else pos_weight
    return _over_elements(labels * factor * softplus(-predictions) + (1 - labels) * softplus(predictions), weight, kept)


def sigmoid_focal(predictions, labels, mask, ignore_index, gamma, alpha, predictions_are, class_alpha, pos_weight):
    positive = 1 if pos_weight is None else pos_weight.item() if pos_weight.size == 1 else pos_weight
    negative = alpha < 0 and class_alpha is None
    if class_alpha is not None:
        alpha = class_alpha.item() if class_alpha.size == 1 else class_alpha
    kept = included(predictions, labels, ignore_index, mask)
    labels = _valid(labels, kept)
    if predictions_are == "probabilities":
        p, z = predictions, labels
        balance = alpha * z + (1 - alpha) * (1 - z) if not negative else 1
        return over_included(balance * ((1 - p) * z + p * (1 - z)) ** gamma * -(times(positive * z, log(p)) + times(1 - z, log(1 - p))), kept)
    p, q, z = sigmoid(predictions), sigmoid(-predictions), labels
    entropy = positive * z * softplus(-predictions) + (1 - z) * softplus(predictions)
    balance = alpha * z + (1 - alpha) * (1 - z) if not negative else 1
    return over_included(balance * (q * z + p * (1 - z)) ** gamma * entropy, kept)
