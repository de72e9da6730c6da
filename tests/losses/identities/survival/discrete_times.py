from __future__ import annotations

import numpy as np

from tests.losses.identities.survival._shared import of_survival


def _probabilities(name):
    def identity(rng):
        x = rng.normal(size=(1, 5))
        events = sum(np.exp(-of_survival(name, x, np.array([k]), np.array([1]))) for k in range(5))
        return events + np.exp(-of_survival(name, x, np.array([4]), np.array([0]))), np.ones(1)

    return identity


def _cohort(rng):
    return rng.normal(size=(9, 5)), rng.integers(0, 5, size=9), rng.integers(0, 2, size=9)


def _likelihood(rng):
    cohort = _cohort(rng)
    return of_survival("deephit", *cohort, alpha=1.0), of_survival("pmf", *cohort)


def _alike(rng):
    """Subjects of equal risk pay 1 for each that comes later."""
    x, labels = np.tile(rng.normal(size=(1, 5)), (9, 1)), rng.integers(0, 5, size=9)
    return of_survival("deephit", x, labels, np.ones(9, int), alpha=0.0), (labels[:, None] < labels).sum(axis=1) / 9


def _one_cause(rng):
    x, labels, events = _cohort(rng)
    return of_survival("deephit_competing", x[:, None], labels, events), of_survival("deephit", x, labels, events)


def _causes(rng):
    """The chances of every cause and interval, and of none, are 1."""
    x, last = rng.normal(size=(1, 3, 4)), np.array([3])
    chances = [np.exp(-of_survival("deephit_competing", x, np.array([k]), np.array([r]), alpha=1.0)) for k in range(4) for r in (1, 2, 3)]
    return sum(chances) + np.exp(-of_survival("deephit_competing", x, last, np.array([0]), alpha=1.0)), np.ones(1)


def _from_differences(rng):
    x, labels, events = _cohort(rng)
    return of_survival("mtlr", x - np.append(x[:, 1:], np.zeros((9, 1)), axis=1), labels, events), of_survival("pmf", x, labels, events)


def _constant_hazard(rng):
    """One interval: the exponential distribution of the time, whose rate is the hazard."""
    x, events, time = rng.normal(size=(9, 1)), rng.integers(0, 2, size=9), rng.random(9)
    rate = np.logaddexp(0.0, x[:, 0])
    return of_survival("pc_hazard", x, np.zeros(9, int), events, time), rate * time - events * np.log(rate)


IDENTITIES = [
    ("deephit of the likelihood alone is pmf", _likelihood),
    ("deephit of equal risks counts who comes later", _alike),
    ("deephit_competing of one cause is deephit", _one_cause),
    ("deephit_competing: the chances of all causes and intervals and of none are 1", _causes),
    ("mtlr of the differences of scores is pmf", _from_differences),
    ("pc_hazard of one interval is the exponential distribution", _constant_hazard),
    *((f"{name}: the chances of all intervals and of none are 1", _probabilities(name)) for name in ("logistic_hazard", "pmf", "mtlr")),
]
