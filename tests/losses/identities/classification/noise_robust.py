from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import classes_of_softmax, one_hot_is_index, value_of_softmax


def _of_probabilities(x, y):
    powers = np.exp(x)
    return value_of_softmax("generalized_cross_entropy", powers / powers.sum(axis=1, keepdims=True), y, predictions_are="probabilities")


IDENTITIES = [
    (
        "bi_tempered_logistic at temperatures of 1 is cross entropy",
        classes_of_softmax(
            lambda x, y: value_of_softmax("bi_tempered_logistic", x, y, t1=1.0, t2=1.0), lambda x, y: value_of_softmax("cross_entropy", x, y)
        ),
    ),
    (
        "generalized_cross_entropy(q=1) is half of mae_probability",
        classes_of_softmax(
            lambda x, y: value_of_softmax("generalized_cross_entropy", x, y, q=1.0), lambda x, y: 0.5 * value_of_softmax("mae_probability", x, y)
        ),
    ),
    (
        "generalized_cross_entropy of a tiny q is cross entropy",
        classes_of_softmax(
            lambda x, y: value_of_softmax("generalized_cross_entropy", x, y, q=1e-14), lambda x, y: value_of_softmax("cross_entropy", x, y)
        ),
    ),
    (
        "symmetric_cross_entropy(alpha, beta) is alpha poly1_cross_entropy(epsilon=4 beta / alpha)",
        classes_of_softmax(
            lambda x, y: value_of_softmax("symmetric_cross_entropy", x, y, alpha=0.5, beta=2.0),
            lambda x, y: 0.5 * value_of_softmax("poly1_cross_entropy", x, y, epsilon=16.0),
        ),
    ),
    (
        "taylor_cross_entropy(order=1) is half of mae_probability",
        classes_of_softmax(
            lambda x, y: value_of_softmax("taylor_cross_entropy", x, y, order=1), lambda x, y: 0.5 * value_of_softmax("mae_probability", x, y)
        ),
    ),
    *((f"{name} of one-hot labels is that of indices", one_hot_is_index(name)) for name in ("generalized_cross_entropy", "taylor_cross_entropy")),
    (
        "generalized_cross_entropy of logits and of probabilities",
        classes_of_softmax(lambda x, y: value_of_softmax("generalized_cross_entropy", x, y), _of_probabilities),
    ),
]
