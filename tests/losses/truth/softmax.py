from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import constant


def _sums(predictions, labels, ignore_index, weight, term):
    """Numerators and weights of term(probabilities, scores, y) over the positions that count."""
    numerators, weights = [], []
    for x, y in zip(predictions, labels, strict=True):
        rows = x.reshape(x.shape[0], -1).T
        kept = [(row, int(at)) for row, at in zip(rows, np.ravel(y), strict=True) if at != ignore_index]
        w = [mp.mpf(1) if weight is None else weight[at] for _, at in kept]
        numerators.append(mp.fsum(share * term(_softmax(row), row, at) for share, (row, at) in zip(w, kept, strict=True)))
        weights.append(mp.fsum(w))
    return numerators, weights


def _softmax(scores):
    top = max(scores)
    e = [mp.exp(x - top) for x in scores]
    total = mp.fsum(e)
    return [v / total for v in e]


def poly1_cross_entropy(predictions, labels, epsilon, weight, ignore_index):
    return _sums(predictions, labels, ignore_index, weight, lambda p, x, y: -mp.log(p[y]) + epsilon * (1 - p[y]))


def generalized_cross_entropy(predictions, labels, q, weight, ignore_index):
    return _sums(predictions, labels, ignore_index, weight, lambda p, x, y: (1 - p[y] ** q) / q)


def symmetric_cross_entropy(predictions, labels, alpha, beta, log_zero, weight, ignore_index):
    def term(p, x, y):
        reverse = -mp.fsum(v * (0 if k == y else log_zero) for k, v in enumerate(p))
        return alpha * -mp.log(p[y]) + beta * reverse

    return _sums(predictions, labels, ignore_index, weight, term)


def mae_probability(predictions, labels, weight, ignore_index):
    return _sums(predictions, labels, ignore_index, weight, lambda p, x, y: mp.fsum(abs(v - (k == y)) for k, v in enumerate(p)))


def taylor_cross_entropy(predictions, labels, order, weight, ignore_index):
    return _sums(predictions, labels, ignore_index, weight, lambda p, x, y: mp.fsum((1 - p[y]) ** i / i for i in range(1, int(order) + 1)))


def z_loss(predictions):
    def term(row):
        return (max(row) + mp.log(mp.fsum(mp.exp(v - max(row)) for v in row))) ** 2

    rows = [x.reshape(x.shape[0], -1).T for x in predictions]
    return [mp.fsum(term(list(row)) for row in sample) for sample in rows], [mp.mpf(len(sample)) for sample in rows]


def balanced_softmax(predictions, labels, class_counts, ignore_index):
    def term(p, x, y):
        top = max(x)
        return -mp.log(class_counts[y] * mp.exp(x[y] - top) / mp.fsum(n * mp.exp(v - top) for n, v in zip(class_counts, x, strict=True)))

    return _sums(predictions, labels, ignore_index, None, term)


def logit_adjusted(predictions, labels, priors, tau, ignore_index):
    def term(p, x, y):
        return -mp.log(_softmax([v + tau * mp.log(prior) for v, prior in zip(x, priors, strict=True)])[y])

    return _sums(predictions, labels, ignore_index, None, term)


def ldam(predictions, labels, class_counts, max_margin, scale, weight, ignore_index):
    def term(p, x, y):
        lowered = [scale * (v - (max_margin * (min(class_counts) / class_counts[y]) ** (mp.mpf(1) / 4) if k == y else 0)) for k, v in enumerate(x)]
        return -mp.log(_softmax(lowered)[y])

    return _sums(predictions, labels, ignore_index, weight, term)


def class_balanced(predictions, labels, class_counts, beta, gamma, ignore_index):
    shares = [(1 - beta) / (1 - beta**n) for n in class_counts]
    weight = [len(shares) * w / mp.fsum(shares) for w in shares]

    def term(p, x, y):
        return weight[y] * (mp.fsum(v for k, v in enumerate(p) if k != y)) ** gamma * -mp.log(p[y])

    return _sums(predictions, labels, ignore_index, None, term)


def seesaw(predictions, labels, class_counts, p, q, eps, ignore_index):
    def term(sigma, x, y):
        ratios = [
            min(mp.mpf(1), n / class_counts[y]) ** p * max(mp.mpf(1), s / max(sigma[y], eps)) ** q for n, s in zip(class_counts, sigma, strict=True)
        ]
        weights = constant([mp.mpf(1) if k == y else ratio for k, ratio in enumerate(ratios)])
        return mp.log(mp.fsum(w * mp.exp(v - x[y]) for w, v in zip(weights, x, strict=True)))

    return _sums(predictions, labels, ignore_index, None, term)


def asymmetric_single_label(predictions, labels, gamma_pos, gamma_neg, label_smoothing, ignore_index):
    def term(p, x, y):
        found = []
        for k, v in enumerate(p):
            focus = mp.fsum(w for j, w in enumerate(p) if j != y) ** gamma_pos if k == y else v**gamma_neg
            target = (1 - label_smoothing) * (k == y) + label_smoothing / len(p)
            found.append(-target * focus * mp.log(v))
        return mp.fsum(found)

    return _sums(predictions, labels, ignore_index, None, term)
