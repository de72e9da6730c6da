from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, constant, exp, log, per_sample, remembering, times

cos = np.frompyfunc(mp.cos, 1, 1)
erf = np.frompyfunc(mp.erf, 1, 1)
log_gamma = np.frompyfunc(mp.loggamma, 1, 1)
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


def student_t_nll(predictions, labels, scale, degrees_of_freedom):
    nu = degrees_of_freedom
    normalizer = mp.loggamma(nu / 2) - mp.loggamma((nu + 1) / 2) + mp.log(nu * mp.pi) / 2
    return per_sample(normalizer + log(scale) + (nu + 1) / 2 * log(1 + ((predictions - labels) / scale) ** 2 / nu))


def von_mises_nll(predictions, labels, concentration):
    return per_sample(log(2 * mp.pi * bessel_i0(concentration)) - concentration * cos(predictions - labels))


def poisson_nll(predictions, labels, log_input, full, eps, factorial):
    x, t = predictions, labels
    values = exp(x) - t * x if log_input else x - times(t, log_or_infinity(x + eps))
    if full and factorial == "exact":
        values = values + log_gamma(t + 1)
    elif full:
        inside = choose(t > 1, t, 2)
        values = values + choose(t > 1, inside * log(inside) - inside + log(2 * mp.pi * inside) / 2, 0)
    return per_sample(values)


log_or_infinity = np.frompyfunc(lambda x: mp.log(x) if x else -mp.inf, 1, 1)


def poisson_deviance(predictions, labels):
    return per_sample(2 * (times(labels, log_or_infinity(labels / predictions)) - labels + predictions))


def negative_binomial_nll(predictions, labels, dispersion):
    mu, t, r = predictions, labels, 1 / dispersion
    value = log_gamma(r) + log_gamma(t + 1) - log_gamma(t + r) + r * log((r + mu) / r) + t * log((r + mu) / mu)
    return per_sample(value)


def gamma_nll(predictions, labels):
    return per_sample(predictions + labels * exp(-predictions))


def gamma_deviance(predictions, labels):
    return per_sample(2 * (log(predictions / labels) + labels / predictions - 1))


def inverse_gaussian_deviance(predictions, labels):
    return per_sample((labels - predictions) ** 2 / (predictions**2 * labels))


def tweedie_nll(predictions, labels, power):
    x, t, p = predictions, labels, power
    first = x if p == 2 else exp((2 - p) * x) / (2 - p)
    return per_sample(first - (t * x if p == 1 else t * exp((1 - p) * x) / (1 - p)))


def exponential_nll(predictions, labels):
    return per_sample(predictions * labels - log(predictions))


def weibull_nll(predictions, labels, concentration):
    x, t, k = predictions, labels, concentration
    return per_sample(-log(k / x * (t / x) ** (k - 1)) + (t / x) ** k)


def lognormal_nll(predictions, labels, scale):
    z = (log(labels) - predictions) / scale
    return per_sample(log(labels) + log(scale) + mp.log(2 * mp.pi) / 2 + z**2 / 2)
