from __future__ import annotations

from itertools import pairwise

import numpy as np
from mpmath import mp

from tests.losses.truth import constant


def _softmax(x):
    powers = [mp.exp(v - max(x)) for v in x]
    return [v / mp.fsum(powers) for v in powers]


def _cross_entropy(x, q):
    total = max(x) + mp.log(mp.fsum(mp.exp(v - max(x)) for v in x))
    return mp.fsum(w * (total - v) for w, v in zip(q, x, strict=True))


def c51(predictions, actions, next_logits, rewards, done, next_predictions, v_min, v_max, discount):
    count = predictions.shape[2]
    gap = (v_max - v_min) / (count - 1)
    support = [v_min + j * gap for j in range(count)]
    numerators = []
    for i, action in enumerate(actions):
        judged = next_logits[i] if next_predictions is None else next_predictions[i]
        means = [mp.fsum(p * z for p, z in zip(_softmax(row), support, strict=True)) for row in judged]
        following = _softmax(next_logits[i][max(range(len(means)), key=means.__getitem__)])
        aims = [min(max(rewards[i] + (0 if done[i] else discount * z), v_min), v_max) for z in support]
        shares = [mp.fsum(p * max(1 - abs(aim - z) / gap, mp.mpf(0)) for p, aim in zip(following, aims, strict=True)) for z in support]
        numerators.append(_cross_entropy(list(predictions[i, action]), [constant(share) for share in shares]))
    return numerators, [mp.mpf(1)] * len(numerators)


def _mass(a, b):
    """Of the standard normal distribution between a and b, in the tail that is small."""
    a, b = (-b, -a) if a > 0 else (a, b)
    return (mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2


def hl_gauss(predictions, labels, v_min, v_max, sigma):
    bins = predictions.shape[1]
    width = (v_max - v_min) / bins
    deviation = sigma or width * 3 / 4
    edges = [v_min + k * width for k in range(bins + 1)]
    numerators = []
    for x, row in zip(predictions, labels, strict=True):
        losses = []
        for scores, y in zip(x.reshape(bins, -1).T, np.ravel(row), strict=True):
            z = [(edge - y) / deviation for edge in edges]
            losses.append(_cross_entropy(list(scores), [constant(_mass(a, b) / _mass(z[0], z[-1])) for a, b in pairwise(z)]))
        numerators.append(mp.fsum(losses))
    return numerators, [mp.mpf(int(np.size(row))) for row in labels]
