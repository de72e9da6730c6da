"""The quick way of cosines and triplets agrees with the exact one, where rows are many and of all kinds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator

from service.losses import LOSSES, compute
from service.losses.numerics import Array, ordinary
from service.losses.reduction import Controls

KINDS = ("normal", "sparse", "near ties", "parallel", "of all sizes", "few columns", "at right angles")


def vectors(kind: str, rng: Generator, dtype: str, n: int = 700) -> list[Array]:
    d = 2 if kind == "few columns" else 48
    x = [rng.normal(size=(n, d)) for _ in range(3)]
    if kind == "sparse":
        x = [np.maximum(v, 0.0) for v in x]
    elif kind == "near ties":
        x = [x[0], x[1], x[1] + 2.0 ** -rng.integers(8, 60, size=(n, 1)) * x[2]]
    elif kind == "parallel":
        x = [x[0], x[0] + 2.0 ** -rng.integers(4, 60, size=(n, 1)) * x[1], -3.0 * x[0]]
    elif kind == "of all sizes":
        x = [v * 2.0 ** rng.integers(-30, 3, size=(n, 1)) for v in x]
    elif kind == "at right angles":
        x[1][:, ::2], x[0][:, 1::2] = 2.0 ** -rng.integers(8, 60, size=(n, 1)) * x[1][:, ::2], 0.0
    return [v.astype(dtype) for v in x]


@pytest.mark.parametrize("extended", [np.longdouble, np.float64], ids=["extended", "without"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["cosine_embedding", "triplet_margin"])
def test_it_agrees_with_the_exact_way(name: str, dtype: str, kind: str, extended: type, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    rows = vectors(kind, rng, dtype)
    values = [*rows[:2], rng.choice((-1, 1), size=len(rows[0]))] if name == "cosine_embedding" else rows
    loss = LOSSES[name]
    tensors = dict(zip((item.name for item in loss.inputs), values, strict=True))
    monkeypatch.setattr(ordinary, "EXTENDED", extended)
    quick = compute(loss, tensors, {}, Controls(reduction="sum"))
    monkeypatch.setattr(ordinary, "RANGE", (np.inf, -np.inf))
    given = {key: value.astype(np.float64) if value.dtype.kind == "f" else value for key, value in tensors.items()}
    options = {"eps": float(np.dtype(dtype).type(1e-6))} if name == "triplet_margin" else {}
    exact = compute(loss, given, options, Controls(reduction="sum"))
    info = np.finfo(dtype)
    bounds = (1e-14, 8e-13 if name == "triplet_margin" else 1e-13) if dtype == "float64" else (2 * info.eps, 2 * info.eps)
    np.testing.assert_allclose(quick.per_sample, exact.per_sample, rtol=bounds[0], atol=info.tiny)
    assert quick.gradients
    assert exact.gradients
    for key, gradient in exact.gradients.items():
        np.testing.assert_allclose(quick.gradients[key], gradient, rtol=bounds[1], atol=info.tiny)
