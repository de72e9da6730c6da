from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES
from tests.losses.identities._shared import positive_of_probabilistic, value_of_probabilistic


def _student_to_normal(rng: Generator) -> Any:
    x, t, s = positive_of_probabilistic(rng)
    return value_of_probabilistic("student_t_nll", x, t, s, degrees_of_freedom=1e15), value_of_probabilistic("gaussian_nll", x, t, s * s, full=True)


def _beta_1(rng: Generator) -> Any:
    x, t, v = positive_of_probabilistic(rng)
    evaluation, n = LOSSES["beta_nll"](x, t, v, beta=1.0), np.ones(6)
    return evaluation.gradients["predictions"](n), LOSSES["half_squared_error"](x, t).gradients["predictions"](n)


def _logistic(rng: Generator) -> Any:
    """The label 1 has the odds e^z under the logistic distribution function, whose density is its product with the complement."""
    x, t, s = positive_of_probabilistic(rng)
    z = (t - x) / s
    halves = value_of_probabilistic("binary_cross_entropy_with_logits", z, np.ones_like(z)) + value_of_probabilistic(
        "binary_cross_entropy_with_logits", z, np.zeros_like(z)
    )
    return value_of_probabilistic("logistic_nll", x, t, s), halves + np.log(s).sum(axis=1)


IDENTITIES = [
    ("logistic_nll is two binary cross entropies", _logistic),
    ("student_t of infinite degrees is gaussian", _student_to_normal),
    ("beta_nll(1) gives the mean the gradient of the squared error", _beta_1),
]
