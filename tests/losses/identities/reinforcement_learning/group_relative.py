from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import of_of_policy, on_policy, reinforced, slope, tokens, value_of_ranking

IDENTITIES = [
    (
        "grpo averaged over tokens is ppo_clip",
        of_of_policy(lambda c: (value_of_ranking("grpo", **c, loss_type="dapo"), value_of_ranking("ppo_clip", **c))),
    ),
    (
        "grpo of_of_policy whole answers averages as over tokens where lengths are equal",
        of_of_policy(
            lambda c: (
                value_of_ranking("grpo", **c, loss_type="grpo"),
                value_of_ranking("grpo", **c, loss_type="bnpo"),
            )
        ),
    ),
    (
        "dr_grpo at the padded length is dapo without padding",
        of_of_policy(lambda c: (value_of_ranking("grpo", **c, loss_type="dr_grpo"), value_of_ranking("grpo", **c))),
    ),
    (
        "luspo is grpo times the length",
        of_of_policy(lambda c: (value_of_ranking("grpo", **c, loss_type="luspo"), 5 * value_of_ranking("grpo", **c, loss_type="grpo"))),
    ),
    (
        "grpo's divergence is k3",
        of_of_policy(
            lambda c: (
                value_of_ranking("grpo", **(c | {"advantages": np.zeros(3)}), ref_logps=c["old_logps"], beta=0.5),
                0.5 * value_of_ranking("kl_estimator", logps=c["logps"], ref_logps=c["old_logps"]),
            )
        ),
    ),
    (
        "gmpo of a single token is grpo far from the clips",
        lambda rng: (
            lambda c: (value_of_ranking("gmpo", **c, epsilon=9.0, epsilon_high=9.0), value_of_ranking("grpo", **c, epsilon=1.0, epsilon_high=1e9))
        )(tokens(rng, (3, 1))),
    ),
    (
        "gmpo far from its clips is GSPO",
        of_of_policy(
            lambda c: (
                value_of_ranking("gmpo", **c, epsilon=9.0, epsilon_high=9.0),
                value_of_ranking("grpo", **c, loss_type="grpo", importance_sampling_level="sequence", epsilon=1.0, epsilon_high=1e9),
            )
        ),
    ),
    (
        "on policy vespo is reinforce",
        of_of_policy(lambda c: (value_of_ranking("vespo", **on_policy(c)), value_of_ranking("reinforce", **reinforced(c)))),
    ),
    (
        "grpo's corrected divergence has the gradient of k2 on policy",
        of_of_policy(
            lambda c: (
                slope("grpo", **(on_policy(c) | {"advantages": np.zeros(3)}), ref_logps=c["old_logps"], beta=1.0, use_bias_correction_kl=True),
                slope("kl_estimator", logps=c["logps"], ref_logps=c["old_logps"], estimator="k2"),
            )
        ),
    ),
    (
        "grpo of the most uncertain fifth acts on the tokens with the largest entropy",
        lambda rng: (lambda c: (slope("grpo", **c, top_entropy_quantile=0.2) != 0, c["entropy"] >= np.sort(c["entropy"], axis=None)[-3]))(
            tokens(rng) | {"old_logps": np.zeros((3, 5)) - 9.0, "advantages": -np.ones(3), "entropy": rng.uniform(size=(3, 5))}
        ),
    ),
]
