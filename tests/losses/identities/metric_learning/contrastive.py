from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from tests.losses.identities._shared import numerator
from tests.losses.identities.metric_learning._shared import unit


def _clip_is_cross_entropy(rng: Generator) -> Any:
    a, b = rng.normal(size=(2, 6, 4))
    logits = unit(a) @ unit(b).T * 20.0
    both = (numerator("cross_entropy", x, np.arange(6)) for x in (logits, logits.T))
    return numerator("clip", a, b, logit_scale=np.array([20.0])), 0.5 * sum(both)


def _siglip_is_binary_cross_entropy(rng: Generator) -> Any:
    a, b = rng.normal(size=(2, 6, 4))
    return numerator("siglip", a, b), numerator("binary_cross_entropy_with_logits", unit(a) @ unit(b).T * 10.0 - 10.0, np.eye(6))


def _supcon_of_pairs_is_ntxent(rng: Generator) -> Any:
    x, labels = rng.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 2])
    return numerator("supcon", x, labels, temperature=0.3), numerator("ntxent", x, labels, temperature=0.3)


def _npairs_is_cross_entropy(rng: Generator) -> Any:
    a, p = rng.normal(size=(2, 6, 4))
    return numerator("npairs", a, p, np.arange(6)), numerator("cross_entropy", a @ p.T, np.arange(6))


def _decoupled_is_ntxent_without_the_positive(rng: Generator) -> Any:
    a, b = rng.normal(size=(2, 6, 4))
    whole = numerator("ntxent", np.concatenate((a, b)), np.tile(np.arange(6), 2), temperature=0.5)
    share = 1.0 - np.exp(-whole)  # of the negatives in the denominator
    return numerator("decoupled_contrastive", a, b, temperature=0.5), 0.5 * (whole + np.log(share)).reshape(2, 6).sum(axis=0)


IDENTITIES = [
    ("clip is the mean of two cross entropies", _clip_is_cross_entropy),
    ("siglip is binary cross entropy of all pairs", _siglip_is_binary_cross_entropy),
    ("supcon with one positive each is ntxent", _supcon_of_pairs_is_ntxent),
    ("npairs of different classes is cross entropy of inner products", _npairs_is_cross_entropy),
    ("decoupled_contrastive is ntxent plus the logarithm of the negatives' share", _decoupled_is_ntxent_without_the_positive),
]
