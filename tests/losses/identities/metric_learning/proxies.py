from __future__ import annotations

from typing import Any

from numpy.random import Generator

from tests.losses.identities._shared import numerator
from tests.losses.identities.metric_learning._shared import rows, unit, value_of_metric


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


def _one_center(rng: Generator) -> Any:
    (x, _), w, y = rows(rng, 2), rng.normal(size=(3, 5)), rng.integers(0, 3, 6)
    return value_of_metric("subcenter_arcface", x, w[:, None], y), value_of_metric("arcface", x, w, y)


IDENTITIES = [
    ("cosface with margin 0 is normalized_softmax", _cosface_without_margin),
    ("arcface with margin 0 is cosface with margin 0", _arcface_without_margin),
    ("proxy_nca(softmax_scale) is normalized_softmax(1 / (2 softmax_scale))", _proxy_nca_is_normalized_softmax),
    ("normalized_softmax is cross entropy of cosines", _normalized_softmax_is_cross_entropy),
    ("center is half the squared error to the class's center", _center_is_half_squared_error),
    ("subcenter_arcface with one vector a class is arcface", _one_center),
]
