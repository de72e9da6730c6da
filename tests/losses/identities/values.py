from __future__ import annotations

import numpy as np

from service.losses import LOSSES, compute
from tests.losses.identities.ranking import value


def steps(rng):
    return {"next_values": rng.normal(size=(6, 3)), "rewards": rng.normal(size=6), "done": np.arange(6) % 2}


def aims(call):
    return call["rewards"] + np.where(call["done"], 0.0, 0.9 * call["next_values"].max(axis=1))


def td_is_an_error_against_its_target(rng):
    call, v = steps(rng), rng.normal(size=6)
    best = call | {"next_values": call["next_values"].max(axis=1)}
    return value("td", predictions=v, **best, discount=0.9), value("mean_squared_error", predictions=v, labels=aims(call))


def dqn_is_huber_of_the_taken_action(rng):
    call, q = steps(rng), rng.normal(size=(6, 3))
    actions = rng.integers(3, size=6)
    taken = q[np.arange(6), actions]
    return value("dqn", predictions=q, actions=actions, **call, discount=0.9), value("huber", predictions=taken, labels=aims(call))


def double_dqn_of_one_network_is_dqn(rng):
    call, q = steps(rng), rng.normal(size=(6, 3))
    call |= {"predictions": q, "actions": rng.integers(3, size=6)}
    return value("dqn", **call, next_predictions=call["next_values"]), value("dqn", **call)


def balanced_routing_is_the_number_of_choices(rng):
    return value("moe_load_balancing", predictions=np.eye(4)[rng.permutation(4)] * 3, top_k=1), np.array(1.0)


def half_of_pairwise_mse(rng):
    lists = {"predictions": rng.normal(size=(3, 4)), "labels": rng.permuted(np.arange(12.0).reshape(3, 4), axis=1)}
    return 2 * value("pairwise_qr", **lists, squared=True), value("pairwise_mse", **lists, self_pairs="left_out")


def keypoint_mse_is_mean_squared_error(rng):
    maps = {"predictions": rng.normal(size=(2, 3, 4, 4)), "labels": rng.normal(size=(2, 3, 4, 4))}
    return value("keypoint_mse", **maps), value("mean_squared_error", **maps)


def si_sdr_is_the_tangent(rng):
    p, t = rng.normal(size=(2, 4, 5))
    cosine = (p * t).sum(axis=1) / np.linalg.norm(p, axis=1) / np.linalg.norm(t, axis=1)
    return value("si_sdr", predictions=p, labels=t), np.mean(10 * np.log10(1 / cosine**2 - 1))


def dino_without_center_is_listnet(rng):
    x, y = rng.normal(size=(2, 4, 5))
    call = {"student_temperature": 0.5, "teacher_temperature": 0.25}
    return value("dino", predictions=x, labels=y, center=np.zeros(5), **call), value("listnet", predictions=x / 0.5, labels=y / 0.25)


def the_state_of_dino_is_a_running_mean(rng):
    y, center = rng.normal(size=(4, 5)), rng.normal(size=5)
    answer = compute(LOSSES["dino"], {"predictions": y, "labels": y, "center": center}, {"center_momentum": 0.75})
    return answer.state["center"], 0.75 * center + 0.25 * y.mean(axis=0)


IDENTITIES = [
    (function.__name__.replace("_", " "), function)
    for function in (
        td_is_an_error_against_its_target,
        dqn_is_huber_of_the_taken_action,
        double_dqn_of_one_network_is_dqn,
        balanced_routing_is_the_number_of_choices,
        half_of_pairwise_mse,
        keypoint_mse_is_mean_squared_error,
        si_sdr_is_the_tangent,
        dino_without_center_is_listnet,
        the_state_of_dino_is_a_running_mean,
    )
]
