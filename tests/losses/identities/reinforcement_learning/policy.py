from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import of_of_policy, on_policy, reinforced, slope, value_of_ranking

IDENTITIES = [
    (
        "ppo_clip far from its clips is importance_sampling",
        of_of_policy(
            lambda c: (
                value_of_ranking("ppo_clip", **c, epsilon=1.0, epsilon_high=1e9),
                value_of_ranking("importance_sampling", **c),
            )
        ),
    ),
    (
        "on policy importance_sampling has reinforce's gradient",
        of_of_policy(
            lambda c: (
                slope("importance_sampling", **on_policy(c)),
                slope("reinforce", **reinforced(c)),
            )
        ),
    ),
    ("on policy ppo_clip has reinforce's gradient", of_of_policy(lambda c: (slope("ppo_clip", **on_policy(c)), slope("reinforce", **reinforced(c))))),
    (
        "on policy cispo is reinforce",
        of_of_policy(lambda c: (value_of_ranking("cispo", **on_policy(c)), value_of_ranking("reinforce", **reinforced(c)))),
    ),
    (
        "cispo's gradient is importance_sampling's while the ratio is not clipped",
        of_of_policy(
            lambda c: (
                slope("cispo", **(c | {"old_logps": c["old_logps"] + 2.0})),
                slope("importance_sampling", **(c | {"old_logps": c["old_logps"] + 2.0})),
            )
        ),
    ),
    (
        "the critic's term of_of_policy ppo_clip is half_squared_error",
        of_of_policy(
            lambda c: (
                value_of_ranking("ppo_clip", **(c | {"advantages": np.zeros(3)}), values=c["logps"], returns=c["old_logps"], value_coefficient=1.0),
                value_of_ranking("half_squared_error", predictions=c["logps"], labels=c["old_logps"]),
            )
        ),
    ),
]
