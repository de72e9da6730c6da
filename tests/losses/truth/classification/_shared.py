from __future__ import annotations

import numpy as np
from mpmath import mp


def signed(predictions, labels):
    return predictions * np.frompyfunc(lambda t: mp.mpf(int(t)), 1, 1)(labels)


def rows_of_margin(predictions, labels, term):
    """The sum over each sample's positions of term(scores, label)."""
    numerators = []
    for x, y in zip(predictions, labels, strict=True):
        scores = x.reshape(x.shape[0], -1).T
        numerators.append(mp.fsum(term(list(row), int(at)) for row, at in zip(scores, np.ravel(y), strict=True)))
    return numerators, [mp.mpf(int(np.size(y))) for y in labels]


def of_distributions(predictions, labels, term):
    """The sum over each sample's positions of term(scores, distribution over classes), and the number of positions."""
    pairs = [(x.reshape(len(x), -1).T, q.reshape(len(q), -1).T) for x, q in zip(predictions, labels, strict=True)]
    return [mp.fsum(term(list(x), list(q)) for x, q in zip(*rows, strict=True)) for rows in pairs], [mp.mpf(len(rows[0])) for rows in pairs]


def sums(predictions, labels, ignore_index, weight, term):
    """Numerators and weights of term(probabilities, scores, y) over the positions that count; with distributions as labels, of its expectation."""
    if labels.ndim == predictions.ndim:

        def expected(x, q):
            p, w = softmax_of_softmax(x), [1] * len(x) if weight is None else weight
            return mp.fsum(w[k] * q[k] * term(p, x, k) for k in range(len(x)) if q[k])

        return of_distributions(predictions, labels, expected)
    numerators, weights = [], []
    for x, y in zip(predictions, labels, strict=True):
        rows = x.reshape(x.shape[0], -1).T
        kept = [(row, int(at)) for row, at in zip(rows, np.ravel(y), strict=True) if at != ignore_index]
        w = [mp.mpf(1) if weight is None else weight[at] for _, at in kept]
        numerators.append(mp.fsum(share * term(softmax_of_softmax(row), row, at) for share, (row, at) in zip(w, kept, strict=True)))
        weights.append(mp.fsum(w))
    return numerators, weights


def sums_as_they_are(predictions, labels, ignore_index, weight, term):
    """The same of term(probabilities, y), the probabilities being given."""
    numerators, weights = [], []
    for x, y in zip(predictions, labels, strict=True):
        rows = x.reshape(x.shape[0], -1).T
        kept = [(row, int(at)) for row, at in zip(rows, np.ravel(y), strict=True) if at != ignore_index]
        w = [mp.mpf(1) if weight is None else weight[at] for _, at in kept]
        numerators.append(mp.fsum(share * term(row, at) for share, (row, at) in zip(w, kept, strict=True)))
        weights.append(mp.fsum(w))
    return numerators, weights


def softmax_of_softmax(scores):
    top = max(scores)
    e = [mp.exp(x - top) for x in scores]
    total = mp.fsum(e)
    return [v / total for v in e]


def positions_of_tempered(predictions, labels):
    for x, y in zip(predictions, labels, strict=True):
        yield zip((list(row) for row in x.reshape(x.shape[0], -1).T), (int(at) for at in np.ravel(y)), strict=True)
