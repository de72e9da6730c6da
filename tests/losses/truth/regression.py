from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import choose, per_sample


def mean_squared_error(predictions, labels, weight):
    squares = (predictions - labels) ** 2
    return per_sample(squares) if weight is None else (per_sample(weight * squares), per_sample(weight))


def mean_absolute_error(predictions, labels, weight):
    errors = abs(predictions - labels)
    return per_sample(errors) if weight is None else (per_sample(weight * errors), per_sample(weight))


def smooth_l1(predictions, labels, beta):
    error = abs(predictions - labels)
    if beta == 0:
        return per_sample(error)
    return per_sample(choose(error < beta, error**2 / (2 * beta), error - beta / 2))


def huber(predictions, labels, delta, weight):
    error = abs(predictions - labels)
    values = choose(error <= delta, error**2 / 2, delta * (error - delta / 2))
    elements = [mp.mpf(np.size(row)) for row in values]
    return (per_sample(values if weight is None else weight * values)), elements
