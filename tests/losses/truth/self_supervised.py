from __future__ import annotations

from functools import partial
from typing import Any

from mpmath import mp

from tests.losses.truth import exp
from tests.losses.truth._shared import cosine_of_metric, dot


def swav(predictions, labels, temperature, sinkhorn_epsilon, sinkhorn_iterations):
    n = len(labels)
    codes = exp(labels / sinkhorn_epsilon)
    for _ in range(sinkhorn_iterations):
        codes = codes / codes.sum(axis=0, keepdims=True)
        codes = codes / codes.sum(axis=1, keepdims=True)
    numerators = []
    for x, q in zip(predictions / temperature, codes, strict=True):
        numerators.append(mp.fsum(b * mp.log(mp.fsum(exp(x - a))) for a, b in zip(x, q, strict=True)))
    return numerators, [mp.mpf(1)] * n


def dino(predictions, labels, center, student_temperature, teacher_temperature, center_momentum):
    found = []
    for x, y in zip(predictions, labels, strict=True):
        student, teacher = [v / student_temperature for v in x], [(v - c) / teacher_temperature for v, c in zip(y, center, strict=True)]
        k = range(len(student))
        found.append(
            mp.fsum(mp.log(mp.fsum(mp.exp(student[j] - student[i]) for j in k)) / mp.fsum(mp.exp(teacher[j] - teacher[i]) for j in k) for i in k)
        )
    return found


def _centered(x: Any) -> Any:
    """The features (columns) less their means."""
    return [column - mp.fsum(column) / len(column) for column in x.T]


def barlow_twins(input1: Any, input2: Any, lambd: Any, deviation: str) -> Any:
    n = len(input1)
    shrink = mp.mpf(1) if deviation == "biased" else mp.mpf(n - 1) / n
    one, two = _centered(input1), _centered(input2)
    c = [[shrink * cosine_of_metric(a, b) for b in two] for a in one]
    d = range(len(c))
    return [mp.fsum((1 - c[i][i]) ** 2 if i == j else lambd * c[i][j] ** 2 for i in d for j in d)], [mp.mpf(1)]


def vicreg(input1: Any, input2: Any, invariance_weight: Any, variance_weight: Any, covariance_weight: Any, eps: Any, variance: str) -> Any:
    n, d = input1.shape
    total = invariance_weight * mp.fsum(x * x for x in (input1 - input2).ravel()) / (n * d)
    for view in (input1, input2):
        z = _centered(view)
        cov = [[dot(a, b) / max(n - 1, 1) for b in z] for a in z]
        spread = mp.fsum(max(mp.mpf(0), 1 - mp.sqrt(cov[j][j] + eps)) for j in range(d)) / d
        total += variance_weight * spread / (2 if variance == "halved" else 1)
        total += covariance_weight * mp.fsum(cov[i][j] ** 2 for i in range(d) for j in range(d) if i != j) / d
    return [total], [mp.mpf(1)]


def koleo(embeddings, eps):
    lengths = [mp.sqrt(mp.fsum(x**2)) for x in embeddings]
    unit = [x / length if length else x for x, length in zip(embeddings, lengths, strict=True)]
    if len(unit) < 2:
        return [mp.mpf(0)] * len(unit), [mp.mpf(0)] * len(unit)
    numerators = []
    for i, x in enumerate(unit):
        others = [y for j, y in enumerate(unit) if j != i]
        nearest = max(others, key=partial(dot, x))
        numerators.append(-mp.log(mp.sqrt(mp.fsum((x - nearest) ** 2)) + eps))
    return numerators, [mp.mpf(1)] * len(unit)
