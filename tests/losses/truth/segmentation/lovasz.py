from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, constant
from tests.losses.truth._shared import included
from tests.losses.truth.segmentation._shared import probabilities


def _jaccard_of_mistakes(mistakes, true):
    """The set function that Lovász extends: 1 - |true and not mistaken| / |true or mistaken|."""
    left = sum(1 for i in range(len(true)) if true[i] and i not in mistakes)
    union = sum(1 for i in range(len(true)) if true[i] or i in mistakes)
    return 1 - mp.mpf(left) / union if union else ZERO


def _lovasz(errors, true):
    order = constant(sorted(range(len(errors)), key=lambda i: -errors[i]))
    steps = [_jaccard_of_mistakes(set(order[: k + 1]), true) - _jaccard_of_mistakes(set(order[:k]), true) for k in range(len(order))]
    return mp.fsum(errors[i] * step for i, step in zip(order, steps, strict=True) if errors[i] > 0)


def lovasz_hinge(predictions, labels, batch, mask, ignore_index):
    kept = included(predictions, labels, ignore_index, mask)
    numerators, divisors = [], []
    for row in [slice(None)] if batch else [slice(i, i + 1) for i in range(len(predictions))]:
        x, y = predictions[row][kept[row]], labels[row][kept[row]]
        numerators.append(_lovasz([1 - (2 * int(t) - 1) * v for v, t in zip(x, y, strict=True)], y))
        divisors.append(ONE if len(x) or (batch and not len(predictions)) else ZERO)
    return numerators, divisors


def lovasz_softmax(predictions, labels, activation, classes, ignore_index, batch, mask):
    kept = included(labels, labels, ignore_index, mask)
    p = probabilities(predictions, activation)
    numerators = []
    for rows in [list(range(len(p)))] if batch else [[i] for i in range(len(p))]:
        found = []
        for c in range(p.shape[1]):
            pairs = [(q, y) for i in rows for q, y, here in zip(np.ravel(p[i, c]), np.ravel(labels[i]), np.ravel(kept[i]), strict=True) if here]
            true = [int(y == c) for _, y in pairs]
            if any(true) or classes == "all":
                found.append(_lovasz([1 - q if y else q for (q, _), y in zip(pairs, true, strict=True)], true))
        numerators.append(mp.fsum(found) / len(found) if found else ZERO)
    return numerators, [ONE] * len(numerators)
