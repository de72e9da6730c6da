from __future__ import annotations

import numpy as np

from service.losses import LOSSES
from tests.losses.identities.sequence._shared import log_softmax, value_of_sequence


def _ctc_without_slack(rng):
    """As many frames as symbols, all different: one path, no blanks."""
    x, labels = rng.normal(size=(3, 4, 5)), np.array([[1, 2, 3], [2, 1, 4], [4, 2, 3], [1, 4, 1]])
    paths = np.take_along_axis(log_softmax(x), labels.T[..., None], 2)[..., 0]
    return value_of_sequence("ctc", log_softmax(x), labels, np.full(4, 3), np.full(4, 3)), -paths.sum(axis=0)


def _ctc_sums_to_one(rng):
    """Two frames, two symbols and a blank: the probabilities of all texts of at most two symbols."""
    x = np.repeat(log_softmax(rng.normal(size=(2, 1, 3))), 7, axis=1)
    labels = np.array([[1, 1], [1, 1], [2, 2], [1, 2], [2, 1], [1, 1], [2, 2]])
    lengths = np.array([0, 1, 1, 2, 2, 2, 2])
    return np.exp(-value_of_sequence("ctc", x, labels, np.full(7, 2), lengths))[:5].sum(), 1.0


def _ctc_occupancy(rng):
    """Every frame is in one place: the gradient sums to -1 over the symbols."""
    x, labels = log_softmax(rng.normal(size=(5, 2, 4))), np.array([[1, 1], [3, 2]])
    gradient = LOSSES["ctc"](x, labels, np.array([5, 5]), np.array([2, 1])).gradients["predictions"](np.ones(2))
    return gradient.sum(axis=2), -np.ones((5, 2))


def _ctc_of_logits(rng):
    x = 2 * rng.normal(size=(5, 2, 4))
    rest = (np.array([[1, 2], [3, 3]]), np.array([5, 4]), np.array([2, 2]))
    return value_of_sequence("ctc", log_softmax(x), *rest), value_of_sequence("ctc", x, *rest, predictions_are="logits")


IDENTITIES = [
    ("ctc with as many frames as symbols is one path", _ctc_without_slack),
    ("ctc's probabilities of all texts sum to 1", _ctc_sums_to_one),
    ("ctc's gradient sums to -1 at each frame", _ctc_occupancy),
    ("ctc of logits and of log-probabilities", _ctc_of_logits),
]
