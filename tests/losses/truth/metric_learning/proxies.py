from __future__ import annotations

from functools import partial
from typing import Any

from mpmath import mp

from tests.losses.truth._shared import cosine_of_metric, dot
from tests.losses.truth.metric_learning._shared import cosines_of_contrastive, log_sum


def _cross_entropy(logits: Any, label: int) -> Any:
    return log_sum(logits) - logits[label]


def _with_target(embeddings: Any, weight: Any, labels: Any, scale: Any, target: Any) -> Any:
    numerators = []
    for x, y in zip(embeddings, labels, strict=True):
        values = [cosine_of_metric(x, w) for w in weight]
        values[y] = target(values[y])
        numerators.append(_cross_entropy([scale * v for v in values], y))
    return numerators


def arcface(embeddings: Any, weight: Any, labels: Any, margin: Any, scale: Any) -> Any:
    def enlarged(c: Any) -> Any:
        theta = mp.acos(min(mp.mpf(1), max(mp.mpf(-1), c)))
        return mp.cos(theta + margin) if c >= -mp.cos(margin) else c - margin * mp.sin(margin)

    return _with_target(embeddings, weight, labels, scale, enlarged)


def cosface(embeddings: Any, weight: Any, labels: Any, margin: Any, scale: Any) -> Any:
    return _with_target(embeddings, weight, labels, scale, lambda c: c - margin)


def normalized_softmax(embeddings: Any, weight: Any, labels: Any, temperature: Any) -> Any:
    return _with_target(embeddings, weight, labels, 1 / temperature, lambda c: c)


def proxy_nca(embeddings: Any, proxies: Any, labels: Any, softmax_scale: Any, denominator: str) -> Any:
    numerators = []
    for x, y in zip(embeddings, labels, strict=True):
        logits = [-softmax_scale * (2 - 2 * cosine_of_metric(x, p)) for p in proxies]
        kept = [v for j, v in enumerate(logits) if denominator == "all" or j != y]
        numerators.append((log_sum(kept) if kept else 0) - logits[y])
    return numerators


def proxy_anchor(embeddings: Any, proxies: Any, labels: Any, margin: Any, alpha: Any) -> Any:
    s = cosines_of_contrastive(proxies, embeddings)
    n, near, far = len(labels), [], []
    for p in range(len(proxies)):
        own = [i for i in range(n) if labels[i] == p]
        if own:
            near.append(mp.log(1 + mp.fsum(mp.exp(-alpha * (s[p][i] - margin)) for i in own)))
        far.append(mp.log(1 + mp.fsum(mp.exp(alpha * (s[p][i] + margin)) for i in range(n) if labels[i] != p)))
    return [mp.fsum(near) / max(len(near), 1) + mp.fsum(far) / len(far)], [mp.mpf(1)]


def center(embeddings: Any, centers: Any, labels: Any) -> Any:
    return [dot(x - centers[y], x - centers[y]) / 2 for x, y in zip(embeddings, labels, strict=True)], [mp.mpf(1)] * len(labels)


def subcenter_arcface(embeddings: Any, weight: Any, labels: Any, margin: Any, scale: Any) -> Any:
    numerators = []
    for x, y in zip(embeddings, labels, strict=True):
        nearest = [max(vectors, key=partial(cosine_of_metric, x)) for vectors in weight]
        numerators += arcface([x], nearest, [y], margin, scale)
    return numerators
