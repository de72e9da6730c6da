from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests.losses.identities._shared import classes_of_softmax, value_of_softmax


def _gradient(name, *tensors, wrt="predictions", **options):
    return LOSSES[name](*tensors, **options).gradients[wrt](np.ones(len(tensors[0])))


def _linear(rng):
    hidden, matrix, bias, labels = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=4), rng.integers(0, 4, size=5)
    return (
        _gradient("linear_cross_entropy", hidden, matrix, labels, linear_bias=bias),
        _gradient("cross_entropy", hidden @ matrix.T + bias, labels) @ matrix,
    )


def _adaptive(rng):
    """One cluster of one class: its row of the head is a class like the others."""
    hidden, head, labels = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.integers(0, 4, size=5)
    tail = rng.normal(size=(1, 2, 3)), rng.normal(size=(1, 2))
    return (
        value_of_softmax("adaptive_log_softmax", hidden, labels, head, *tail, np.array([3])),
        value_of_softmax("linear_cross_entropy", hidden, head, labels),
    )


IDENTITIES = [
    (
        "token_cross_entropy is cross_entropy with the classes last",
        classes_of_softmax(
            lambda x, y: value_of_softmax("token_cross_entropy", np.moveaxis(x, 1, 2), y, label_smoothing=0.2),
            lambda x, y: value_of_softmax("cross_entropy", x, y, label_smoothing=0.2),
        ),
    ),
    (
        "token_cross_entropy's z_loss adds that share of z_loss",
        classes_of_softmax(
            lambda x, y: value_of_softmax("token_cross_entropy", np.moveaxis(x, 1, 2), y, z_loss=0.3),
            lambda x, y: value_of_softmax("cross_entropy", x, y) + 0.3 * value_of_softmax("z_loss", x),
        ),
    ),
    ("linear_cross_entropy's gradient is cross entropy's times the matrix", _linear),
    ("adaptive_log_softmax with one cluster of one class is linear_cross_entropy", _adaptive),
]
