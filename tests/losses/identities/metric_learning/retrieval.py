from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import numerator
from tests.losses.identities.metric_learning._shared import unit


def _in_batch_is_cross_entropy(rng: Generator) -> Any:
    q, p = rng.normal(size=(2, 6, 4))
    return numerator("info_nce", q, p, temperature=0.2), numerator("cross_entropy", unit(q) @ unit(p).T / 0.2, np.arange(6))


def _both_directions_are_clip(rng: Generator) -> Any:
    q, p = rng.normal(size=(2, 6, 4))
    both = numerator("info_nce", q, p, temperature=0.2) + numerator("info_nce", p, q, temperature=0.2)
    return 0.5 * both, numerator("clip", q, p, logit_scale=np.array([5.0]))


def _shared_negatives_are_each_query_s_own(rng: Generator) -> Any:
    q, p = rng.normal(size=(2, 6, 4))
    negative = rng.normal(size=(3, 4))
    return (
        [numerator("info_nce", q, p, negative, in_batch=choice) for choice in ("without_negative", "always")],
        [numerator("info_nce", q, p, np.tile(negative, (6, 1, 1)), in_batch=choice) for choice in ("without_negative", "always")],
    )


def _the_other_positives_are_negatives(rng: Generator) -> Any:
    q, p = rng.normal(size=(2, 6, 4))
    others = np.stack([np.delete(p, i, axis=0) for i in range(6)])
    return numerator("info_nce", q, p, similarity="dot"), numerator("info_nce", q, p, others, similarity="dot")


IDENTITIES = [
    ("info_nce without negatives is cross_entropy of all pairs", _in_batch_is_cross_entropy),
    ("info_nce in both directions is clip", _both_directions_are_clip),
    ("info_nce with shared negatives has them as each query's own", _shared_negatives_are_each_query_s_own),
    ("info_nce in a batch has the other positives as negatives", _the_other_positives_are_negatives),
]
