from __future__ import annotations

import numpy as np

from tests.losses.identities.sequence._shared import log_softmax, value_of_sequence


def _rnnt_one_frame(rng):
    """One frame: all symbols, then the blank."""
    x, labels = rng.normal(size=(2, 1, 3, 4)), np.array([[0, 2], [1, 1]])
    steps = np.take_along_axis(log_softmax(x)[:, 0], np.concatenate((labels, np.full((2, 1), 3)), axis=1)[..., None], 2)
    return value_of_sequence("rnnt", x, labels, np.ones(2, int), np.full(2, 2)), -steps.sum(axis=(1, 2))


def _rnnt_forms(rng):
    x, labels, lengths = rng.normal(size=(2, 3, 3, 4)), np.array([[0, 2], [1, 1]]), (np.array([3, 2]), np.array([2, 1]))
    return value_of_sequence("rnnt", x, labels, *lengths), value_of_sequence(
        "rnnt", log_softmax(x), labels, *lengths, predictions_are="log_probabilities"
    )


IDENTITIES = [
    ("rnnt of one frame is one path", _rnnt_one_frame),
    ("rnnt of logits is rnnt of their log-softmax", _rnnt_forms),
]
