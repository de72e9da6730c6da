from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import constant, exp, log, times


def softmax(x):
    """Along axis 1."""
    e = exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _positions(array):
    """(n, c, ...) as (n, positions, c)."""
    return np.moveaxis(array.reshape(*array.shape[:2], -1), 1, 2)


def _of_indices(labels, ignore_index, weight, term):
    """Numerators and weights: the sum over the positions that count of term(i, j, y), and of their class weights."""
    flat = labels.reshape(len(labels), -1)
    kept = [[(i, j, int(y)) for j, y in enumerate(row) if y != ignore_index] for i, row in enumerate(flat)]
    weights = [mp.fsum(mp.mpf(1) if weight is None else weight[y] for _, _, y in row) for row in kept]
    return [mp.fsum(term(*at) for at in row) for row in kept], weights


def _hardest(losses, weights, top_k):
    """Numerators and divisors; losses and weights: of each sample, those of the positions included."""
    if top_k == 1:
        return [mp.fsum(row) for row in losses], [mp.fsum(row) for row in weights]
    found = sorted(((-loss, i, j) for i, row in enumerate(losses) for j, loss in enumerate(row) if weights[i][j]), key=lambda one: one[0])
    chosen = constant({(i, j) for _, i, j in found[: max(1, int(top_k * len(found)))]})
    kept = [[loss for j, loss in enumerate(row) if (i, j) in chosen] for i, row in enumerate(losses)]
    return [mp.fsum(row) for row in kept], [mp.mpf(len(row)) for row in kept]


def cross_entropy(predictions, labels, weight, ignore_index, label_smoothing, predictions_are, log_base, top_k=1, class_mask=None):
    unit = mp.log(2) if log_base == "2" else mp.mpf(1)
    if predictions_are == "logits":
        e = exp(predictions - predictions.max(axis=1, keepdims=True)) * (1 if class_mask is None else class_mask)
        log_p = _positions(np.where(e == 0, -mp.inf, log(np.where(e == 0, mp.mpf(1), e)) - log(e.sum(axis=1, keepdims=True))))
    else:
        log_p = _positions(log(predictions) if predictions_are == "probabilities" else predictions)
    classes = predictions.shape[1]
    w = np.array([mp.mpf(1)] * classes, dtype=object) if weight is None else weight
    if labels.ndim == predictions.ndim:
        q = _positions(labels) * (1 - label_smoothing) + label_smoothing / classes
        losses = [[-mp.fsum(times(w * q[i, j], log_p[i, j])) / unit for j in range(q.shape[1])] for i in range(len(q))]
        return _hardest(losses, [[mp.mpf(1)] * len(row) for row in losses], top_k)

    def term(i, j, y):
        q = [(1 - label_smoothing) * (k == y) + label_smoothing / classes for k in range(classes)]
        return -mp.fsum(times(w[k] * q[k], log_p[i, j, k]) for k in range(classes)) / unit

    kept = [[(i, j, int(y)) for j, y in enumerate(row) if y != ignore_index] for i, row in enumerate(labels.reshape(len(labels), -1))]
    return _hardest([[term(*at) for at in row] for row in kept], [[w[y] for *_, y in row] for row in kept], top_k)


def nll(predictions, labels, weight, ignore_index):
    x = _positions(predictions)
    return _of_indices(labels, ignore_index, weight, lambda i, j, y: -(1 if weight is None else weight[y]) * x[i, j, y])


def softmax_focal(predictions, labels, gamma, weight, ignore_index, label_smoothing, alpha=1, predictions_are="logits"):
    p = _positions(softmax(predictions) if predictions_are == "logits" else predictions)
    classes = predictions.shape[1]

    def term(i, j, y):
        given = [k == y for k in range(classes)] if labels.ndim < predictions.ndim else _positions(labels)[i, j]
        q = [(1 - label_smoothing) * own + label_smoothing / classes for own in given]
        return -alpha * mp.fsum(
            (1 if weight is None else weight[k]) * q[k] * (1 - p[i, j, k]) ** gamma * mp.log(p[i, j, k]) for k in range(classes) if q[k]
        )

    if labels.ndim == predictions.ndim:
        return [mp.fsum(term(i, j, None) for j in range(p.shape[1])) for i in range(len(p))], [mp.mpf(p.shape[1])] * len(p)
    return _of_indices(labels, ignore_index, weight, term)
