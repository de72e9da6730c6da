from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import constant, exp, log, per_sample, remembering

cos = np.frompyfunc(mp.cos, 1, 1)
bessel_i0 = np.frompyfunc(remembering(lambda k: mp.besseli(0, k)), 1, 1)


def floored(variance, eps):
    """The variance as the value has it, and as torch's gradient has it."""
    return constant(np.maximum(variance, eps)) + (variance - constant(variance))


def gaussian_nll(predictions, labels, variance, full, eps):
    v = floored(variance, eps)
    return per_sample((log(v) + (predictions - labels) ** 2 / v) / 2 + (mp.log(2 * mp.pi) / 2 if full else 0))


def beta_nll(predictions, labels, variance, beta, eps):
    v = floored(variance, eps)
    weight = constant(v**beta if beta else v * 0 + 1)
    values = weight * (log(v) + (predictions - labels) ** 2 / v) / 2
    return per_sample(values), per_sample(values * 0 + 1)


def laplace_nll(predictions, labels, scale):
    return per_sample(log(2 * scale) + abs(predictions - labels) / scale)


def logistic_nll(predictions, labels, scale):
    z = abs(predictions - labels) / scale
    return per_sample(log(scale) + z + 2 * log(1 + exp(-z)))


def student_t_nll(predictions, labels, scale, degrees_of_freedom):
    nu = degrees_of_freedom
    normalizer = mp.loggamma(nu / 2) - mp.loggamma((nu + 1) / 2) + mp.log(nu * mp.pi) / 2
    return per_sample(normalizer + log(scale) + (nu + 1) / 2 * log(1 + ((predictions - labels) / scale) ** 2 / nu))


def von_mises_nll(predictions, labels, concentration):
    return per_sample(log(2 * mp.pi * bessel_i0(concentration)) - concentration * cos(predictions - labels))
