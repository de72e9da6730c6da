from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_core
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


def _mean_over(rng):
    """The means of NeMo, of the same losses."""
    x, labels, lengths = rng.normal(size=(2, 3, 3, 4)), np.array([[0, 2], [1, 1]]), np.array([2, 1])
    call = {"predictions": x, "labels": labels, "input_lengths": np.array([3, 2]), "target_lengths": lengths}
    losses = value_of_sequence("rnnt", x, labels, call["input_lengths"], lengths)
    means = [value_of_core("rnnt", call, mean_over=kind) for kind in ("samples", "tokens", "tokens_of_each")]
    return np.array(means), np.array([losses.mean(), losses.sum() / lengths.sum(), (losses / lengths).mean()])


def _tdt_call(rng, frames, symbols, durations):
    x, d = rng.normal(size=(2, frames, symbols + 1, 4)), rng.normal(size=(2, frames, symbols + 1, len(durations)))
    labels = rng.integers(0, 3, size=(2, symbols))
    return x, d, labels, np.array(durations), np.full(2, frames), np.full(2, symbols)


def _tdt_one_frame(rng):
    """One frame: all symbols with the duration 0, then the blank with the duration 1."""
    call = x, d, labels, *_ = _tdt_call(rng, 1, 2, [0, 1, 3])
    tokens = np.take_along_axis(log_softmax(x)[:, 0], np.concatenate((labels, np.full((2, 1), 3)), axis=1)[..., None], 2)
    return value_of_sequence("tdt", *call), -tokens.sum(axis=(1, 2)) - log_softmax(d)[:, 0, [0, 1, 2], [0, 0, 1]].sum(axis=1)


def _tdt_every_frame(rng):
    """A single duration of 1, whose probability is 1: one symbol or blank a frame, so that the places of the symbols are chosen."""
    call = x, _, labels, *_ = _tdt_call(rng, 4, 1, [1])
    p, rows = log_softmax(x), np.arange(2)
    paths = []
    for at in range(3):
        blanks = p[:, :at, 0, 3].sum(axis=1) + p[:, at + 1 :, 1, 3].sum(axis=1)
        paths.append(blanks + p[rows, at, 0, labels[:, 0]])
    return value_of_sequence("tdt", *call), -np.log(np.exp(paths).sum(axis=0))


def _tdt_sigma(rng):
    """Every path of durations of 1 has as many steps as frames, each with the factor e^-sigma."""
    call = _tdt_call(rng, 5, 2, [1])
    return value_of_sequence("tdt", *call, sigma=0.3), value_of_sequence("tdt", *call) + 5 * 0.3


IDENTITIES = [
    ("rnnt of one frame is one path", _rnnt_one_frame),
    ("rnnt has the means of NeMo", _mean_over),
    ("tdt of one frame is one path", _tdt_one_frame),
    ("tdt of a single duration chooses the frames of the symbols", _tdt_every_frame),
    ("tdt with sigma counts the steps", _tdt_sigma),
    ("rnnt of logits is rnnt of their log-softmax", _rnnt_forms),
]
