"""Losses of vectors: blocks of rows change nothing, and rows that are zero, tiny, huge or alike give numbers."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from service.losses import LOSSES, Controls, compute
from service.losses.audio import spectral
from service.losses.declaration import TensorSpec
from service.losses.divergence import _shared, transport
from service.losses.metric_learning import pair_weighting, retrieval, triplets
from service.losses.numerics import Array, elementary, vectors

VECTORS = sorted(name for name, loss in LOSSES.items() if loss.bound.norm == "tensor" and loss.inputs[0].forms[0].axes != "n c ...")
UNDER_SQUARES = {
    "contrastive",
    "nca",
    "lifted_structured",
    "npairs",
    "scale_shift_invariant_depth",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "soft_dtw_divergence",
    "vicreg",
}  # losses that are infinite for vectors of 1e300

NORMALIZED = {"relational_knowledge_distillation"}  # losses of directions of differences, whose gradient is infinite for differences of 1e-316


def drawn(name: str, rows: Array) -> dict[str, Array]:
    """A call whose tensors of vectors are these rows, rolled for each tensor; with 5 classes."""
    rng, n = np.random.default_rng(0), len(rows)
    arrays: dict[str, Array] = {}
    for k, item in enumerate(item for item in LOSSES[name].inputs if item.required):
        form = item.forms[0]
        if form.kind == "integer":
            arrays[item.name] = rng.choice(sorted(form.domain.values) or 5, size=n)
        else:
            x = np.roll(rows, 3 * k, axis=0)
            arrays[item.name] = shaped(form, x)
    return arrays | ({"fft_sizes": np.array([4, 3])} if name == "multi_resolution_stft" else {})


def shaped(form: TensorSpec, x: Array) -> Array:
    """The rows, or some of them, in the form."""
    match form.axes.split():
        case ["c", "k", "d"]:
            return x[:10].reshape(5, 2, -1)
        case ["n", "s", "t"]:
            return x.reshape(len(x), 2, -1)
        case ["n", _, "d"]:
            return x[: len(x) // 3 * 3].reshape(-1, 3, x.shape[1])
        case ["c" | "l", "d"]:
            return x[:5]
        case ["b"]:
            return np.array([0.5, 2.0], x.dtype)
        case ["n"]:
            return np.arange(len(x)).astype(x.dtype) % 5
    return x


def evaluated(name: str, arrays: dict[str, Array], options: dict[str, Any] | None = None) -> list[Array]:
    answer = compute(LOSSES[name], arrays, options or {}, Controls(reduction="sum"))
    assert answer.per_sample is not None
    return [answer.per_sample, *(answer.gradients or {}).values()]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", VECTORS)
def test_blocks_of_rows_change_nothing(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = drawn(name, np.random.default_rng(1).normal(size=(37, 6)).astype(dtype))
    whole = evaluated(name, arrays)
    for module in (vectors, elementary, triplets, pair_weighting, spectral, _shared, transport):
        monkeypatch.setattr(module, "BLOCK", 80)
    monkeypatch.setattr(retrieval, "SEGMENT", 80)
    for ours, theirs in zip(evaluated(name, arrays), whole, strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=scale * (1e-13 if dtype == "float64" else 1e-6))


@pytest.mark.parametrize("size", [1.0, 1e-300, 1e300])
@pytest.mark.parametrize("name", VECTORS)
def test_zero_tiny_huge_and_equal_rows_give_numbers(name: str, size: float) -> None:
    """Also rows that differ by 1 in their last place."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(24, 4))
    rows[4:8] = np.nextafter(rows[:4], np.inf)
    rows[8:12], rows[12:16], rows[16] = rows[:4], -3.0 * rows[:4], 0.0
    if LOSSES[name].family == "audio":
        rows[8:] = rng.normal(size=(16, 4))  # signals in proportion are infinitely good, silent ones infinitely bad
    scale = np.where(np.arange(24) % 2, 1.0, size)[:, None]
    with np.errstate(all="ignore"):
        evaluation = LOSSES[name](**drawn(name, rows * scale))
        gradients = [pullback(np.ones_like(evaluation.numerator)) for pullback in evaluation.gradients.values()]
    assert not np.isnan(evaluation.numerator).any()
    if size > 1 and name in UNDER_SQUARES:
        return
    assert np.isfinite(evaluation.numerator).all()
    if size < 1 and name in NORMALIZED:
        return
    for gradient in gradients:
        assert np.isfinite(gradient).all()


def test_a_batch_of_thousands_stays_within_some_matrices_of_pairs() -> None:
    """No array of n x n x d: the peak is a few matrices (n, n) of float64."""
    n, d = 1500, 32
    x, labels = np.random.default_rng(3).normal(size=(n, d)), np.arange(n) // 4
    for name, matrices in (("ntxent", 3), ("supcon", 3), ("circle", 3), ("multi_similarity", 3), ("batch_hard_triplet", 5), ("koleo", 1)):
        arrays = {"embeddings": x} | ({} if name == "koleo" else {"labels": labels})
        tracemalloc.start()
        compute(LOSSES[name], arrays, {})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < matrices * 8 * n * n, f"{name} takes {peak / (8 * n * n):.1f} matrices"


def test_differences_of_squares_beyond_the_largest_double_keep_their_sign() -> None:
    """Their terms overflow with both signs: a sum in order of these is NaN on some processors, and has the sign of the first one on others."""
    rng = np.random.default_rng(3)
    whole, reference = rng.integers(-3, 4, size=(40, 3)), rng.integers(0, 40, size=40)
    squares = ((whole[:, None] - whole[None]) ** 2).sum(axis=2)
    beyond = squares - squares[np.arange(40), reference][:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        found = vectors.AllDistances(whole * 2.0**600, "squared_euclidean").squares_beyond(reference)
    np.testing.assert_array_equal(found, np.where(beyond == 0, 0.0, np.copysign(np.inf, beyond)))
