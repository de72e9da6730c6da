from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, log
from tests.losses.truth._shared import by_position, included, over_included


def softmax(scores):
    scores = scores - scores.max(axis=1, keepdims=True)
    e = exp(scores)
    return e / e.sum(axis=1, keepdims=True), scores - log(e.sum(axis=1, keepdims=True))


def kl(p, log_p, log_q):
    return p * (log_p - log_q)


def knowledge_distillation_kl(predictions, labels, temperature, mask):
    (_, log_s), (t, log_t) = softmax(predictions / temperature), softmax(labels / temperature)
    return by_position(temperature**2 * kl(t, log_t, log_s), mask)


def decoupled_knowledge_distillation(predictions, teacher, labels, alpha, beta, temperature, ignore_index, mask):
    def both(x, y):
        """Probability of the true class and its complement, and the probabilities of the others among themselves."""
        e = [mp.exp((v - max(x)) / temperature) for v in x]
        rest = [v for k, v in enumerate(e) if k != y]
        others = mp.fsum(rest)
        return [e[y] / (e[y] + others), others / (e[y] + others)], [v / others for v in rest]

    def divergence(p, q):
        return mp.fsum(a * mp.log(a / b) for a, b in zip(p, q, strict=True))

    values = np.empty(labels.shape, dtype=object)
    kept = included(values, labels, ignore_index, mask)
    for at in np.ndindex(labels.shape):
        values[at] = mp.mpf(0)
        if kept[at]:
            (b, t), (a, s) = (both(list(x[(at[0], slice(None), *at[1:])]), labels[at]) for x in (teacher, predictions))
            values[at] = temperature**2 * (alpha * divergence(b, a) + beta * divergence(t, s))
    return over_included(values, kept)


def generalized_jsd(predictions, labels, beta, temperature, mask):
    (s, log_s), (t, log_t) = softmax(predictions / temperature), softmax(labels / temperature)
    if beta == 0:
        return by_position(kl(t, log_t, log_s), mask)
    if beta == 1:
        return by_position(kl(s, log_s, log_t), mask)
    log_m = log(beta * t + (1 - beta) * s)
    return by_position(beta * kl(t, log_t, log_m) + (1 - beta) * kl(s, log_s, log_m), mask)


def r_drop(input1, input2, mask):
    (p, log_p), (q, log_q) = softmax(input1), softmax(input2)
    return by_position((kl(p, log_p, log_q) + kl(q, log_q, log_p)) / 2, mask)


def entropy(predictions, mask):
    p, log_p = softmax(predictions)
    return by_position(-p * log_p, mask)


def confidence_penalty(predictions, mask):
    p, log_p = softmax(predictions)
    return by_position(p * log_p, mask)
