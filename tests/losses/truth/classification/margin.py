from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, per_sample, sigmoid, softplus
from tests.losses.truth.classification._shared import signed


def _positive(x):
    return np.frompyfunc(lambda v: max(v, mp.mpf(0)), 1, 1)(x)


def hinge(predictions, labels):
    return per_sample(_positive(1 - signed(predictions, labels)))


def squared_hinge(predictions, labels):
    return per_sample(_positive(1 - signed(predictions, labels)) ** 2)


def perceptron(predictions, labels):
    return per_sample(_positive(-signed(predictions, labels)))


def soft_margin(predictions, labels):
    return per_sample(softplus(-signed(predictions, labels)))


def sigmoid_focal_star(predictions, labels, gamma):
    return per_sample(softplus(-gamma * signed(predictions, 2 * labels - 1)) / gamma)


def modified_huber(predictions, labels):
    m = signed(predictions, labels)
    return per_sample(choose(m >= -1, _positive(1 - m) ** 2, -4 * m))


def smooth_hinge(predictions, labels, gamma):
    m = signed(predictions, labels)
    return per_sample(choose(m >= 1, 0 * m, choose(m <= 1 - gamma, 1 - m - gamma / 2, (1 - m) ** 2 / (2 * gamma))))


def exponential(predictions, labels):
    return per_sample(exp(-signed(predictions, labels)))


def unhinged(predictions, labels):
    return per_sample(1 - signed(predictions, labels))


def ramp(predictions, labels, cap):
    return per_sample(np.frompyfunc(lambda v: min(cap, v), 1, 1)(_positive(1 - signed(predictions, labels))))


def savage(predictions, labels):
    return per_sample(sigmoid(-2 * signed(predictions, labels)) ** 2)


def tangent(predictions, labels):
    return per_sample((2 * np.frompyfunc(mp.atan, 1, 1)(signed(predictions, labels)) - 1) ** 2)
