from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import value_of_probabilistic


def _student_of_evidence(rng: Generator) -> Any:
    x, t = rng.normal(size=(2, 6, 1))
    alpha, nu, beta = 2.5, *rng.uniform(0.5, 2.0, size=(2, 6, 1))
    scale = np.sqrt(beta * (1 + nu) / (nu * alpha))
    return value_of_probabilistic("evidential_regression", x, t, nu, np.full_like(x, alpha), beta, coeff=0.0), value_of_probabilistic(
        "student_t_nll", x, t, scale, degrees_of_freedom=2 * alpha
    )


IDENTITIES = [
    ("evidential_regression without a fine is student_t_nll", _student_of_evidence),
]
