from __future__ import annotations

import numpy as np

from tests.losses.identities.survival._shared import of_survival


def _no_ties(rng):
    x, t, e = rng.normal(size=9), rng.permutation(9), rng.integers(0, 2, size=9)
    return of_survival("cox_ph", x, t, e, ties="efron"), of_survival("cox_ph", x, t, e)


def _list(rng):
    x = rng.normal(size=9)
    first = np.arange(9)[::-1] == 8
    return of_survival("cox_ph", x, np.zeros(9), first.astype(int))[0], of_survival("cross_entropy", x[None], np.array([0]))[0]


def _shift(rng):
    x, t, e = rng.normal(size=9), rng.integers(0, 4, size=9), rng.integers(0, 2, size=9)
    return of_survival("cox_ph", x + 0.5, t, e, ties="efron"), of_survival("cox_ph", x, t, e, ties="efron")


def _strata(rng):
    """A stratum is a cohort of its own."""
    x, t, e, s = rng.normal(size=12), rng.integers(0, 4, size=12), rng.integers(0, 2, size=12), np.arange(12) % 3
    apart = np.zeros(12)
    for k in range(3):
        apart[s == k] = of_survival("cox_ph", x[s == k], t[s == k], e[s == k], ties="efron")
    return of_survival("cox_ph", x, t, e, strata=s, ties="efron"), apart


def _early(rng):
    """Subjects who entered before the first event are at risk from the start."""
    x, t, e = rng.normal(size=12), rng.integers(1, 5, size=12), rng.integers(0, 2, size=12)
    return of_survival("cox_ph", x, t, e, entry=-rng.random(12)), of_survival("cox_ph", x, t, e)


def _late(rng):
    """Subjects who enter after the last event before their time are at risk with none but later ones."""
    x, t = rng.normal(size=6), np.arange(6.0)
    return of_survival("cox_ph", x, t, np.ones(6, int), entry=t - 0.5), np.zeros(6)


IDENTITIES = [
    ("cox_ph without ties needs neither Breslow nor Efron", _no_ties),
    ("cox_ph of one event with all at risk is cross entropy", _list),
    ("cox_ph does not change when all risks are multiplied", _shift),
    ("cox_ph of strata is that of each alone", _strata),
    ("cox_ph of early entries is that without truncation", _early),
    ("cox_ph of subjects who are never at risk together is 0", _late),
]
