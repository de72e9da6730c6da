from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, exp, softplus


def logistic_hazard(predictions, labels, events):
    numerators = []
    for x, y, e in zip(predictions, labels, events, strict=True):
        numerators.append(mp.fsum(softplus(x[:y])) + softplus(-x[y] if e else x[y]))
    return numerators, [ONE] * len(numerators)


def pmf(predictions, labels, events):
    numerators = []
    for x, y, e in zip(predictions, labels, events, strict=True):
        raised = exp(np.append(x, ZERO))
        numerators.append(mp.log(raised.sum()) - mp.log(raised[y] if e else raised[y + 1 :].sum()))
    return numerators, [ONE] * len(numerators)


def deephit(predictions, labels, events, alpha, sigma):
    likelihood, weights = pmf(predictions, labels, events)
    shares = [exp(x) / (1 + exp(x).sum()) for x in predictions]
    n = len(shares)
    numerators = []
    for i in range(n):
        reached = [mp.fsum(p[: labels[i] + 1]) for p in shares]
        later = [j for j in range(n) if labels[i] < labels[j] or (labels[i] == labels[j] and not events[j])]
        ranks = mp.fsum(exp((reached[j] - reached[i]) / sigma) for j in later) / n if events[i] else ZERO
        numerators.append(alpha * likelihood[i] + (1 - alpha) * ranks)
    return numerators, weights


def mtlr(predictions, labels, events):
    scores = np.array([[mp.fsum(x[k:]) for k in range(len(x))] for x in predictions], dtype=object).reshape(predictions.shape)
    return pmf(scores, labels, events)


def pc_hazard(predictions, labels, events, fractions):
    numerators = []
    for x, y, e, f in zip(predictions, labels, events, fractions, strict=True):
        hazards = [mp.log1p(mp.exp(v)) for v in x]
        numerators.append(mp.fsum(hazards[:y]) + f * hazards[y] - (mp.log(hazards[y]) if e else 0))
    return numerators, [ONE] * len(numerators)


def deephit_competing(predictions, labels, events, alpha, sigma):
    shares = [exp(x) / (1 + exp(x).sum()) for x in predictions]
    n = len(shares)
    numerators = []
    for i, (y, e) in enumerate(zip(labels, events, strict=True)):
        if not e:
            chance = (1 + exp(predictions[i])[:, y + 1 :].sum()) / (1 + exp(predictions[i]).sum())
            numerators.append(-alpha * mp.log(chance))
            continue
        reached = [mp.fsum(p[e - 1, : y + 1]) for p in shares]
        later = [j for j in range(n) if y < labels[j] or (y == labels[j] and not events[j])]
        ranks = mp.fsum(mp.exp((reached[j] - reached[i]) / sigma) for j in later) / n
        numerators.append(-alpha * mp.log(shares[i][e - 1, y]) + (1 - alpha) * ranks)
    return numerators, [ONE] * n
