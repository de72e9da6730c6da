from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from tests.losses.truth._shared import cosine_of_metric, dot
from tests.losses.truth.metric_learning._shared import separation


def cosine_embedding(input1: Any, input2: Any, labels: Any, margin: Any) -> Any:
    cosines = [cosine_of_metric(a, b) for a, b in zip(input1, input2, strict=True)]
    return [1 - c if y == 1 else max(mp.mpf(0), c - margin) for c, y in zip(cosines, labels, strict=True)]


def cosine_distance(predictions: Any, labels: Any, form: str) -> Any:
    numerators = []
    for i in range(len(predictions)):
        rows = zip(predictions[i].reshape(-1, predictions.shape[-1]), labels[i].reshape(-1, labels.shape[-1]), strict=True)
        cosines = [cosine_of_metric(a, b) for a, b in rows]
        forms = {"distance": lambda c: 1 - c, "negative": lambda c: -c, "squared_chord": lambda c: 2 - 2 * c}
        numerators.append(mp.fsum(forms[form](c) for c in cosines))
    return numerators, [mp.mpf(int(np.prod(predictions.shape[1:-1])))] * len(predictions)


def hinge_embedding(predictions: Any, labels: Any, margin: Any) -> Any:
    return [
        mp.fsum(x if y == 1 else max(mp.mpf(0), margin - x) for x, y in zip(row.ravel(), sign.ravel(), strict=True))
        for row, sign in zip(np.atleast_1d(predictions).reshape(len(predictions), -1), labels.reshape(len(labels), -1), strict=True)
    ]


def contrastive(input1: Any, input2: Any, labels: Any, margin: Any, convention: str) -> Any:
    numerators = []
    for a, b, y in zip(input1, input2, labels, strict=True):
        part = separation(a, b, "euclidean") if y else max(mp.mpf(0), margin - separation(a, b, "euclidean"))
        numerators.append({"tfa": part**2, "hadsell": part**2 / 2, "pml": part}[convention])
    return numerators


def misordered(scores, labels):
    terms = [mp.exp(a - b) for a, y in zip(scores, labels, strict=True) for b, z in zip(scores, labels, strict=True) if y < z]
    return [mp.log(1 + mp.fsum(terms))], [mp.mpf(1)]


def cosent(input1, input2, labels, scale):
    return misordered([scale * cosine_of_metric(a, b) for a, b in zip(input1, input2, strict=True)], labels)


def angle(input1, input2, labels, scale):
    scores = []
    for a, b in zip(input1, input2, strict=True):
        half = (len(a) + 1) // 2
        u, v = ([mp.mpc(x[k], x[k + half] if k + half < len(x) else 0) for k in range(half)] for x in (a, b))
        z, size = mp.fsum(x * mp.conj(y) for x, y in zip(u, v, strict=True)), mp.sqrt(dot(a, a)) * mp.sqrt(dot(b, b))
        scores.append(scale * abs(z.real + z.imag) / size if size else mp.mpf(0))
    return misordered(scores, labels)
