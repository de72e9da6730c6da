from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking
from tests.losses.identities.ranking._shared import lists_of_ranking, of_rewards, same


def weights_multiply_relevances(rng):
    call, weight = lists_of_ranking(rng), rng.uniform(0.1, 2.0, size=(4, 6))
    return value_of_ranking("ranking_softmax", **call, weight=weight), value_of_ranking(
        "ranking_softmax", predictions=call["predictions"], labels=call["labels"] * weight
    )


def two_weights(rng):
    """p_listmle of three items, 3 of the first place and 1 of the second, is listmle with other weights: of all three, and twice of the first alone."""
    x = rng.normal(size=(1, 3))
    first = value_of_ranking("ranking_softmax", predictions=x, labels=np.array([[1.0, 0.0, 0.0]]))
    return value_of_ranking("p_listmle", predictions=x, labels=np.array([[3.0, 2.0, 1.0]])), 2.0 * first + value_of_ranking(
        "listmle", predictions=x, labels=np.array([[3.0, 2.0, 1.0]])
    )


IDENTITIES = [
    ("ranking_softmax with weights multiplies the relevances", weights_multiply_relevances),
    ("p_listmle of three items is listmle and twice the softmax of the first place", two_weights),
    ("p_listmle of two items is bradley_terry", same("p_listmle", of_rewards)),
    ("listmle of two items is bradley_terry", same("listmle", of_rewards)),
    ("unique_softmax of two items is bradley_terry", same("unique_softmax", of_rewards)),
    ("ranking_softmax of two items is bradley_terry", same("ranking_softmax", of_rewards)),
    (
        "ranking_softmax of one relevant item is cross_entropy",
        lambda rng: (
            lambda x, y: (
                value_of_ranking("ranking_softmax", predictions=x, labels=np.eye(6)[y]),
                value_of_ranking("cross_entropy", predictions=x, labels=y),
            )
        )(rng.normal(size=(5, 6)), rng.integers(0, 6, size=5)),
    ),
    (
        "poly1_softmax with epsilon 0 is ranking_softmax",
        lambda rng: (lambda call: (value_of_ranking("poly1_softmax", **call, epsilon=0.0), value_of_ranking("ranking_softmax", **call)))(
            lists_of_ranking(rng)
        ),
    ),
    (
        "approx_mrr of a single relevant item is minus its reciprocal smooth rank, approx_ndcg minus log 2 over its logarithm",
        lambda rng: (
            lambda call: (
                -1.0 / (2.0 ** (-1.0 / value_of_ranking("approx_ndcg", **call)) - 1.0),
                value_of_ranking("approx_mrr", **call),
            )
        )({"predictions": rng.normal(size=(1, 5)), "labels": np.eye(5)[:1]}),
    ),
]
