from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ZERO, constant, log, per_sample, sigmoid, softplus, times
from tests.losses.truth.detection._shared import entropy_of_heads


def _softplus(x):
    return mp.log(1 + mp.exp(x))


def ghm_c(predictions, labels, counts, bins, momentum):
    edges = [mp.mpf(k) / bins for k in range(1, bins)]
    lengths = [1 / (1 + mp.exp(x if z else -x)) for x, z in zip(predictions.flat, labels.flat, strict=True)]
    place = [sum(g >= edge for edge in edges) for g in lengths]
    found = [place.count(b) for b in range(bins)]
    before = [mp.mpf(0)] * bins if counts is None else counts
    moved = [momentum * old + (1 - momentum) * new if new else old for old, new in zip(before, found, strict=True)]
    weights = constant([len(place) / (moved[b] * sum(new > 0 for new in found)) for b in place])
    terms = [w * _softplus(-x if z else x) for w, x, z in zip(weights, predictions.flat, labels.flat, strict=True)]
    rows = len(terms) // len(predictions)
    return [mp.fsum(terms[k * rows : (k + 1) * rows]) for k in range(len(predictions))]


def _cross_entropy(x, z):
    return z * softplus(-x) + (1 - z) * softplus(x)


def quality_focal(predictions, labels, beta):
    return per_sample(abs(labels - sigmoid(predictions)) ** beta * _cross_entropy(predictions, labels))


def varifocal(predictions, labels, alpha, gamma, iou_weighted):
    def element(x, q):
        if q:
            return (q if iou_weighted else 1) * _cross_entropy(x, q)
        return alpha * sigmoid(x) ** gamma * softplus(x)

    return per_sample(np.frompyfunc(element, 2, 1)(predictions, labels))


def distribution_focal(predictions, labels):
    numerators = []
    for x, t in zip(predictions, labels, strict=True):
        total = ZERO
        for place in np.ndindex(np.shape(t)):
            column, at = x[(slice(None), *place)], np.asarray(t, dtype=object)[place]
            low = int(mp.floor(at))
            surprise = [entropy_of_heads(column, k) for k in range(len(column))]
            total += (low + 1 - at) * surprise[low] + ((at - low) * surprise[low + 1] if at > low else 0)
        numerators.append(total)
    return numerators, [mp.mpf(int(np.prod(labels.shape[1:])))] * len(labels)


def gaussian_focal(predictions, labels, alpha, gamma):
    def element(p, t):
        if t == 1:
            return -times((1 - p) ** alpha, log(p)) if p < 1 else ZERO
        return -((1 - t) ** gamma) * times(p**alpha, log(1 - p)) if p else ZERO

    return per_sample(np.frompyfunc(element, 2, 1)(predictions, labels))
