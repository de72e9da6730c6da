from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _value(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def _scores(rng, shape=(5, 4)):
    return 2.0 * rng.normal(size=shape)


def _signs(rng):
    return rng.choice((-1, 1), size=(5, 4))


def _margin(left, right):
    """Two expressions of the scores and the signs."""

    def both(rng):
        x, s = _scores(rng), _signs(rng)
        return left(x, s), right(x, s)

    return both


def _classes(left, right):
    """Two expressions of the scores and the class indices."""

    def both(rng):
        x, y = _scores(rng), rng.integers(0, 4, size=5)
        return left(x, y), right(x, y)

    return both


def _flags(y, classes=4):
    return (np.arange(classes) == y[:, None]).astype(float)


def _dice(x, z):
    p = 1.0 / (1.0 + np.exp(-x))
    return np.atleast_1d(1.0 - 2.0 * (p * z).sum() / (p.sum() + z.sum()))


IDENTITIES = [
    (
        "soft_margin is binary cross entropy with labels 0 and 1",
        _margin(lambda x, s: _value("soft_margin", x, s), lambda x, s: _value("binary_cross_entropy_with_logits", x, (s + 1) / 2)),
    ),
    (
        "sigmoid_focal_star(gamma) is soft_margin of gamma times the score, over gamma",
        _margin(lambda x, s: _value("sigmoid_focal_star", x, (s + 1) // 2, gamma=2.5), lambda x, s: _value("soft_margin", 2.5 * x, s) / 2.5),
    ),
    (
        "hinge is perceptron of a score moved by 1 against its sign",
        _margin(lambda x, s: _value("hinge", x, s), lambda x, s: _value("perceptron", x - s, s)),
    ),
    (
        "modified_huber is four times binary_sparsemax",
        _margin(lambda x, s: _value("modified_huber", x, s), lambda x, s: 4.0 * _value("binary_sparsemax", x, (s + 1) // 2)),
    ),
    (
        "unhinged of both signs adds up to 2 an element",
        _margin(lambda x, s: _value("unhinged", x, s) + _value("unhinged", x, -s), lambda x, s: np.full(5, 8.0)),
    ),
    (
        "ramp is hinge less the hinge beyond its cap",
        _margin(lambda x, s: _value("ramp", x, s, cap=1.5), lambda x, s: _value("hinge", x, s) - _value("hinge", x + 1.5 * s, s)),
    ),
    (
        "soft_margin is cross entropy of the scores 0 and x",
        _margin(lambda x, s: _value("soft_margin", x, s), lambda x, s: _value("cross_entropy", np.stack((0.0 * x, x), axis=1), (s + 1) // 2)),
    ),
    (
        "multiclass_sparsemax of the scores 0 and x is binary_sparsemax",
        _margin(
            lambda x, s: _value("multiclass_sparsemax", np.stack((0.0 * x, x), axis=1), (s + 1) // 2),
            lambda x, s: _value("binary_sparsemax", x, (s + 1) // 2),
        ),
    ),
    (
        "multiclass_hinge of the scores 0 and x is hinge",
        _margin(lambda x, s: _value("multiclass_hinge", np.stack((0.0 * x, x), axis=1), (s + 1) // 2), lambda x, s: _value("hinge", x, s)),
    ),
    (
        "multilabel_soft_margin is the mean of binary cross entropies",
        _classes(
            lambda x, y: _value("multilabel_soft_margin", x, _flags(y)),
            lambda x, y: _value("binary_cross_entropy_with_logits", x, _flags(y)) / 4.0,
        ),
    ),
    (
        "multilabel_margin with one true class is multi_margin",
        _classes(lambda x, y: _value("multilabel_margin", x, np.stack((y, -1 + 0 * y, y, y), axis=1)), lambda x, y: _value("multi_margin", x, y)),
    ),
    (
        "multiclass_perceptron is multi_margin of two classes with margin 0, doubled",
        lambda rng: (lambda x, y: (_value("multiclass_perceptron", x, y), 2.0 * _value("multi_margin", x, y, margin=0.0)))(
            _scores(rng, (5, 2)), rng.integers(0, 2, size=5)
        ),
    ),
    (
        "smooth_hinge of width 2 is binary_sparsemax",
        _margin(lambda x, s: _value("smooth_hinge", x, s, gamma=2.0), lambda x, s: _value("binary_sparsemax", x, (s + 1) // 2)),
    ),
    (
        "micro soft_f1 is one minus Dice of the whole batch",
        lambda rng: (lambda x, z: (_value("soft_f1", x, z, average="micro"), _dice(x, z)))(_scores(rng), rng.uniform(size=(5, 4))),
    ),
    (
        "asymmetric without focusing and clip is binary cross entropy",
        _margin(
            lambda x, s: _value("asymmetric", x, (s + 1) // 2, gamma_pos=0.0, gamma_neg=0.0, clip=0.0),
            lambda x, s: _value("binary_cross_entropy_with_logits", x, (s + 1) / 2),
        ),
    ),
]
