from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, exp, log, per_sample, sqrt


def quantile_huber(predictions, labels, quantiles, kappa):
    numerators = []
    for x, t in zip(predictions, labels, strict=True):
        levels = [mp.mpf(2 * i + 1) / (2 * len(x)) for i in range(len(x))] if quantiles is None else quantiles
        terms = []
        for tau, q in zip(levels, x, strict=True):
            for u in t - q:
                huber = u * u / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2)
                terms.append(abs(tau - (u < 0)) * huber / kappa / len(t))
        numerators.append(mp.fsum(terms))
    return numerators, [mp.mpf(1)] * np.shape(predictions)[0]


arc_tangent = np.frompyfunc(mp.atan, 1, 1)
cosine = np.frompyfunc(mp.cos, 1, 1)


def pseudo_huber(predictions, labels, delta):
    return per_sample(delta**2 * (sqrt(1 + ((predictions - labels) / delta) ** 2) - 1))


def charbonnier(predictions, labels, eps):
    return per_sample(sqrt((predictions - labels) ** 2 + eps**2))


def fair(predictions, labels, c):
    a = abs(predictions - labels) / c
    return per_sample(c**2 * (a - log(1 + a)))


def cauchy(predictions, labels, c):
    return per_sample(log(1 + (predictions - labels) ** 2 / (2 * c**2)))


def welsch(predictions, labels, c):
    with mp.extradps(700):  # the gradient far out is that much smaller than the value
        return per_sample(1 - exp(-((predictions - labels) ** 2) / (2 * c**2)))


def geman_mcclure(predictions, labels, c):
    square = ((predictions - labels) / c) ** 2
    return per_sample(2 * square / (square + 4))


def barron_general_robust(predictions, labels, alpha, c):
    square = ((predictions - labels) / c) ** 2
    if alpha == 2:
        return per_sample(square / 2)
    b = abs(alpha - 2)
    return per_sample(log(square / b + 1) if alpha == 0 else b / alpha * ((square / b + 1) ** (alpha / 2) - 1))


def arctan(predictions, labels):
    return per_sample(arc_tangent((predictions - labels) ** 2))


def tukey_biweight(predictions, labels, c):
    error = predictions - labels
    return per_sample(choose(abs(error) <= c, c**2 / 6 * (1 - (1 - (error / c) ** 2) ** 3), c**2 / 6))


def wing(predictions, labels, width, curvature):
    error = abs(predictions - labels)
    offset = width - width * mp.log(1 + width / curvature)
    return per_sample(choose(error < width, width * log(1 + error / curvature), error - offset))


def balanced_l1(predictions, labels, alpha, gamma, beta):
    error, b = abs(predictions - labels), mp.exp(gamma / alpha) - 1
    inside = alpha / b * (b * error + beta) * log(b * error / beta + 1) - alpha * error
    return per_sample(choose(error < beta, inside, gamma * error + gamma * beta / b - alpha * beta))


def andrews_wave(predictions, labels, a):
    error = predictions - labels
    return per_sample(choose(abs(error) <= a * mp.pi, a**2 * (1 - cosine(error / a)), 2 * a**2))


def hampel(predictions, labels, a, b, c):
    e = abs(predictions - labels)
    third = a * (b + c - a) / 2 - choose(e <= c, a * (c - e) ** 2 / (c - b) / 2, mp.mpf(0))
    return per_sample(choose(e <= a, e**2 / 2, choose(e <= b, a * e - a**2 / 2, third)))


def berhu(predictions, labels, c):
    e = abs(predictions - labels)
    return per_sample(choose(e <= c, e, (e**2 + c**2) / (2 * c)))


def adaptive_wing(predictions, labels, alpha, omega, epsilon, theta):
    e, p = abs(predictions - labels), alpha - labels
    edge = (theta / epsilon) ** p
    slope = omega * (1 / (1 + edge)) * p * (theta / epsilon) ** (p - 1) / epsilon
    offset = theta * slope - omega * log(1 + edge)
    return per_sample(choose(e < theta, omega * log(1 + (e / epsilon) ** p), slope * e - offset))
