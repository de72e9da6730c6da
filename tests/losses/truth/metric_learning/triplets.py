from __future__ import annotations

from typing import Any

from mpmath import mp

from tests.losses.truth.metric_learning._shared import separation


def norm(x: Any, p: Any) -> Any:
    """The p-norm; of what is not 0 only, so that small powers of 0 do no harm."""
    total = mp.fsum(abs(v) ** p for v in x if v)
    return total ** (1 / mp.mpf(p)) if total else mp.mpf(0)


def triplet_margin(anchor: Any, positive: Any, negative: Any, margin: Any, p: Any, eps: Any, swap: bool) -> Any:
    def d(x: Any, y: Any) -> Any:
        return norm([a - b + eps for a, b in zip(x, y, strict=True)], p)

    return [
        max(mp.mpf(0), d(a, x) - (min(d(a, y), d(x, y)) if swap else d(a, y)) + margin) for a, x, y in zip(anchor, positive, negative, strict=True)
    ]


def triplet_margin_with_distance(anchor: Any, positive: Any, negative: Any, distance: str, margin: Any, swap: bool, eps: Any, p: Any) -> Any:
    def d(x: Any, y: Any) -> Any:
        if distance == "minkowski":
            return norm([a - b + eps for a, b in zip(x, y, strict=True)], p)
        return separation(x, y, distance, eps)

    return [
        max(mp.mpf(0), d(a, x) - (min(d(a, y), d(x, y)) if swap else d(a, y)) + margin) for a, x, y in zip(anchor, positive, negative, strict=True)
    ]


def _hinge_or_soft(difference: Any, margin: Any, form: str) -> Any:
    return mp.log(1 + mp.exp(difference)) if form == "soft" else max(mp.mpf(0), difference + margin)


def batch_hard_triplet(embeddings: Any, labels: Any, margin: Any, distance: str, form: str) -> Any:
    n, numerators, weights = len(labels), [], []
    for i in range(n):
        apart = [separation(embeddings[i], embeddings[j], distance) for j in range(n)]
        near = [apart[j] for j in range(n) if j != i and labels[j] == labels[i]]
        far = [apart[j] for j in range(n) if labels[j] != labels[i]]
        valid = bool(near and far)
        numerators.append(_hinge_or_soft(max(near) - min(far), margin, form) if valid else mp.mpf(0))
        weights.append(mp.mpf(valid))
    return numerators, weights


def batch_semi_hard_triplet(embeddings: Any, labels: Any, margin: Any, distance: str) -> Any:
    n, numerators, weights = len(labels), [], []
    for i in range(n):
        apart = [separation(embeddings[i], embeddings[j], distance) for j in range(n)]
        near = [apart[j] for j in range(n) if j != i and labels[j] == labels[i]]
        far = [apart[j] for j in range(n) if labels[j] != labels[i]]
        if not far:
            near = []
        chosen = [min([d for d in far if d > x], default=max(far)) for x in near]
        numerators.append(mp.fsum(_hinge_or_soft(x - d, margin, "hinge") for x, d in zip(near, chosen, strict=True)))
        weights.append(mp.mpf(len(near)))
    return numerators, weights
