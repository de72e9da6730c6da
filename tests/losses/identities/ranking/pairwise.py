from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking
from tests.losses.identities.ranking._shared import lists_of_ranking, of_rewards, same


def padded(call, rng):
    """The same lists with padding of large scores and relevances."""
    more = {key: np.concatenate([a, 3.0 + np.zeros((len(a), 2))], axis=1) for key, a in call.items()}
    return more | {"mask": np.concatenate([np.ones_like(call["labels"]), np.zeros((len(call["labels"]), 2))], axis=1).astype(int)}


def half_of_pairwise_mse(rng):
    lists = {"predictions": rng.normal(size=(3, 4)), "labels": rng.permuted(np.arange(12.0).reshape(3, 4), axis=1)}
    return 2 * value_of_ranking("pairwise_qr", **lists, squared=True), value_of_ranking("pairwise_mse", **lists, self_pairs="left_out")


IDENTITIES = [
    ("pairwise_logistic of two items is bradley_terry", same("pairwise_logistic", of_rewards)),
    (
        "lambda_loss of two items weighs by 2 (1 - 1 / log2 3)",
        same("lambda_loss", lambda call: 2 * (1 - 1 / np.log2(3)) * of_rewards(call)),
    ),
    (
        "pairwise_soft_zero_one of two items is kto of an undesirable difference",
        same(
            "pairwise_soft_zero_one",
            lambda call: value_of_ranking(
                "kto", logps=call["predictions"][:, 1], ref_logps=call["predictions"][:, 0], labels=np.zeros(8, int), beta=1.0
            ),
        ),
    ),
    (
        "pairwise_mse is twice the variance of the errors",
        lambda rng: (lambda call: (value_of_ranking("pairwise_mse", **call), 2 * np.var(call["predictions"] - call["labels"], axis=1).mean()))(
            lists_of_ranking(rng)
        ),
    ),
    *(
        (
            f"padding changes nothing in {name}",
            lambda rng, name=name: (lambda call: (value_of_ranking(name, **call), value_of_ranking(name, **padded(call, rng))))(
                lists_of_ranking(rng)
            ),
        )
        for name in (
            "pairwise_logistic",
            "pairwise_hinge",
            "pairwise_mse",
            "lambda_loss",
            "ranking_softmax",
            "listnet",
            "unique_softmax",
            "listmle",
            "p_listmle",
            "approx_ndcg",
            "approx_mrr",
            "boosting_lambdarank",
        )
    ),
    ("half of pairwise mse", half_of_pairwise_mse),
]
