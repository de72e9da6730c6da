from __future__ import annotations

from mpmath import mp

from tests.losses.truth.classification._shared import of_distributions, rows_of_margin


def multi_margin(predictions, labels, p, margin, weight):
    numerators = []
    for x, y in zip(predictions, labels, strict=True):
        gaps = [max(mp.mpf(0), margin - x[y] + x[j]) ** int(p) for j in range(len(x)) if j != y]
        numerators.append((1 if weight is None else weight[y]) * mp.fsum(gaps) / len(x))
    return numerators, [mp.mpf(1)] * len(predictions)


def multiclass_hinge(predictions, labels, convention):
    def term(x, y):
        others = [v for j, v in enumerate(x) if j != y] + ([mp.mpf(0)] if convention == "keras" else [])
        return max([mp.mpf(0), *(1 + v - x[y] for v in others)])

    def expected(x, q):
        own = mp.fsum(a * b for a, b in zip(q, x, strict=True))
        if convention == "keras":
            return max(mp.mpf(0), 1 + max((1 - a) * b for a, b in zip(q, x, strict=True)) - own)
        return max(b + 1 - a for a, b in zip(q, x, strict=True)) - own

    if labels.ndim == predictions.ndim:
        return of_distributions(predictions, labels, expected)
    return rows_of_margin(predictions, labels, term)


def multiclass_perceptron(predictions, labels):
    if labels.ndim == predictions.ndim:
        return of_distributions(predictions, labels, lambda x, q: max(x) - mp.fsum(a * b for a, b in zip(q, x, strict=True)))
    return rows_of_margin(predictions, labels, lambda x, y: max(x) - x[y])
