from __future__ import annotations

import numpy as np
from mpmath import mp


def _pairs(x, t, along):
    """Rows of predictions with rows of labels: over the batch for each further index, or over the further axes of each sample."""
    if along == "elements":
        return [(np.ravel(a), np.ravel(b)) for a, b in zip(x, t, strict=True)]
    places = list(np.ndindex(np.shape(x)[1:]))
    return [([row[at] if at else row for row in x], [row[at] if at else row for row in t]) for at in places]


def _summed(values, along):
    return (values if along == "elements" else [mp.fsum(values)]), ([mp.mpf(1)] * len(values) if along == "elements" else [mp.mpf(len(values))])


def _moment(a, b):
    mean_a, mean_b = mp.fsum(a) / len(a), mp.fsum(b) / len(b)
    return mp.fsum((p - mean_a) * (q - mean_b) for p, q in zip(a, b, strict=True))


def pearson_correlation(predictions, labels, along):
    return _summed([1 - _moment(a, b) / mp.sqrt(_moment(a, a) * _moment(b, b)) for a, b in _pairs(predictions, labels, along)], along)


def concordance_correlation(predictions, labels, along, correction):
    values = []
    for a, b in _pairs(predictions, labels, along):
        m = len(a)
        gap = (mp.fsum(a) - mp.fsum(b)) / m
        values.append(1 - 2 * _moment(a, b) / (_moment(a, a) + _moment(b, b) + (m - int(correction)) * gap**2))
    return _summed(values, along)
