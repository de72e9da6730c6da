from __future__ import annotations

import numpy as np

from tests.losses.identities.survival._shared import of_survival


def _normal(rng):
    x, t = rng.normal(size=9), rng.uniform(0.5, 4, size=9)
    return of_survival("aft", x, t, t), of_survival("huber", x, np.log(t), delta=1e9) + np.log(t) + 0.5 * np.log(2 * np.pi)


def _parts(distribution):
    def identity(rng):
        x, t = rng.normal(size=9), np.sort(rng.uniform(0.5, 4, size=(2, 9)), axis=0)
        zero, late = np.zeros(9), np.ones(9, int)
        parts = [(zero, t[0], zero.astype(int)), (t[0], t[1], zero.astype(int)), (t[1], t[1], late)]
        total = sum(np.exp(-of_survival("aft", x, low, high, right_censored=c, distribution=distribution, scale=0.7)) for low, high, c in parts)
        return total, np.ones(9)

    return identity


IDENTITIES = [
    ("aft of seen times and normal noise is the squared error of log t", _normal),
    *((f"aft, {d}: the chances of early, between and late are 1", _parts(d)) for d in ("normal", "logistic", "extreme")),
]
