from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import per_sample, sigmoid, softplus


def multilabel_margin(predictions, labels):
    numerators = []
    for x, row in zip(predictions, labels, strict=True):
        listed = list(row[: list(row).index(-1)] if -1 in row else row)
        gaps = [max(mp.mpf(0), 1 - (x[j] - x[i])) for j in listed for i in range(len(x)) if i not in listed]
        numerators.append(mp.fsum(gaps) / len(x))
    return numerators, [mp.mpf(1)] * len(predictions)


def multilabel_soft_margin(predictions, labels, weight):
    w = 1 if weight is None else weight
    entropies = w * (labels * softplus(-predictions) + (1 - labels) * softplus(predictions))
    return [mp.fsum(row) / len(row) for row in entropies], [mp.mpf(1)] * len(predictions)


def asymmetric(predictions, labels, gamma_pos, gamma_neg, clip):
    def term(x, z):
        p, other = 1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x))
        shifted, rest = (p - clip, other + clip) if p > clip else (mp.mpf(0), mp.mpf(1))
        wrong = z * other + (1 - z) * shifted
        power = wrong ** (z * gamma_pos + (1 - z) * gamma_neg) if wrong or z * gamma_pos + (1 - z) * gamma_neg else mp.mpf(1)
        return -power * ((z * mp.log(p) if z else 0) + ((1 - z) * mp.log(rest) if z != 1 else 0))

    return per_sample(np.frompyfunc(term, 2, 1)(predictions, labels))


def soft_f1(predictions, labels, average):
    p = sigmoid(predictions)
    columns = [(p[:, k], labels[:, k]) for k in range(p.shape[1])] if average == "macro" else [(p.ravel(), labels.ravel())]
    losses = [1 - 2 * mp.fsum(a * z) / (mp.fsum(a) + mp.fsum(z)) for a, z in columns]
    return [mp.fsum(losses) / len(losses)]
