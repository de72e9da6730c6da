from __future__ import annotations

import numpy as np

from service.losses import LOSSES, compute
from tests.losses.identities.ranking import value


def tokens(rng, shape=(3, 5)):
    return {"logps": -rng.uniform(0.1, 3.0, shape), "old_logps": -rng.uniform(0.1, 3.0, shape), "advantages": rng.normal(size=shape[0])}


def slope(name, **call):
    return compute(LOSSES[name], call, {}).gradients["logps"]


def of(function):
    return lambda rng: function(tokens(rng))


def on_policy(call):
    return call | {"old_logps": call["logps"]}


def reinforced(call):
    return {name: call[name] for name in ("logps", "advantages")}


IDENTITIES = [
    ("grpo averaged over tokens is ppo_clip", of(lambda c: (value("grpo", **c, loss_type="dapo"), value("ppo_clip", **c)))),
    (
        "grpo of whole answers averages as over tokens where lengths are equal",
        of(
            lambda c: (
                value("grpo", **c, loss_type="grpo"),
                value("grpo", **c, loss_type="bnpo"),
            )
        ),
    ),
    ("dr_grpo at the padded length is dapo without padding", of(lambda c: (value("grpo", **c, loss_type="dr_grpo"), value("grpo", **c)))),
    ("luspo is grpo times the length", of(lambda c: (value("grpo", **c, loss_type="luspo"), 5 * value("grpo", **c, loss_type="grpo")))),
    (
        "ppo_clip far from its clips is importance_sampling",
        of(
            lambda c: (
                value("ppo_clip", **c, epsilon=1.0, epsilon_high=1e9),
                value("importance_sampling", **c),
            )
        ),
    ),
    (
        "on policy importance_sampling has reinforce's gradient",
        of(
            lambda c: (
                slope("importance_sampling", **on_policy(c)),
                slope("reinforce", **reinforced(c)),
            )
        ),
    ),
    ("on policy ppo_clip has reinforce's gradient", of(lambda c: (slope("ppo_clip", **on_policy(c)), slope("reinforce", **reinforced(c))))),
    ("on policy cispo is reinforce", of(lambda c: (value("cispo", **on_policy(c)), value("reinforce", **reinforced(c))))),
    (
        "cispo's gradient is importance_sampling's while the ratio is not clipped",
        of(
            lambda c: (
                slope("cispo", **(c | {"old_logps": c["old_logps"] + 2.0})),
                slope("importance_sampling", **(c | {"old_logps": c["old_logps"] + 2.0})),
            )
        ),
    ),
    (
        "k2 is half_squared_error",
        of(
            lambda c: (
                value("kl_estimator", logps=c["logps"], ref_logps=c["old_logps"], estimator="k2"),
                value("half_squared_error", predictions=c["logps"], labels=c["old_logps"]),
            )
        ),
    ),
    (
        "grpo's divergence is k3",
        of(
            lambda c: (
                value("grpo", **(c | {"advantages": np.zeros(3)}), ref_logps=c["old_logps"], beta=0.5),
                0.5 * value("kl_estimator", logps=c["logps"], ref_logps=c["old_logps"]),
            )
        ),
    ),
    (
        "the critic's term of ppo_clip is half_squared_error",
        of(
            lambda c: (
                value("ppo_clip", **(c | {"advantages": np.zeros(3)}), values=c["logps"], returns=c["old_logps"], value_coefficient=1.0),
                value("half_squared_error", predictions=c["logps"], labels=c["old_logps"]),
            )
        ),
    ),
]
