"""Embeddings: pairs and triplets, from their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp


def dot(a: Any, b: Any) -> Any:
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


def cosine(a: Any, b: Any) -> Any:
    """A zero vector has cosine 0 with every vector."""
    size = mp.sqrt(dot(a, a)) * mp.sqrt(dot(b, b))
    return dot(a, b) / size if size else mp.mpf(0)


def norm(x: Any, p: Any) -> Any:
    """The p-norm; of what is not 0 only, so that small powers of 0 do no harm."""
    total = mp.fsum(abs(v) ** p for v in x if v)
    return total ** (1 / mp.mpf(p)) if total else mp.mpf(0)


def distance(a: Any, b: Any, kind: str, eps: Any = 0) -> Any:
    difference = [x - y for x, y in zip(a, b, strict=True)]
    if kind == "cosine":
        return 1 - cosine(a, b)
    if kind == "squared_euclidean":
        return dot(difference, difference)
    if kind == "manhattan":
        return mp.fsum(abs(v) for v in difference)
    return mp.sqrt(mp.fsum((v + eps) ** 2 for v in difference))


def cosine_embedding(input1: Any, input2: Any, labels: Any, margin: Any) -> Any:
    cosines = [cosine(a, b) for a, b in zip(input1, input2, strict=True)]
    return [1 - c if y == 1 else max(mp.mpf(0), c - margin) for c, y in zip(cosines, labels, strict=True)]


def cosine_distance(predictions: Any, labels: Any, form: str) -> Any:
    numerators = []
    for i in range(len(predictions)):
        rows = zip(predictions[i].reshape(-1, predictions.shape[-1]), labels[i].reshape(-1, labels.shape[-1]), strict=True)
        cosines = [cosine(a, b) for a, b in rows]
        forms = {"distance": lambda c: 1 - c, "negative": lambda c: -c, "squared_chord": lambda c: 2 - 2 * c}
        numerators.append(mp.fsum(forms[form](c) for c in cosines))
    return numerators, [mp.mpf(int(np.prod(predictions.shape[1:-1])))] * len(predictions)


def hinge_embedding(predictions: Any, labels: Any, margin: Any) -> Any:
    return [
        mp.fsum(x if y == 1 else max(mp.mpf(0), margin - x) for x, y in zip(row.ravel(), sign.ravel(), strict=True))
        for row, sign in zip(np.atleast_1d(predictions).reshape(len(predictions), -1), labels.reshape(len(labels), -1), strict=True)
    ]


def margin_ranking(input1: Any, input2: Any, labels: Any, margin: Any) -> Any:
    rows = [array.reshape(len(labels), -1) for array in (input1, input2, labels)]
    return [mp.fsum(max(mp.mpf(0), margin - int(y) * (a - b)) for a, b, y in zip(*row, strict=True)) for row in zip(*rows, strict=True)]


def contrastive(input1: Any, input2: Any, labels: Any, margin: Any, convention: str) -> Any:
    numerators = []
    for a, b, y in zip(input1, input2, labels, strict=True):
        part = distance(a, b, "euclidean") if y else max(mp.mpf(0), margin - distance(a, b, "euclidean"))
        numerators.append({"tfa": part**2, "hadsell": part**2 / 2, "pml": part}[convention])
    return numerators


def triplet_margin(anchor: Any, positive: Any, negative: Any, margin: Any, p: Any, eps: Any, swap: bool) -> Any:
    def d(x: Any, y: Any) -> Any:
        return norm([a - b + eps for a, b in zip(x, y, strict=True)], p)

    return [
        max(mp.mpf(0), d(a, x) - (min(d(a, y), d(x, y)) if swap else d(a, y)) + margin) for a, x, y in zip(anchor, positive, negative, strict=True)
    ]


def triplet_margin_with_distance(anchor: Any, positive: Any, negative: Any, distance: str, margin: Any, swap: bool, eps: Any) -> Any:
    def d(x: Any, y: Any) -> Any:
        return globals()["distance"](x, y, distance, eps)

    return [
        max(mp.mpf(0), d(a, x) - (min(d(a, y), d(x, y)) if swap else d(a, y)) + margin) for a, x, y in zip(anchor, positive, negative, strict=True)
    ]


def _hinge_or_soft(difference: Any, margin: Any, form: str) -> Any:
    return mp.log(1 + mp.exp(difference)) if form == "soft" else max(mp.mpf(0), difference + margin)


def batch_hard_triplet(embeddings: Any, labels: Any, margin: Any, distance: str, form: str) -> Any:
    n, numerators, weights = len(labels), [], []
    for i in range(n):
        apart = [globals()["distance"](embeddings[i], embeddings[j], distance) for j in range(n)]
        near = [apart[j] for j in range(n) if j != i and labels[j] == labels[i]]
        far = [apart[j] for j in range(n) if labels[j] != labels[i]]
        valid = bool(near and far)
        numerators.append(_hinge_or_soft(max(near) - min(far), margin, form) if valid else mp.mpf(0))
        weights.append(mp.mpf(valid))
    return numerators, weights


def batch_semi_hard_triplet(embeddings: Any, labels: Any, margin: Any, distance: str) -> Any:
    n, numerators, weights = len(labels), [], []
    for i in range(n):
        apart = [globals()["distance"](embeddings[i], embeddings[j], distance) for j in range(n)]
        near = [apart[j] for j in range(n) if j != i and labels[j] == labels[i]]
        far = [apart[j] for j in range(n) if labels[j] != labels[i]]
        if not far:
            near = []
        chosen = [min([d for d in far if d > x], default=max(far)) for x in near]
        numerators.append(mp.fsum(_hinge_or_soft(x - d, margin, "hinge") for x, d in zip(near, chosen, strict=True)))
        weights.append(mp.mpf(len(near)))
    return numerators, weights
