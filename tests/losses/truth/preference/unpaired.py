from __future__ import annotations

from mpmath import mp

from tests.losses.truth import sigmoid


def kto(logps, ref_logps, labels, beta, kl, desirable_weight, undesirable_weight):
    x = beta * (logps - ref_logps - kl)
    return [desirable_weight * sigmoid(-v) if y else undesirable_weight * sigmoid(v) for v, y in zip(x, labels, strict=True)]


def bco(logps, ref_logps, labels, beta, delta):
    rewards = beta * (logps - ref_logps) - delta
    return [-mp.log(sigmoid(r if y else -r)) for r, y in zip(rewards, labels, strict=True)]
