from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant
from tests.losses.truth.classification._shared import softmax_of_softmax, sums


def balanced_softmax(predictions, labels, class_counts, ignore_index):
    def term(p, x, y):
        top = max(x)
        return -mp.log(class_counts[y] * mp.exp(x[y] - top) / mp.fsum(n * mp.exp(v - top) for n, v in zip(class_counts, x, strict=True)))

    return sums(predictions, labels, ignore_index, None, term)


def logit_adjusted(predictions, labels, priors, tau, ignore_index):
    def term(p, x, y):
        return -mp.log(softmax_of_softmax([v + tau * mp.log(prior) for v, prior in zip(x, priors, strict=True)])[y])

    return sums(predictions, labels, ignore_index, None, term)


def ldam(predictions, labels, class_counts, max_margin, scale, weight, ignore_index):
    def term(p, x, y):
        lowered = [scale * (v - (max_margin * (min(class_counts) / class_counts[y]) ** (mp.mpf(1) / 4) if k == y else 0)) for k, v in enumerate(x)]
        return -mp.log(softmax_of_softmax(lowered)[y])

    return sums(predictions, labels, ignore_index, weight, term)


def class_balanced(predictions, labels, class_counts, beta, gamma, ignore_index):
    shares = [(1 - beta) / (1 - beta**n) for n in class_counts]
    weight = [len(shares) * w / mp.fsum(shares) for w in shares]

    def term(p, x, y):
        return weight[y] * (mp.fsum(v for k, v in enumerate(p) if k != y)) ** gamma * -mp.log(p[y])

    return sums(predictions, labels, ignore_index, None, term)


def seesaw(predictions, labels, class_counts, p, q, eps, ignore_index):
    def term(sigma, x, y):
        ratios = [
            min(mp.mpf(1), n / class_counts[y]) ** p * max(mp.mpf(1), s / max(sigma[y], eps)) ** q for n, s in zip(class_counts, sigma, strict=True)
        ]
        weights = constant([mp.mpf(1) if k == y else ratio for k, ratio in enumerate(ratios)])
        return mp.log(mp.fsum(w * mp.exp(v - x[y]) for w, v in zip(weights, x, strict=True)))

    return sums(predictions, labels, ignore_index, None, term)


def asymmetric_single_label(predictions, labels, gamma_pos, gamma_neg, label_smoothing, ignore_index):
    def term(p, x, y):
        found = []
        for k, v in enumerate(p):
            focus = mp.fsum(w for j, w in enumerate(p) if j != y) ** gamma_pos if k == y else v**gamma_neg
            target = (1 - label_smoothing) * (k == y) + label_smoothing / len(p)
            found.append(-target * focus * mp.log(v))
        return mp.fsum(found)

    return sums(predictions, labels, ignore_index, None, term)
