from __future__ import annotations

import numpy as np

from tests.losses.identities.ranking import value


def pairs(rng):
    return {name: rng.normal(size=6) * 3 for name in ("chosen_logps", "rejected_logps", "ref_chosen_logps", "ref_rejected_logps")}


def own(call):
    return {name: call[name] for name in ("chosen_logps", "rejected_logps")}


def unreferred(call):
    return own(call) | {"ref_chosen_logps": np.zeros(6), "ref_rejected_logps": np.zeros(6)}


def of(function):
    return lambda rng: function(pairs(rng))


def kto(call, who, label, beta):
    return value("kto", logps=call[f"{who}_logps"], ref_logps=call[f"ref_{who}_logps"], labels=np.full(6, label), beta=beta)


def rewards(call, beta):
    return {f"{who}_rewards": beta * (call[f"{who}_logps"] - call[f"ref_{who}_logps"]) for who in ("chosen", "rejected")}


IDENTITIES = [
    (
        "bco is binary cross entropy of the reward less delta",
        of(
            lambda c: (
                value("bco", logps=c["chosen_logps"], ref_logps=c["ref_chosen_logps"], labels=np.arange(6) % 2, beta=0.3, delta=0.2),
                value(
                    "binary_cross_entropy_with_logits",
                    predictions=0.3 * (c["chosen_logps"] - c["ref_chosen_logps"]) - 0.2,
                    labels=np.arange(6) % 2.0,
                ),
            )
        ),
    ),
    ("alphapo of alpha 0 is simpo", of(lambda c: (value("alphapo", **own(c), alpha=0.0, beta=0.7), value("simpo", **own(c), beta=0.7)))),
    ("alphapo is continuous at alpha 0", of(lambda c: (value("alphapo", **own(c), alpha=1e-15), value("simpo", **own(c))))),
    ("dpo is bradley_terry of its rewards", of(lambda c: (value("dpo", **c, beta=0.3), value("bradley_terry", **rewards(c, 0.3))))),
    (
        "simpo is bradley_terry with a margin",
        of(
            lambda c: (
                value("simpo", **own(c), beta=1.0, simpo_gamma=0.7),
                value("bradley_terry", chosen_rewards=c["chosen_logps"], rejected_rewards=c["rejected_logps"], margin=np.full(6, 0.7)),
            )
        ),
    ),
    ("cpo is dpo without a reference", of(lambda c: (value("cpo", **own(c), beta=0.4), value("dpo", **unreferred(c), beta=0.4)))),
    ("simpo without a margin is cpo", of(lambda c: (value("simpo", **own(c), simpo_gamma=0.0), value("cpo", **own(c))))),
    ("robust dpo without noise is dpo", of(lambda c: (value("dpo", **c, loss_type="robust"), value("dpo", **c)))),
    (
        "apo_zero is kto of both answers",
        of(
            lambda c: (
                value("dpo", **c, loss_type="apo_zero", beta=0.2),
                kto(c, "chosen", 1, 0.2) + kto(c, "rejected", 0, 0.2),
            )
        ),
    ),
    (
        "ipo is the mean squared error of the log-ratios' difference against 1 / 2 beta",
        of(
            lambda c: (
                value("dpo", **c, loss_type="ipo", beta=0.5),
                value(
                    "mean_squared_error",
                    predictions=c["chosen_logps"] - c["rejected_logps"],
                    labels=c["ref_chosen_logps"] - c["ref_rejected_logps"] + 1.0,
                ),
            )
        ),
    ),
    (
        "aot of a single pair is dpo",
        of(
            lambda c: (
                value("dpo", **{k: v[:1] for k, v in c.items()}, loss_type="aot"),
                value("dpo", **{k: v[:1] for k, v in c.items()}),
            )
        ),
    ),
    (
        "hinge dpo without a reference is hinge at beta times the difference",
        of(
            lambda c: (
                value("dpo", **unreferred(c), loss_type="hinge", beta=1.0),
                np.maximum(0.0, 1.0 - (c["chosen_logps"] - c["rejected_logps"])).mean(),
            )
        ),
    ),
    (
        "exo_pair at even odds is the divergence from an uneven coin",
        of(
            lambda c: (
                value("dpo", **(unreferred(c) | {"rejected_logps": c["chosen_logps"]}), loss_type="exo_pair", label_smoothing=0.2),
                -np.log(2.0) - 0.5 * (np.log(0.8) + np.log(0.2)),
            )
        ),
    ),
]
