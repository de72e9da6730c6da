from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _value(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def _log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _ctc_without_slack(rng):
    """As many frames as symbols, all different: one path, no blanks."""
    x, labels = rng.normal(size=(3, 4, 5)), np.array([[1, 2, 3], [2, 1, 4], [4, 2, 3], [1, 4, 1]])
    paths = np.take_along_axis(_log_softmax(x), labels.T[..., None], 2)[..., 0]
    return _value("ctc", _log_softmax(x), labels, np.full(4, 3), np.full(4, 3)), -paths.sum(axis=0)


def _ctc_sums_to_one(rng):
    """Two frames, two symbols and a blank: the probabilities of all texts of at most two symbols."""
    x = np.repeat(_log_softmax(rng.normal(size=(2, 1, 3))), 7, axis=1)
    labels = np.array([[1, 1], [1, 1], [2, 2], [1, 2], [2, 1], [1, 1], [2, 2]])
    lengths = np.array([0, 1, 1, 2, 2, 2, 2])
    return np.exp(-_value("ctc", x, labels, np.full(7, 2), lengths))[:5].sum(), 1.0


def _ctc_occupancy(rng):
    """Every frame is in one place: the gradient sums to -1 over the symbols."""
    x, labels = _log_softmax(rng.normal(size=(5, 2, 4))), np.array([[1, 1], [3, 2]])
    gradient = LOSSES["ctc"](x, labels, np.array([5, 5]), np.array([2, 1])).gradients["predictions"](np.ones(2))
    return gradient.sum(axis=2), -np.ones((5, 2))


def _rnnt_one_frame(rng):
    """One frame: all symbols, then the blank."""
    x, labels = rng.normal(size=(2, 1, 3, 4)), np.array([[0, 2], [1, 1]])
    steps = np.take_along_axis(_log_softmax(x)[:, 0], np.concatenate((labels, np.full((2, 1), 3)), axis=1)[..., None], 2)
    return _value("rnnt", x, labels, np.ones(2, int), np.full(2, 2)), -steps.sum(axis=(1, 2))


def _rnnt_forms(rng):
    x, labels, lengths = rng.normal(size=(2, 3, 3, 4)), np.array([[0, 2], [1, 1]]), (np.array([3, 2]), np.array([2, 1]))
    return _value("rnnt", x, labels, *lengths), _value("rnnt", _log_softmax(x), labels, *lengths, predictions_are="log_probabilities")


def _crf_without_transitions(rng):
    x, tags = rng.normal(size=(3, 4, 5)), rng.integers(0, 5, size=(3, 4))
    return _value("crf_nll", x, tags, np.zeros((5, 5))), _value("token_cross_entropy", x, tags)


def _crf_lengths(rng):
    x, tags, transitions = rng.normal(size=(1, 4, 5)), rng.integers(0, 5, size=(1, 4)), rng.normal(size=(5, 5))
    return _value("crf_nll", x, tags, transitions, lengths=np.array([2])), _value("crf_nll", x[:, :2], tags[:, :2], transitions)


def _soft_dtw_of_points(rng):
    x, y = rng.normal(size=(3, 1, 2)), rng.normal(size=(3, 4, 2))
    return _value("soft_dtw", x, y, gamma=0.3), _value("mean_squared_error", np.repeat(x, 4, axis=1), y)


def _soft_dtw_turned(rng):
    x, y = rng.normal(size=(3, 5, 2)), rng.normal(size=(3, 4, 2))
    return _value("soft_dtw", x, y), _value("soft_dtw", y[:, ::-1], x[:, ::-1])


IDENTITIES = [
    ("ctc with as many frames as symbols is one path", _ctc_without_slack),
    ("ctc's probabilities of all texts sum to 1", _ctc_sums_to_one),
    ("ctc's gradient sums to -1 at each frame", _ctc_occupancy),
    ("rnnt of one frame is one path", _rnnt_one_frame),
    ("rnnt of logits is rnnt of their log-softmax", _rnnt_forms),
    ("crf_nll without transitions is token_cross_entropy", _crf_without_transitions),
    ("crf_nll of lengths is crf_nll of what they leave", _crf_lengths),
    ("soft_dtw of a single point is the squared error to all", _soft_dtw_of_points),
    ("soft_dtw is the same backwards and with the series exchanged", _soft_dtw_turned),
]
