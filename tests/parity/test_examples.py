"""The torch example: a model that trains with the remote loss, step for step as with torch's own."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch

from examples import remote_loss


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "sum"}])
def test_a_model_trains_with_the_remote_loss_as_with_the_local_one(server: str, options: dict[str, object]) -> None:
    local = remote_loss.train(torch.nn.CrossEntropyLoss(**options))
    with contextlib.closing(remote_loss.RemoteLoss(server, "cross_entropy", **options)) as loss:
        remote = remote_loss.train(loss)
    assert remote[-1] < 0.6 * remote[0]
    assert np.allclose(remote, local, rtol=1e-10, atol=0)
