from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, log, per_sample, softplus, times


def _logistic(x, y):
    return y * softplus(-x) + (1 - y) * softplus(x)


def boosting_logistic(predictions, labels, sigmoid, convention):
    return per_sample(_logistic(sigmoid * predictions, labels))


def boosting_cross_entropy(predictions, labels):
    return per_sample(_logistic(predictions, labels))


def _rows(predictions, labels, term):
    """Sums over the positions of term(scores of the classes, label), and how many positions there are."""
    found = []
    for f, y in zip(predictions, labels, strict=True):
        flat, classes = f.reshape(f.shape[0], -1), y.reshape(-1)
        found.append(mp.fsum(term(flat[:, j], int(classes[j])) for j in range(classes.size)))
    return found, [mp.mpf(max(y.size, 1)) for y in labels]


def boosting_softmax(predictions, labels, convention):
    return _rows(predictions, labels, lambda f, y: mp.log(mp.fsum(exp(f - f[y]))))


def boosting_one_vs_all(predictions, labels, sigmoid):
    return _rows(predictions, labels, lambda f, y: mp.fsum(softplus(-sigmoid * v if k == y else sigmoid * v) for k, v in enumerate(f)))


expm1 = np.frompyfunc(mp.expm1, 1, 1)
log1p = np.frompyfunc(mp.log1p, 1, 1)


def boosting_hinge(predictions, labels):
    return per_sample(np.maximum(1 - (2 * labels - 1) * predictions, 0))


def boosting_exponential(predictions, labels):
    return per_sample(times(labels, exp(-predictions)) + times(1 - labels, exp(predictions)))


def boosting_cross_entropy_lambda(predictions, labels, weight):
    u = (1 if weight is None else weight) * log1p(exp(predictions))  # exact for the smallest rates
    log_z = log(-expm1(-u))
    return per_sample((1 - labels) * u - times(labels, log_z))
