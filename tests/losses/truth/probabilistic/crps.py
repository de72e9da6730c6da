from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, log, per_sample, remembering

erf = np.frompyfunc(mp.erf, 1, 1)


def crps(predictions, labels, scale):
    omega = (labels - predictions) / scale
    return per_sample(scale * (omega * erf(omega / mp.sqrt(2)) + 2 * exp(-(omega**2) / 2) / mp.sqrt(2 * mp.pi) - 1 / mp.sqrt(mp.pi)))


def crps_logistic(predictions, labels, scale):
    size = abs(labels - predictions) / scale
    return per_sample(scale * (size + 2 * log(1 + exp(-size)) - 1))


def crps_laplace(predictions, labels, scale):
    size = abs(labels - predictions) / scale
    return per_sample(scale * (size + exp(-size) - mp.mpf(3) / 4))


@remembering
def _share_within(z, nu):
    """The probability of numbers within z of 0, under Student's t distribution."""
    return mp.betainc(mp.mpf(1) / 2, nu / 2, 0, z * z / (nu + z * z), regularized=True)


def crps_student_t(predictions, labels, scale, degrees_of_freedom):
    nu, half = degrees_of_freedom, mp.mpf(1) / 2
    size = abs(labels - predictions) / scale
    density = (1 + size**2 / nu) ** (-(nu + 1) / 2) / mp.sqrt(nu) / mp.beta(half, nu / 2)
    least = 2 * mp.sqrt(nu) / (nu - 1) * mp.beta(half, nu - half) / mp.beta(half, nu / 2) ** 2
    within = np.frompyfunc(lambda z: _share_within(z, nu), 1, 1)(size)
    return per_sample(scale * (size * within + 2 * density * (nu + size**2) / (nu - 1) - least))


def crps_exponential(predictions, labels):
    return per_sample(labels - 2 * (1 - exp(-predictions * labels)) / predictions + 1 / (2 * predictions))


phi = np.frompyfunc(lambda z: mp.erfc(-z / mp.sqrt(2)) / 2, 1, 1)


def crps_lognormal(predictions, labels, scale):
    omega = (log(labels) - predictions) / scale
    mean = 2 * exp(predictions + scale**2 / 2)
    return per_sample(labels * (2 * phi(omega) - 1) - mean * (phi(omega - scale) - phi(-scale / mp.sqrt(2))))


@remembering
def _bessel(order, x):
    return mp.besseli(order, x) * mp.exp(-x)


def _poisson(mean, t):
    chances = [mp.exp(-mean) * mean**k / mp.factorial(k) for k in range(int(t) + 1)]
    return (t - mean) * (2 * mp.fsum(chances) - 1) + 2 * mean * chances[-1] - mean * (_bessel(0, 2 * mean) + _bessel(1, 2 * mean))


def crps_poisson(predictions, labels):
    return per_sample(np.frompyfunc(lambda mean, t: _poisson(mean, int(t)), 2, 1)(predictions, labels))
