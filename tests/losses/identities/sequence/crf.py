from __future__ import annotations

import numpy as np

from tests.losses.identities.sequence._shared import value_of_sequence


def _crf_without_transitions(rng):
    x, tags = rng.normal(size=(3, 4, 5)), rng.integers(0, 5, size=(3, 4))
    return value_of_sequence("crf_nll", x, tags, np.zeros((5, 5))), value_of_sequence("token_cross_entropy", x, tags)


def _crf_lengths(rng):
    x, tags, transitions = rng.normal(size=(1, 4, 5)), rng.integers(0, 5, size=(1, 4)), rng.normal(size=(5, 5))
    return value_of_sequence("crf_nll", x, tags, transitions, lengths=np.array([2])), value_of_sequence("crf_nll", x[:, :2], tags[:, :2], transitions)


IDENTITIES = [
    ("crf_nll without transitions is token_cross_entropy", _crf_without_transitions),
    ("crf_nll of lengths is crf_nll of what they leave", _crf_lengths),
]
