from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests.losses.identities._shared import numerator


def transitions(rng):
    return {
        "predictions": rng.normal(size=(6, 3, 5)),
        "actions": rng.integers(3, size=6),
        "next_logits": rng.normal(size=(6, 3, 5)),
        "rewards": rng.normal(size=6),
        "done": np.arange(6) % 2,
    }


def taken(call):
    return call["predictions"][np.arange(6), call["actions"]]


def no_discount(rng):
    """A return of 2 is an atom of its own."""
    call = transitions(rng) | {"rewards": np.full(6, 2.0)}
    return LOSSES["c51"](**call, v_min=-4.0, v_max=4.0, discount=0.0).numerator, numerator("cross_entropy", taken(call), np.full(6, 3))


def all_of_the_next(rng):
    """Without reward and with a discount of 1, the target is the distribution of the best next action."""
    call = transitions(rng) | {"rewards": np.zeros(6), "done": np.zeros(6, int)}
    powers = np.exp(call["next_logits"])
    p = powers / powers.sum(axis=2, keepdims=True)
    best = p[np.arange(6), np.argmax(p @ np.linspace(-10.0, 10.0, 5), axis=1)]
    return LOSSES["c51"](**call, discount=1.0).numerator, numerator("cross_entropy", taken(call), best)


def double_of_one_network(rng):
    call = transitions(rng)
    return LOSSES["c51"](**call, next_predictions=call["next_logits"]).numerator, LOSSES["c51"](**call).numerator


def narrow(rng):
    """A small deviation leaves the mass in the label's bin."""
    x, bins = rng.normal(size=(6, 5)), rng.integers(0, 5, size=6)
    return numerator("hl_gauss", x, -8.0 + 4.0 * bins, sigma=0.01), numerator("cross_entropy", x, bins)


def wide(rng):
    """A large deviation spreads the mass evenly."""
    x, y = rng.normal(size=(6, 5)), rng.uniform(-10.0, 10.0, size=6)
    return numerator("hl_gauss", x, y, sigma=1e9), numerator("cross_entropy", x, np.full((6, 5), 0.2))


IDENTITIES = [
    ("c51 without discount is cross entropy of the reward's atom", no_discount),
    ("c51 of the undiscounted next state is cross entropy against its best distribution", all_of_the_next),
    ("double c51 of one network is c51", double_of_one_network),
    ("hl_gauss of a small deviation is cross entropy", narrow),
    ("hl_gauss of a large deviation is cross entropy of even bins", wide),
]
