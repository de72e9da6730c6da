from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth.classification.cross_entropy import cross_entropy


def _surprise(scores, y):
    top = max(scores)
    return mp.log(mp.fsum(mp.exp(x - top) for x in scores)) - (scores[y] - top)


def _log_total(scores):
    top = max(scores)
    return top + mp.log(mp.fsum(mp.exp(x - top) for x in scores))


def token_cross_entropy(predictions, labels, mask, ignore_index, label_smoothing, z_loss):
    numerators, weights = [], []
    for i in range(len(labels)):
        kept = [j for j, y in enumerate(labels[i]) if y != ignore_index and (mask is None or mask[i, j])]
        terms = []
        for j in kept:
            x, classes = list(predictions[i, j]), predictions.shape[2]
            q = [(1 - label_smoothing) * (k == labels[i, j]) + label_smoothing / classes for k in range(classes)]
            terms.append(mp.fsum(q[k] * _surprise(x, k) for k in range(classes) if q[k]) + z_loss * _log_total(x) ** 2)
        numerators.append(mp.fsum(terms))
        weights.append(mp.mpf(len(kept)))
    return numerators, weights


def _times(matrix, vector):
    return [mp.fsum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def linear_cross_entropy(predictions, linear_weight, labels, linear_bias, weight, ignore_index, label_smoothing):
    matrix = linear_weight.reshape(-1, linear_weight.shape[-1])
    scores = np.array([_times(matrix, h) for h in predictions], dtype=object).reshape(len(predictions), *linear_weight.shape[:-1])
    if linear_bias is not None:
        scores = scores + linear_bias
    return cross_entropy(scores, labels, weight, ignore_index, label_smoothing, "logits", "e")


def adaptive_log_softmax(predictions, labels, head_weight, tail_projection, tail_output, cutoffs, head_bias):
    first, edges = int(cutoffs[0]), [*(int(c) for c in cutoffs), int(cutoffs[0]) + len(tail_output)]
    numerators = []
    for h, y in zip(predictions, labels, strict=True):
        head = _times(head_weight, h)
        if head_bias is not None:
            head = [a + b for a, b in zip(head, head_bias, strict=True)]
        if y < first:
            numerators.append(_surprise(head, int(y)))
            continue
        i = next(i for i in range(len(cutoffs)) if edges[i] <= y < edges[i + 1])
        tail = _times(tail_output[edges[i] - first : edges[i + 1] - first], _times(tail_projection[i], h))
        numerators.append(_surprise(head, first + i) + _surprise(tail, int(y) - edges[i]))
    return numerators, [mp.mpf(1)] * len(numerators)
