from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _value(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def _classes(left, right):
    """Two expressions of the scores and the class indices."""

    def both(rng):
        x, y = 2.0 * rng.normal(size=(5, 4, 3)), rng.integers(0, 4, size=(5, 3))
        return left(x, y), right(x, y)

    return both


COUNTS = np.array([100.0, 20.0, 7.0, 1.0])


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
        _value("adaptive_log_softmax", hidden, labels, head, *tail, np.array([3])),
        _value("linear_cross_entropy", hidden, head, labels),
    )


IDENTITIES = [
    (
        "poly1_cross_entropy is cross entropy plus half its epsilon of mae_probability",
        _classes(
            lambda x, y: _value("poly1_cross_entropy", x, y, epsilon=1.5),
            lambda x, y: _value("cross_entropy", x, y) + 0.75 * _value("mae_probability", x, y),
        ),
    ),
    (
        "generalized_cross_entropy(q=1) is half of mae_probability",
        _classes(lambda x, y: _value("generalized_cross_entropy", x, y, q=1.0), lambda x, y: 0.5 * _value("mae_probability", x, y)),
    ),
    (
        "generalized_cross_entropy of a tiny q is cross entropy",
        _classes(lambda x, y: _value("generalized_cross_entropy", x, y, q=1e-14), lambda x, y: _value("cross_entropy", x, y)),
    ),
    (
        "symmetric_cross_entropy(alpha, beta) is alpha poly1_cross_entropy(epsilon=4 beta / alpha)",
        _classes(
            lambda x, y: _value("symmetric_cross_entropy", x, y, alpha=0.5, beta=2.0),
            lambda x, y: 0.5 * _value("poly1_cross_entropy", x, y, epsilon=16.0),
        ),
    ),
    (
        "taylor_cross_entropy(order=1) is half of mae_probability",
        _classes(lambda x, y: _value("taylor_cross_entropy", x, y, order=1), lambda x, y: 0.5 * _value("mae_probability", x, y)),
    ),
    (
        "softmax_focal(gamma=0) is poly1_cross_entropy(epsilon=0)",
        _classes(lambda x, y: _value("softmax_focal", x, y, gamma=0.0), lambda x, y: _value("poly1_cross_entropy", x, y, epsilon=0.0)),
    ),
    (
        "balanced_softmax is logit_adjusted by the shares",
        _classes(lambda x, y: _value("balanced_softmax", x, y, COUNTS), lambda x, y: _value("logit_adjusted", x, y, COUNTS / COUNTS.sum(), tau=1.0)),
    ),
    (
        "balanced_softmax of equal counts is cross entropy",
        _classes(lambda x, y: _value("balanced_softmax", x, y, np.full(4, 9.0)), lambda x, y: _value("cross_entropy", x, y)),
    ),
    (
        "ldam without a margin is cross entropy of scaled scores",
        _classes(lambda x, y: _value("ldam", x, y, COUNTS, max_margin=0.0, scale=3.0), lambda x, y: _value("cross_entropy", 3.0 * x, y)),
    ),
    (
        "z_loss of scores whose exponentials sum to 1 more than e is of log(e) = 1",
        lambda rng: (_value("z_loss", np.full((3, 4), 1.0 - np.log(4.0))), np.ones(3)),
    ),
    (
        "token_cross_entropy is cross_entropy with the classes last",
        _classes(
            lambda x, y: _value("token_cross_entropy", np.moveaxis(x, 1, 2), y, label_smoothing=0.2),
            lambda x, y: _value("cross_entropy", x, y, label_smoothing=0.2),
        ),
    ),
    (
        "token_cross_entropy's z_loss adds that share of z_loss",
        _classes(
            lambda x, y: _value("token_cross_entropy", np.moveaxis(x, 1, 2), y, z_loss=0.3),
            lambda x, y: _value("cross_entropy", x, y) + 0.3 * _value("z_loss", x),
        ),
    ),
    ("linear_cross_entropy's gradient is cross entropy's times the matrix", _linear),
    ("adaptive_log_softmax with one cluster of one class is linear_cross_entropy", _adaptive),
]
