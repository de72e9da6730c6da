from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking


def steps(rng):
    return {"next_values": rng.normal(size=(6, 3)), "rewards": rng.normal(size=6), "done": np.arange(6) % 2}


def aims(call):
    return call["rewards"] + np.where(call["done"], 0.0, 0.9 * call["next_values"].max(axis=1))


def td_is_an_error_against_its_target(rng):
    call, v = steps(rng), rng.normal(size=6)
    best = call | {"next_values": call["next_values"].max(axis=1)}
    return value_of_ranking("td", predictions=v, **best, discount=0.9), value_of_ranking("mean_squared_error", predictions=v, labels=aims(call))


def dqn_is_huber_of_the_taken_action(rng):
    call, q = steps(rng), rng.normal(size=(6, 3))
    actions = rng.integers(3, size=6)
    taken = q[np.arange(6), actions]
    return value_of_ranking("dqn", predictions=q, actions=actions, **call, discount=0.9), value_of_ranking(
        "huber", predictions=taken, labels=aims(call)
    )


def double_dqn_of_one_network_is_dqn(rng):
    call, q = steps(rng), rng.normal(size=(6, 3))
    call |= {"predictions": q, "actions": rng.integers(3, size=6)}
    return value_of_ranking("dqn", **call, next_predictions=call["next_values"]), value_of_ranking("dqn", **call)


IDENTITIES = [
    ("td is an error against its target", td_is_an_error_against_its_target),
    ("dqn is huber of the taken action", dqn_is_huber_of_the_taken_action),
    ("double dqn of one network is dqn", double_dqn_of_one_network_is_dqn),
]
