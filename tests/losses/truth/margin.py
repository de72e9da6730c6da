from __future__ import annotations

from fractions import Fraction

import numpy as np
from mpmath import mp
from mpmath.libmp import to_rational

from tests.losses.truth import choose, exp, per_sample, sigmoid, softplus


def _positive(x):
    return np.frompyfunc(lambda v: max(v, mp.mpf(0)), 1, 1)(x)


def _signed(predictions, labels):
    return predictions * np.frompyfunc(lambda t: mp.mpf(int(t)), 1, 1)(labels)


def hinge(predictions, labels):
    return per_sample(_positive(1 - _signed(predictions, labels)))


def squared_hinge(predictions, labels):
    return per_sample(_positive(1 - _signed(predictions, labels)) ** 2)


def perceptron(predictions, labels):
    return per_sample(_positive(-_signed(predictions, labels)))


def soft_margin(predictions, labels):
    return per_sample(softplus(-_signed(predictions, labels)))


def sigmoid_focal_star(predictions, labels, gamma):
    return per_sample(softplus(-gamma * _signed(predictions, 2 * labels - 1)) / gamma)


def modified_huber(predictions, labels):
    m = _signed(predictions, labels)
    return per_sample(choose(m >= -1, _positive(1 - m) ** 2, -4 * m))


def smooth_hinge(predictions, labels, gamma):
    m = _signed(predictions, labels)
    return per_sample(choose(m >= 1, 0 * m, choose(m <= 1 - gamma, 1 - m - gamma / 2, (1 - m) ** 2 / (2 * gamma))))


def exponential(predictions, labels):
    return per_sample(exp(-_signed(predictions, labels)))


def binary_sparsemax(predictions, labels):
    m = _signed(predictions, 2 * labels - 1)
    return per_sample(choose(m >= 1, 0 * m, choose(m <= -1, -m, (1 - m) ** 2 / 4)))


def unhinged(predictions, labels):
    return per_sample(1 - _signed(predictions, labels))


def ramp(predictions, labels, cap):
    return per_sample(np.frompyfunc(lambda v: min(cap, v), 1, 1)(_positive(1 - _signed(predictions, labels))))


def savage(predictions, labels):
    return per_sample(sigmoid(-2 * _signed(predictions, labels)) ** 2)


def tangent(predictions, labels):
    return per_sample((2 * np.frompyfunc(mp.atan, 1, 1)(_signed(predictions, labels)) - 1) ** 2)


def multilabel_margin(predictions, labels):
    numerators = []
    for x, row in zip(predictions, labels, strict=True):
        listed = list(row[: list(row).index(-1)] if -1 in row else row)
        gaps = [max(mp.mpf(0), 1 - (x[j] - x[i])) for j in listed for i in range(len(x)) if i not in listed]
        numerators.append(mp.fsum(gaps) / len(x))
    return numerators, [mp.mpf(1)] * len(predictions)


def multilabel_soft_margin(predictions, labels, weight):
    w = 1 if weight is None else weight
    entropies = w * (labels * softplus(-predictions) + (1 - labels) * softplus(predictions))
    return [mp.fsum(row) / len(row) for row in entropies], [mp.mpf(1)] * len(predictions)


def multi_margin(predictions, labels, p, margin, weight):
    numerators = []
    for x, y in zip(predictions, labels, strict=True):
        gaps = [max(mp.mpf(0), margin - x[y] + x[j]) ** int(p) for j in range(len(x)) if j != y]
        numerators.append((1 if weight is None else weight[y]) * mp.fsum(gaps) / len(x))
    return numerators, [mp.mpf(1)] * len(predictions)


def _rows(predictions, labels, term):
    """The sum over each sample's positions of term(scores, label)."""
    numerators = []
    for x, y in zip(predictions, labels, strict=True):
        scores = x.reshape(x.shape[0], -1).T
        numerators.append(mp.fsum(term(list(row), int(at)) for row, at in zip(scores, np.ravel(y), strict=True)))
    return numerators, [mp.mpf(int(np.size(y))) for y in labels]


def multiclass_hinge(predictions, labels, convention):
    def term(x, y):
        others = [v for j, v in enumerate(x) if j != y] + ([mp.mpf(0)] if convention == "keras" else [])
        return max([mp.mpf(0), *(1 + v - x[y] for v in others)])

    return _rows(predictions, labels, term)


def multiclass_perceptron(predictions, labels):
    return _rows(predictions, labels, lambda x, y: max(x) - x[y])


def multiclass_sparsemax(predictions, labels):
    def term(scores, y):
        x = [Fraction(*to_rational(v._mpf_)) for v in scores]  # exact: the loss is often exactly 0
        falling = sorted(x, reverse=True)
        size = max(k for k in range(1, len(x) + 1) if 1 + k * falling[k - 1] > sum(falling[:k]))
        tau = (sum(falling[:size]) - 1) / size
        value = sum(v**2 - tau**2 for v in x if v > tau) / 2 + Fraction(1, 2) - x[y]
        return mp.mpf(value.numerator) / value.denominator

    return _rows(predictions, labels, term)


def asymmetric(predictions, labels, gamma_pos, gamma_neg, clip):
    def term(x, z):
        p = 1 / (1 + mp.exp(-x))
        if z:
            return -((1 - p) ** gamma_pos) * mp.log(p)
        shifted = max(p - clip, mp.mpf(0))
        return -(shifted**gamma_neg) * mp.log(1 - shifted)

    return per_sample(np.frompyfunc(term, 2, 1)(predictions, labels))
