from __future__ import annotations

from typing import Any

from mpmath import mp

from tests.losses.truth._shared import cosine_of_metric, dot


def cosines_of_contrastive(a: Any, b: Any) -> Any:
    return [[cosine_of_metric(x, y) for y in b] for x in a]


def log_sum(exponents: Any) -> Any:
    return mp.log(mp.fsum(mp.exp(x) for x in exponents))


def alike(labels: Any, i: int) -> list[int]:
    return [j for j in range(len(labels)) if j != i and labels[j] == labels[i]]


def unlike(labels: Any, i: int) -> list[int]:
    return [j for j in range(len(labels)) if labels[j] != labels[i]]


def separation(a: Any, b: Any, kind: str, eps: Any = 0) -> Any:
    difference = [x - y for x, y in zip(a, b, strict=True)]
    if kind == "cosine":
        return 1 - cosine_of_metric(a, b)
    if kind == "squared_euclidean":
        return dot(difference, difference)
    if kind == "manhattan":
        return mp.fsum(abs(v) for v in difference)
    return mp.sqrt(mp.fsum((v + eps) ** 2 for v in difference))
