from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import log, per_sample

loggamma = np.frompyfunc(mp.loggamma, 1, 1)
half = mp.mpf(1) / 2


def evidential_regression(predictions, labels, nu, alpha, beta, coeff):
    error, omega = labels - predictions, 2 * beta * (1 + nu)
    likelihood = log(mp.pi / nu) / 2 - alpha * log(omega) + (alpha + half) * log(error**2 * nu + omega) + loggamma(alpha) - loggamma(alpha + half)
    return per_sample(likelihood + coeff * abs(error) * (2 * nu + alpha))


def evidential_classification(predictions, labels, form):
    numerators = []
    for evidence, label in zip(predictions, labels, strict=True):
        alpha = evidence + 1
        strength = mp.fsum(alpha)
        if form == "mse":
            p = alpha / strength
            y = [int(k == label) for k in range(len(alpha))]
            numerators.append(mp.fsum((a - b) ** 2 + b * (1 - b) / (strength + 1) for a, b in zip(y, p, strict=True)))
        elif form == "log":
            numerators.append(mp.log(strength) - mp.log(alpha[label]))
        else:
            numerators.append(mp.digamma(strength) - mp.digamma(alpha[label]))
    return numerators, [mp.mpf(1)] * len(numerators)
