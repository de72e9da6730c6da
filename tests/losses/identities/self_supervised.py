from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES, compute
from tests.losses.identities._shared import numerator, value_of_ranking


def _barlow_of_one_view(rng: Generator) -> Any:
    x = rng.normal(size=(8, 3))
    off = np.corrcoef(x.T) - np.eye(3)
    return numerator("barlow_twins", x, x), 5e-3 * (off * off).sum(keepdims=True)[0]


def _invariance_of_vicreg(rng: Generator) -> Any:
    a, b = rng.normal(size=(2, 8, 3))
    only = numerator("vicreg", a, b, invariance_weight=1.0, variance_weight=0.0, covariance_weight=0.0)
    return 24.0 * only[0], numerator("mean_squared_error", a, b).sum()


def dino_without_center_is_listnet(rng):
    x, y = rng.normal(size=(2, 4, 5))
    call = {"student_temperature": 0.5, "teacher_temperature": 0.25}
    return value_of_ranking("dino", predictions=x, labels=y, center=np.zeros(5), **call), value_of_ranking(
        "listnet", predictions=x / 0.5, labels=y / 0.25
    )


def the_state_of_dino_is_a_running_mean(rng):
    y, center = rng.normal(size=(4, 5)), rng.normal(size=5)
    answer = compute(LOSSES["dino"], {"predictions": y, "labels": y, "center": center}, {"center_momentum": 0.75})
    return answer.state["center"], 0.75 * center + 0.25 * y.mean(axis=0)


def _barlow_unbiased(rng):
    """Unbiased deviations make all correlations smaller by the factor (n - 1) / n."""
    x, y = rng.normal(size=(2, 6, 3))
    a, b = ((z - z.mean(0)) / z.std(0, ddof=1) for z in (x, y))
    c = a.T @ b / 6
    off = c - np.diag(np.diag(c))
    return numerator("barlow_twins", x, y, deviation="unbiased"), np.array([((1 - np.diag(c)) ** 2).sum() + 5e-3 * (off * off).sum()])


IDENTITIES = [
    ("barlow_twins of equal views is the off-diagonal correlations", _barlow_of_one_view),
    ("vicreg's invariance is mean_squared_error", _invariance_of_vicreg),
    ("dino without center is listnet", dino_without_center_is_listnet),
    ("the state of dino is a running mean", the_state_of_dino_is_a_running_mean),
    ("barlow_twins with unbiased deviations", _barlow_unbiased),
]
