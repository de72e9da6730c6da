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


def _counted(rng):
    x, y = rng.normal(size=(5, 4, 3)), rng.integers(0, 4, size=(5, 3))
    y[0, 0] = -100
    return LOSSES["seesaw"](x, y, COUNTS).state["class_counts"], COUNTS + [(y == k).sum() for k in range(4)]


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


def _sampled(rng):
    """All other classes drawn, each expected once."""
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 4, size=5)
    own = np.take_along_axis(x, y[:, None], 1)[:, 0]
    others = x[np.arange(4) != y[:, None]].reshape(5, 3)
    return _value("sampled_softmax", own, others), _value("cross_entropy", x, y)


def _nce(rng):
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 4, size=5)
    others = x[np.arange(4) != y[:, None]].reshape(5, 3)
    flags = (np.arange(4) == y[:, None]).astype(float)
    return _value("nce", np.take_along_axis(x, y[:, None], 1)[:, 0], others), _value("binary_cross_entropy_with_logits", x, flags)


IDENTITIES = [
    ("sampled_softmax of all other classes is cross entropy", _sampled),
    ("nce of all other classes is binary cross entropy of every class", _nce),
    (
        "sampled_softmax takes a logarithm of counts off the scores",
        lambda rng: (
            lambda x, z, q, r: (_value("sampled_softmax", x, z, log_count=q, negatives_log_count=r), _value("sampled_softmax", x - q, z - r))
        )(rng.normal(size=5), rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=(5, 3))),
    ),
    (
        "bi_tempered_logistic at temperatures of 1 is cross entropy",
        _classes(lambda x, y: _value("bi_tempered_logistic", x, y, t1=1.0, t2=1.0), lambda x, y: _value("cross_entropy", x, y)),
    ),
    (
        "entmax15 of scores far apart is multiclass_perceptron",
        lambda rng: (lambda x, y: (_value("entmax15", x, y), _value("multiclass_perceptron", x, y)))(
            5.0 * rng.permuted(np.tile(np.arange(4.0), (5, 1)), axis=1), rng.integers(0, 4, size=5)
        ),
    ),
    (
        "class_balanced(beta=0) is cross entropy",
        _classes(lambda x, y: _value("class_balanced", x, y, COUNTS, beta=0.0), lambda x, y: _value("cross_entropy", x, y)),
    ),
    (
        "class_balanced(beta=0, gamma) is softmax_focal",
        _classes(lambda x, y: _value("class_balanced", x, y, COUNTS, beta=0.0, gamma=2.0), lambda x, y: _value("softmax_focal", x, y)),
    ),
    (
        "seesaw without its weights is cross entropy",
        _classes(lambda x, y: _value("seesaw", x, y, COUNTS, p=0.0, q=0.0), lambda x, y: _value("cross_entropy", x, y)),
    ),
    ("the state of seesaw has the call's classes counted", _counted),
    (
        "asymmetric_single_label with the true class alone is softmax_focal",
        _classes(
            lambda x, y: _value("asymmetric_single_label", x, y, gamma_pos=2.0, label_smoothing=0.0),
            lambda x, y: _value("softmax_focal", x, y),
        ),
    ),
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
