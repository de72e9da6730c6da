from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import constant, exp, log, per_sample, sqrt, times
from tests.losses.truth._shared import by_position, included, over_included

log_or_infinity = np.frompyfunc(lambda x: mp.log(x) if x else -mp.inf, 1, 1)


def kl_divergence(predictions, labels, log_target, direction, predictions_are, mask):
    kept = included(predictions, mask=mask)
    if predictions_are == "probabilities":
        p, log_p = (exp(labels), labels) if log_target else (labels, log_or_infinity(np.where(labels == 0, mp.mpf(1), labels)))
        log_q = log_or_infinity(np.where(predictions == 0, mp.mpf(1) if direction == "reverse" else predictions, predictions))
        return over_included(times(predictions, log_q - log_p) if direction == "reverse" else times(p, log_p - log_q), kept)
    if direction == "reverse":
        gap = predictions - (labels if log_target else log_or_infinity(labels))
        return over_included(times(exp(predictions), gap), kept)
    if log_target:
        return over_included(exp(labels) * (labels - predictions), kept)
    return over_included(times(labels, log_or_infinity(labels) - predictions), kept)


def generalized_kl_divergence(predictions, labels, mask):
    values = times(labels, log_or_infinity(labels) - predictions) - labels + exp(predictions)
    return over_included(values, included(values, mask=mask))


def term(p, q):
    """P log(p / q), with 0 log 0 = 0."""
    return times(p, log_or_infinity(np.where(p == 0, mp.mpf(1), p)) - log_or_infinity(np.where(p == 0, mp.mpf(1), q)))


def unless(test, values):
    """The values, but the constant 0 where the test holds at the point: a gradient of 0 by convention."""
    return np.where(constant(test), mp.mpf(0), values)


def jensen_shannon(predictions, labels, mask):
    middle = (predictions + labels) / 2
    return by_position(unless(middle == 0, (term(predictions, middle) + term(labels, middle)) / 2), mask)


def hellinger(predictions, labels, mask):
    return by_position(unless(predictions + labels == 0, (sqrt(predictions) - sqrt(labels)) ** 2 / 2), mask)


def total_variation_distance(predictions, labels, mask):
    return by_position(unless(predictions == labels, abs(predictions - labels) / 2), mask)


def itakura_saito(predictions, labels):
    return per_sample(labels / predictions - log(labels / predictions) - 1)
