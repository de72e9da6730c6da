from __future__ import annotations

from typing import Any

from mpmath import mp

from tests.losses.truth import constant
from tests.losses.truth.metric_learning._shared import alike, cosines_of_contrastive, log_sum, separation, unlike


def lifted_structured(embeddings: Any, labels: Any, margin: Any) -> Any:
    n = len(labels)
    d = [[separation(x, y, "euclidean") for y in embeddings] for x in embeddings]
    numerators = []
    for i in range(n):
        total = mp.mpf(0)
        for j in alike(labels, i):
            negatives = [margin - d[i][k] for k in unlike(labels, i)] + [margin - d[j][k] for k in unlike(labels, j)]
            if negatives:
                total += max(mp.mpf(0), log_sum(negatives) + d[i][j]) ** 2 / 4
        numerators.append(total)
    return numerators, [mp.mpf(len(alike(labels, i))) / 2 for i in range(n)]


def circle(embeddings: Any, labels: Any, gamma: Any, margin: Any, weights: str) -> Any:
    held = constant if weights == "constant" else lambda x: x
    s = cosines_of_contrastive(embeddings, embeddings)
    n, numerators, counts = len(labels), [], []
    for i in range(n):
        positives, negatives = alike(labels, i), unlike(labels, i)
        near = [-gamma * held(max(mp.mpf(0), 1 + margin - s[i][p])) * (s[i][p] - (1 - margin)) for p in positives]
        far = [gamma * held(max(mp.mpf(0), s[i][k] + margin)) * (s[i][k] - margin) for k in negatives]
        valid = bool(near and far)
        numerators.append(mp.log(1 + mp.exp(log_sum(near) + log_sum(far))) if valid else mp.mpf(0))
        counts.append(mp.mpf(valid))
    return numerators, counts


def multi_similarity(embeddings: Any, labels: Any, alpha: Any, beta: Any, base: Any) -> Any:
    s = cosines_of_contrastive(embeddings, embeddings)
    return [
        mp.log(1 + mp.fsum(mp.exp(-alpha * (s[i][p] - base)) for p in alike(labels, i))) / alpha
        + mp.log(1 + mp.fsum(mp.exp(beta * (s[i][k] - base)) for k in unlike(labels, i))) / beta
        for i in range(len(labels))
    ]


def angular(embeddings: Any, labels: Any, alpha: Any) -> Any:
    s = cosines_of_contrastive(embeddings, embeddings)
    tangent = mp.tan(alpha * mp.pi / 180) ** 2
    n, numerators = len(labels), []
    for i in range(n):
        terms = []
        for p in alike(labels, i):
            exponents = (4 * tangent * (s[i][k] + s[p][k]) - 2 * (1 + tangent) * s[i][p] for k in unlike(labels, i))
            terms.append(mp.log(1 + mp.fsum(mp.exp(x) for x in exponents)))
        numerators.append(mp.fsum(terms))
    return numerators, [mp.mpf(len(alike(labels, i))) for i in range(n)]
