from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES
from tests.losses.identities._shared import value_of_ranking


def value(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def si_sdr_is_the_tangent(rng):
    p, t = rng.normal(size=(2, 4, 5))
    cosine = (p * t).sum(axis=1) / np.linalg.norm(p, axis=1) / np.linalg.norm(t, axis=1)
    return value_of_ranking("si_sdr", predictions=p, labels=t), np.mean(10 * np.log10(1 / cosine**2 - 1))


def _zero_mean(name: str) -> Any:
    def both(rng: Generator) -> Any:
        p, t = rng.normal(size=(2, 4, 9)) + 3.0
        return value(name, p, t, zero_mean=True), value(name, *(x - x.mean(axis=1, keepdims=True) for x in (p, t)))

    return both


def _offsets(rng: Generator) -> Any:
    p, t = rng.normal(size=(2, 4, 9))
    return value("si_sdr", 5.0 * p + 2.0, t - 7.0, zero_mean=True), value("si_sdr", p, t, zero_mean=True)


def _scaled_estimate(rng: Generator) -> Any:
    """With the best scale, the signal-to-noise ratio of the estimate is larger by 1: |t|^2 = |alpha p|^2 + |t - alpha p|^2."""
    p, t = rng.normal(size=(2, 4, 9))
    best = (p * t).sum(axis=1, keepdims=True) / (p * p).sum(axis=1, keepdims=True) * p
    return 10 ** (-value("snr", best, t) / 10), 1.0 + 10 ** (-value("si_sdr", p, t) / 10)


def _snr(rng: Generator) -> Any:
    p, t = rng.normal(size=(2, 4, 9))
    return value("snr", p, t), 10 * np.log10(((t - p) ** 2).sum(axis=1) / (t**2).sum(axis=1))


def _smallest(metric: str, name: str) -> Any:
    def both(rng: Generator) -> Any:
        p, t = rng.normal(size=(2, 5, 4, 9))
        ours = LOSSES["permutation_invariant"](p, t, metric=metric)
        every = []
        for order in permutations(range(4)):
            evaluations = [LOSSES[name](p[:, k], t[:, j]) for k, j in enumerate(order)]
            every.append(np.mean([e.numerator / e.weight for e in evaluations], axis=0))
        return ours.numerator / ours.weight, np.min(every, axis=0)

    return both


def _shuffled(rng: Generator) -> Any:
    p, t = rng.normal(size=(2, 5, 6, 9))
    return value("permutation_invariant", p, t), value("permutation_invariant", p[:, rng.permutation(6)], t[:, rng.permutation(6)])


def _permutation(rng: Generator) -> Any:
    t, order = rng.normal(size=(3, 5, 9)), rng.permutation(5)
    found = LOSSES["permutation_invariant"](t[:, order] + 0.01 * rng.normal(size=t.shape), t)
    return found.state["permutation"], np.broadcast_to(order, (3, 5))


IDENTITIES = [
    ("si sdr is the tangent", si_sdr_is_the_tangent),
    ("si_sdr with zero mean is si_sdr of signals less their means", _zero_mean("si_sdr")),
    ("snr with zero mean is snr of signals less their means", _zero_mean("snr")),
    ("si_sdr with zero mean ignores scales and offsets", _offsets),
    ("snr of the best scaled estimate is si_sdr plus 1 in energy", _scaled_estimate),
    ("snr is the ratio of energies", _snr),
    ("permutation_invariant is the smallest mean of si_sdr", _smallest("si_sdr", "si_sdr")),
    ("permutation_invariant is the smallest mean of snr", _smallest("snr", "snr")),
    ("permutation_invariant is the smallest mean of squared errors", _smallest("mse", "mean_squared_error")),
    ("permutation_invariant ignores the order of sources", _shuffled),
    ("permutation_invariant finds the order of sources", _permutation),
]
