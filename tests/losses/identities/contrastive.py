"""Identities of the losses of batches of embeddings, of proxies and of two views."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES


def numerator(name: str, *tensors: Any, **options: Any) -> Any:
    return LOSSES[name](*tensors, **options).numerator


def unit(x: Any) -> Any:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


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


def _proxies(rng: Generator) -> Any:
    return rng.normal(size=(6, 4)), rng.normal(size=(3, 4)), rng.integers(0, 3, 6)


def _cosface_without_margin(rng: Generator) -> Any:
    call = _proxies(rng)
    return numerator("cosface", *call, margin=0.0, scale=20.0), numerator("normalized_softmax", *call, temperature=0.05)


def _arcface_without_margin(rng: Generator) -> Any:
    call = _proxies(rng)
    return numerator("arcface", *call, margin=0.0, scale=20.0), numerator("cosface", *call, margin=0.0, scale=20.0)


def _proxy_nca_is_normalized_softmax(rng: Generator) -> Any:
    call = _proxies(rng)
    return numerator("proxy_nca", *call, softmax_scale=3.0), numerator("normalized_softmax", *call, temperature=1.0 / 6.0)


def _normalized_softmax_is_cross_entropy(rng: Generator) -> Any:
    x, w, labels = _proxies(rng)
    return numerator("normalized_softmax", x, w, labels), numerator("cross_entropy", unit(x) @ unit(w).T / 0.05, labels)


def _center_is_half_squared_error(rng: Generator) -> Any:
    x, w, labels = _proxies(rng)
    return 2.0 * numerator("center", x, w, labels), numerator("mean_squared_error", x, w[labels])


def _barlow_of_one_view(rng: Generator) -> Any:
    x = rng.normal(size=(8, 3))
    off = np.corrcoef(x.T) - np.eye(3)
    return numerator("barlow_twins", x, x), 5e-3 * (off * off).sum(keepdims=True)[0]


def _invariance_of_vicreg(rng: Generator) -> Any:
    a, b = rng.normal(size=(2, 8, 3))
    only = numerator("vicreg", a, b, invariance_weight=1.0, variance_weight=0.0, covariance_weight=0.0)
    return 24.0 * only[0], numerator("mean_squared_error", a, b).sum()


IDENTITIES = [
    ("clip is the mean of two cross entropies", _clip_is_cross_entropy),
    ("siglip is binary cross entropy of all pairs", _siglip_is_binary_cross_entropy),
    ("supcon with one positive each is ntxent", _supcon_of_pairs_is_ntxent),
    ("npairs of different classes is cross entropy of inner products", _npairs_is_cross_entropy),
    ("decoupled_contrastive is ntxent plus the logarithm of the negatives' share", _decoupled_is_ntxent_without_the_positive),
    ("cosface with margin 0 is normalized_softmax", _cosface_without_margin),
    ("arcface with margin 0 is cosface with margin 0", _arcface_without_margin),
    ("proxy_nca(softmax_scale) is normalized_softmax(1 / (2 softmax_scale))", _proxy_nca_is_normalized_softmax),
    ("normalized_softmax is cross entropy of cosines", _normalized_softmax_is_cross_entropy),
    ("center is half the squared error to the class's center", _center_is_half_squared_error),
    ("barlow_twins of equal views is the off-diagonal correlations", _barlow_of_one_view),
    ("vicreg's invariance is mean_squared_error", _invariance_of_vicreg),
]
