from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking


def lists_of_ranking(rng, shape=(4, 6)):
    return {"predictions": rng.normal(size=shape), "labels": rng.integers(0, 4, size=shape).astype(float)}


def duels(rng):
    """Lists of two items, the first the better."""
    return {"predictions": rng.normal(size=(8, 2)), "labels": np.tile([1.0, 0.0], (8, 1))}


def of_rewards(call):
    return value_of_ranking("bradley_terry", chosen_rewards=call["predictions"][:, 0], rejected_rewards=call["predictions"][:, 1])


def same(name, other):
    return lambda rng: (lambda call: (value_of_ranking(name, **call), other(call)))(duels(rng))
