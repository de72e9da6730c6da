from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _of(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def _no_ties(rng):
    x, t, e = rng.normal(size=9), rng.permutation(9), rng.integers(0, 2, size=9)
    return _of("cox_ph", x, t, e, ties="efron"), _of("cox_ph", x, t, e)


def _list(rng):
    x = rng.normal(size=9)
    first = np.arange(9)[::-1] == 8
    return _of("cox_ph", x, np.zeros(9), first.astype(int))[0], _of("cross_entropy", x[None], np.array([0]))[0]


def _shift(rng):
    x, t, e = rng.normal(size=9), rng.integers(0, 4, size=9), rng.integers(0, 2, size=9)
    return _of("cox_ph", x + 0.5, t, e, ties="efron"), _of("cox_ph", x, t, e, ties="efron")


def _normal(rng):
    x, t = rng.normal(size=9), rng.uniform(0.5, 4, size=9)
    return _of("aft", x, t, t), _of("huber", x, np.log(t), delta=1e9) + np.log(t) + 0.5 * np.log(2 * np.pi)


def _parts(distribution):
    def identity(rng):
        x, t = rng.normal(size=9), np.sort(rng.uniform(0.5, 4, size=(2, 9)), axis=0)
        zero, late = np.zeros(9), np.ones(9, int)
        parts = [(zero, t[0], zero.astype(int)), (t[0], t[1], zero.astype(int)), (t[1], t[1], late)]
        total = sum(np.exp(-_of("aft", x, low, high, right_censored=c, distribution=distribution, scale=0.7)) for low, high, c in parts)
        return total, np.ones(9)

    return identity


def _probabilities(name):
    def identity(rng):
        x = rng.normal(size=(1, 5))
        events = sum(np.exp(-_of(name, x, np.array([k]), np.array([1]))) for k in range(5))
        return events + np.exp(-_of(name, x, np.array([4]), np.array([0]))), np.ones(1)

    return identity


def _cohort(rng):
    return rng.normal(size=(9, 5)), rng.integers(0, 5, size=9), rng.integers(0, 2, size=9)


def _likelihood(rng):
    cohort = _cohort(rng)
    return _of("deephit", *cohort, alpha=1.0), _of("pmf", *cohort)


def _alike(rng):
    """Subjects of equal risk pay 1 for each that comes later."""
    x, labels = np.tile(rng.normal(size=(1, 5)), (9, 1)), rng.integers(0, 5, size=9)
    return _of("deephit", x, labels, np.ones(9, int), alpha=0.0), (labels[:, None] < labels).sum(axis=1) / 9


IDENTITIES = [
    ("deephit of the likelihood alone is pmf", _likelihood),
    ("deephit of equal risks counts who comes later", _alike),
    ("cox_ph without ties needs neither Breslow nor Efron", _no_ties),
    ("cox_ph of one event with all at risk is cross entropy", _list),
    ("cox_ph does not change when all risks are multiplied", _shift),
    ("aft of seen times and normal noise is the squared error of log t", _normal),
    *((f"aft, {d}: the chances of early, between and late are 1", _parts(d)) for d in ("normal", "logistic", "extreme")),
    *((f"{name}: the chances of all intervals and of none are 1", _probabilities(name)) for name in ("logistic_hazard", "pmf")),
]
