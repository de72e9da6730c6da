from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import of_of_preference, own_of_preference, unreferred, value_of_ranking


def kto(call, who, label, beta):
    return value_of_ranking("kto", logps=call[f"{who}_logps"], ref_logps=call[f"ref_{who}_logps"], labels=np.full(6, label), beta=beta)


def rewards(call, beta):
    return {f"{who}_rewards": beta * (call[f"{who}_logps"] - call[f"ref_{who}_logps"]) for who in ("chosen", "rejected")}


IDENTITIES = [
    (
        "alphapo of_of_preference alpha 0 is simpo",
        of_of_preference(
            lambda c: (
                value_of_ranking("alphapo", **own_of_preference(c), alpha=0.0, beta=0.7),
                value_of_ranking("simpo", **own_of_preference(c), beta=0.7),
            )
        ),
    ),
    (
        "alphapo is continuous at alpha 0",
        of_of_preference(
            lambda c: (value_of_ranking("alphapo", **own_of_preference(c), alpha=1e-15), value_of_ranking("simpo", **own_of_preference(c)))
        ),
    ),
    (
        "dpo is bradley_terry of_of_preference its rewards",
        of_of_preference(lambda c: (value_of_ranking("dpo", **c, beta=0.3), value_of_ranking("bradley_terry", **rewards(c, 0.3)))),
    ),
    (
        "simpo is bradley_terry with a margin",
        of_of_preference(
            lambda c: (
                value_of_ranking("simpo", **own_of_preference(c), beta=1.0, simpo_gamma=0.7),
                value_of_ranking("bradley_terry", chosen_rewards=c["chosen_logps"], rejected_rewards=c["rejected_logps"], margin=np.full(6, 0.7)),
            )
        ),
    ),
    (
        "cpo is dpo without a reference",
        of_of_preference(lambda c: (value_of_ranking("cpo", **own_of_preference(c), beta=0.4), value_of_ranking("dpo", **unreferred(c), beta=0.4))),
    ),
    (
        "simpo without a margin is cpo",
        of_of_preference(
            lambda c: (value_of_ranking("simpo", **own_of_preference(c), simpo_gamma=0.0), value_of_ranking("cpo", **own_of_preference(c)))
        ),
    ),
    ("robust dpo without noise is dpo", of_of_preference(lambda c: (value_of_ranking("dpo", **c, loss_type="robust"), value_of_ranking("dpo", **c)))),
    (
        "apo_zero is kto of_of_preference both answers",
        of_of_preference(
            lambda c: (
                value_of_ranking("dpo", **c, loss_type="apo_zero", beta=0.2),
                kto(c, "chosen", 1, 0.2) + kto(c, "rejected", 0, 0.2),
            )
        ),
    ),
    (
        "ipo is the mean squared error of_of_preference the log-ratios' difference against 1 / 2 beta",
        of_of_preference(
            lambda c: (
                value_of_ranking("dpo", **c, loss_type="ipo", beta=0.5),
                value_of_ranking(
                    "mean_squared_error",
                    predictions=c["chosen_logps"] - c["rejected_logps"],
                    labels=c["ref_chosen_logps"] - c["ref_rejected_logps"] + 1.0,
                ),
            )
        ),
    ),
    (
        "aot of_of_preference a single pair is dpo",
        of_of_preference(
            lambda c: (
                value_of_ranking("dpo", **{k: v[:1] for k, v in c.items()}, loss_type="aot"),
                value_of_ranking("dpo", **{k: v[:1] for k, v in c.items()}),
            )
        ),
    ),
    (
        "exo_pair at even odds is the divergence from an uneven coin",
        of_of_preference(
            lambda c: (
                value_of_ranking("dpo", **(unreferred(c) | {"rejected_logps": c["chosen_logps"]}), loss_type="exo_pair", label_smoothing=0.2),
                -np.log(2.0) - 0.5 * (np.log(0.8) + np.log(0.2)),
            )
        ),
    ),
]
