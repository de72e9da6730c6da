"""Two views of a batch: from the papers' formulas."""

from __future__ import annotations

from typing import Any

from mpmath import mp

from tests.losses.truth.metric import cosine, dot


def _centred(x: Any) -> Any:
    """The features (columns) less their means."""
    return [column - mp.fsum(column) / len(column) for column in x.T]


def barlow_twins(input1: Any, input2: Any, lambd: Any, deviation: str) -> Any:
    n = len(input1)
    shrink = mp.mpf(1) if deviation == "biased" else mp.mpf(n - 1) / n
    one, two = _centred(input1), _centred(input2)
    c = [[shrink * cosine(a, b) for b in two] for a in one]
    d = range(len(c))
    return [mp.fsum((1 - c[i][i]) ** 2 if i == j else lambd * c[i][j] ** 2 for i in d for j in d)], [mp.mpf(1)]


def vicreg(input1: Any, input2: Any, invariance_weight: Any, variance_weight: Any, covariance_weight: Any, eps: Any, variance: str) -> Any:
    n, d = input1.shape
    total = invariance_weight * mp.fsum(x * x for x in (input1 - input2).ravel()) / (n * d)
    for view in (input1, input2):
        z = _centred(view)
        cov = [[dot(a, b) / max(n - 1, 1) for b in z] for a in z]
        spread = mp.fsum(max(mp.mpf(0), 1 - mp.sqrt(cov[j][j] + eps)) for j in range(d)) / d
        total += variance_weight * spread / (2 if variance == "halved" else 1)
        total += covariance_weight * mp.fsum(cov[i][j] ** 2 for i in range(d) for j in range(d) if i != j) / d
    return [total], [mp.mpf(1)]
