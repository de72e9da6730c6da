"""Cards, search and check."""

from __future__ import annotations

import asyncio
from typing import Any

import loss_client
import numpy as np
import pytest
from loss_client import AsyncClient, Client

X, Y = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 4


def test_a_card(client: Client) -> None:
    card = client.card("MSELoss")
    assert card["name"] == "mean_squared_error"
    assert [item["name"] for item in card["inputs"]] == ["predictions", "labels", "weight"]
    with pytest.raises(loss_client.UnknownLoss):
        client.card("no such loss?")


def test_search(client: Client) -> None:
    assert client.search("smooth l1")[0]["name"] == "smooth_l1"


def test_check(server: str, client: Client) -> None:
    answer = client.cross_entropy(X, Y, label_smoothing=0.1)
    claimed = {"value": answer.value, "per_sample": answer.per_sample, "gradients": answer.gradients}
    assert client.check("cross_entropy", X, Y, claimed=claimed, label_smoothing=0.1)["agrees"]
    wrong = client.check("cross_entropy", X, labels=Y, claimed=np.float64(answer.value), tolerance=1e-6)
    assert not wrong["agrees"]
    assert wrong["would_agree_with"][0]["change"] == {"label_smoothing": 0.1}

    async def main() -> Any:
        async with AsyncClient(server) as other:
            return await other.check("cross_entropy", X, Y, claimed=answer.value, tolerance=1e-6)

    assert asyncio.run(main()) == wrong
