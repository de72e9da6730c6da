from __future__ import annotations

import numpy as np

from tests.losses.identities._shared import value_of_ranking


def si_sdr_is_the_tangent(rng):
    p, t = rng.normal(size=(2, 4, 5))
    cosine = (p * t).sum(axis=1) / np.linalg.norm(p, axis=1) / np.linalg.norm(t, axis=1)
    return value_of_ranking("si_sdr", predictions=p, labels=t), np.mean(10 * np.log10(1 / cosine**2 - 1))


IDENTITIES = [
    ("si sdr is the tangent", si_sdr_is_the_tangent),
]
