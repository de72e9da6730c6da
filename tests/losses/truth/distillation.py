from __future__ import annotations

from tests.losses.truth import exp, log
from tests.losses.truth._shared import by_position


def softmax(scores):
    scores = scores - scores.max(axis=1, keepdims=True)
    e = exp(scores)
    return e / e.sum(axis=1, keepdims=True), scores - log(e.sum(axis=1, keepdims=True))


def kl(p, log_p, log_q):
    return p * (log_p - log_q)


def knowledge_distillation_kl(predictions, labels, temperature, mask):
    (_, log_s), (t, log_t) = softmax(predictions / temperature), softmax(labels / temperature)
    return by_position(temperature**2 * kl(t, log_t, log_s), mask)


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
