"""The merged answers of a batch's shards are the answer of the batch."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from loss_client import Client, merge
from loss_client.answer import sample_axes

from service.losses import LOSSES
from tests.losses import draw
from tests.losses.test_conformance import MERGING, SELDOM

X, Y = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 4
OUTPUTS = ["value", "per_sample", "gradients"]


def shards(card: Any, tensors: dict[str, Any]) -> list[dict[str, Any]]:
    """The tensors of the first sample, and of all others."""
    axes = sample_axes(card)

    def cut(name: str, tensor: Any, part: int) -> Any:
        axis = axes[name]
        return tensor if axis is None else np.split(tensor, [1], axis=axis)[part]

    return [{name: cut(name, tensor, part) for name, tensor in tensors.items()} for part in (0, 1)]


@pytest.mark.parametrize("name", [name for name in draw.every_loss if LOSSES[name].merges and name not in SELDOM])
def test_every_loss_that_merges(client: Client, name: str) -> None:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    tensors, options = draw.call(LOSSES[name], rng)
    options |= MERGING.get(name, {}) | dict(LOSSES[name].merging)
    for reduction in ("mean", "sum", "none", "batchmean"):
        fields = {**options, "reduction": reduction}
        whole = client(name, **tensors, **fields)
        merged = merge([client(name, **shard, **fields) for shard in shards(client.card(name), tensors)])
        assert vars(merged).keys() == vars(whole).keys() - {"state"}
        for output in ("value", "normalizer", "per_sample"):
            if hasattr(whole, output):
                np.testing.assert_allclose(getattr(merged, output), getattr(whole, output), rtol=1e-12, atol=1e-14)
        for output in ("gradients", "parts"):
            for key, expected in getattr(whole, output, {}).items():
                scale = np.abs(expected).max(initial=0)
                np.testing.assert_allclose(getattr(merged, output)[key], expected, rtol=1e-11, atol=1e-12 * (1 + scale))


def test_outputs_on_request(client: Client) -> None:
    fields = {"outputs": ["per_element", "hessian_diagonal", "gradients"], "wrt": ["predictions"]}
    whole = client("mse", X, X * 2, **fields)
    merged = merge([client("mse", X[:1], X[:1] * 2, **fields), client("mse", X[1:], X[1:] * 2, **fields)])
    np.testing.assert_allclose(merged.per_element, whole.per_element)
    np.testing.assert_allclose(merged.hessian_diagonal["predictions"], whole.hessian_diagonal["predictions"])
    assert not hasattr(merged, "value")


def test_everything_ignored(client: Client) -> None:
    answer = client.cross_entropy(X, Y * 0 - 100)
    assert merge([answer, answer]).value == 0
    assert merge([answer, client.cross_entropy(X, Y)]).value == client.cross_entropy(X, Y).value


def test_a_combination(client: Client) -> None:
    def call(rows: slice) -> Any:
        inputs = [{"predictions": X[rows], "labels": Y[rows], "weight": [1, 2, 3, 4]}, {"predictions": X[rows], "labels": X[rows] * 3}]
        return client.combination([{"loss": "cross_entropy", "weight": 0.5, "inputs": inputs[0]}, {"loss": "l1", "weight": 2, "inputs": inputs[1]}])

    whole, merged = call(slice(None)), merge([call(slice(2)), call(slice(2, 6))])
    assert merged.value == pytest.approx(whole.value, rel=1e-14)
    for found, expected in zip(merged.terms, whole.terms, strict=True):
        assert found.name == expected.name
        assert found.normalizer == pytest.approx(expected.normalizer)
        np.testing.assert_allclose(found.gradients["predictions"], expected.gradients["predictions"], rtol=1e-13)


def test_what_does_not_merge_is_rejected(client: Client) -> None:
    pairs = client.supcon(X, Y % 2)
    learnt = client.combination([{"loss": "mse", "inputs": {"predictions": X, "labels": X}}], weighting="uncertainty", log_variances=[0.5])
    for unlike in (
        [pairs, pairs],
        [learnt, learnt],
        [client("mse", X, X), client("mse", X, X, reduction="sum")],
        [client("mse", X, X), client("l1", X, X)],
    ):
        with pytest.raises(ValueError, match="does not merge over these"):
            merge(unlike)
