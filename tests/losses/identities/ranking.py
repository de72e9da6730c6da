from __future__ import annotations

import numpy as np

from service.losses import LOSSES, Controls, compute


def value(name, **call):
    inputs = {item.name for item in LOSSES[name].inputs}
    tensors = {key: np.asarray(array) for key, array in call.items() if key in inputs}
    return compute(LOSSES[name], tensors, {key: v for key, v in call.items() if key not in inputs}, Controls(outputs=("value",))).value


def lists(rng, shape=(4, 6)):
    return {"predictions": rng.normal(size=shape), "labels": rng.integers(0, 4, size=shape).astype(float)}


def padded(call, rng):
    """The same lists with padding of large scores and relevances."""
    more = {key: np.concatenate([a, 3.0 + np.zeros((len(a), 2))], axis=1) for key, a in call.items()}
    return more | {"mask": np.concatenate([np.ones_like(call["labels"]), np.zeros((len(call["labels"]), 2))], axis=1).astype(int)}


def duels(rng):
    """Lists of two items, the first the better."""
    return {"predictions": rng.normal(size=(8, 2)), "labels": np.tile([1.0, 0.0], (8, 1))}


def of_rewards(call):
    return value("bradley_terry", chosen_rewards=call["predictions"][:, 0], rejected_rewards=call["predictions"][:, 1])


def same(name, other):
    return lambda rng: (lambda call: (value(name, **call), other(call)))(duels(rng))


IDENTITIES = [
    ("pairwise_logistic of two items is bradley_terry", same("pairwise_logistic", of_rewards)),
    ("listmle of two items is bradley_terry", same("listmle", of_rewards)),
    ("unique_softmax of two items is bradley_terry", same("unique_softmax", of_rewards)),
    ("ranking_softmax of two items is bradley_terry", same("ranking_softmax", of_rewards)),
    (
        "lambda_loss of two items weighs by 2 (1 - 1 / log2 3)",
        same("lambda_loss", lambda call: 2 * (1 - 1 / np.log2(3)) * of_rewards(call)),
    ),
    (
        "pairwise_soft_zero_one of two items is kto of an undesirable difference",
        same(
            "pairwise_soft_zero_one",
            lambda call: value("kto", logps=call["predictions"][:, 1], ref_logps=call["predictions"][:, 0], labels=np.zeros(8, int), beta=1.0),
        ),
    ),
    (
        "ranking_softmax of one relevant item is cross_entropy",
        lambda rng: (lambda x, y: (value("ranking_softmax", predictions=x, labels=np.eye(6)[y]), value("cross_entropy", predictions=x, labels=y)))(
            rng.normal(size=(5, 6)), rng.integers(0, 6, size=5)
        ),
    ),
    (
        "poly1_softmax with epsilon 0 is ranking_softmax",
        lambda rng: (lambda call: (value("poly1_softmax", **call, epsilon=0.0), value("ranking_softmax", **call)))(lists(rng)),
    ),
    (
        "approx_mrr of a single relevant item is minus its reciprocal smooth rank, approx_ndcg minus log 2 over its logarithm",
        lambda rng: (
            lambda call: (
                -1.0 / (2.0 ** (-1.0 / value("approx_ndcg", **call)) - 1.0),
                value("approx_mrr", **call),
            )
        )({"predictions": rng.normal(size=(1, 5)), "labels": np.eye(5)[:1]}),
    ),
    (
        "pairwise_mse is twice the variance of the errors",
        lambda rng: (lambda call: (value("pairwise_mse", **call), 2 * np.var(call["predictions"] - call["labels"], axis=1).mean()))(lists(rng)),
    ),
    (
        "ordinal with one threshold is binary_cross_entropy_with_logits",
        lambda rng: (
            lambda x, y: (
                value("ordinal", predictions=x[..., None], labels=y),
                value("binary_cross_entropy_with_logits", predictions=x, labels=y * 1.0),
            )
        )(rng.normal(size=(4, 3)), rng.integers(0, 2, size=(4, 3))),
    ),
    *(
        (
            f"padding changes nothing in {name}",
            lambda rng, name=name: (lambda call: (value(name, **call), value(name, **padded(call, rng))))(lists(rng)),
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
            "approx_ndcg",
            "approx_mrr",
            "boosting_lambdarank",
        )
    ),
]
