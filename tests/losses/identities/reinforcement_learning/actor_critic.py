from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking


def states(rng):
    return {"logps": rng.normal(size=6), "action_values": rng.normal(size=(6, 2))}


def transitions(rng):
    return {
        "values": np.repeat(rng.normal(size=(6, 1)), 2, axis=1),
        "next_values": np.repeat(rng.normal(size=(6, 1)), 2, axis=1),
        "next_logps": rng.normal(size=6),
        "rewards": rng.normal(size=6),
        "done": np.arange(6) % 2,
    }


def hard(rng):
    """Without entropy, the actor's term and the critic's are those of a deterministic policy."""
    call, steps = states(rng), transitions(rng)
    critic = value_of_ranking(
        "td",
        predictions=steps["values"][:, 0],
        next_values=steps["next_values"][:, 0],
        rewards=steps["rewards"],
        done=steps["done"],
        criterion="huber",
    )
    return value_of_ranking("sac", **call, **steps, alpha=0.0), 2.0 * critic - call["action_values"].min(axis=1).mean()


def tempered(rng):
    """The temperature's term is added to the others, which have the same temperature."""
    call, steps = states(rng), transitions(rng)
    without = value_of_ranking("sac", **call, **steps, alpha=0.5)
    with_it = value_of_ranking("sac", **call, **steps, log_alpha=np.log([0.5]), target_entropy=-3.0)
    return with_it, without + np.log(2.0) * (call["logps"].mean() - 3.0)


IDENTITIES = [
    ("sac without entropy is td and minus the smallest value", hard),
    ("sac of a learned temperature has the temperature's term besides", tempered),
]
