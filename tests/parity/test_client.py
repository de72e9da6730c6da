"""The client's torch module and jax function, against a real server: gradients, dtypes, copies, forks, autocast and compilation."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from loss_client import Client
from loss_client.torch import Loss

from service.losses import LOSSES, Controls, compute
from tests.losses import draw

DRAWS = 12
every_loss = pytest.mark.parametrize("name", [name for name in draw.every_loss if LOSSES[name].differentiable])


@pytest.fixture(scope="module")
def service(server: str) -> Iterator[Client]:
    with Client(server) as opened:
        yield opened


def calls(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], list[str]]]:
    """Random tensors and options of a loss, and the inputs that have a gradient in this call."""
    for number in range(DRAWS):
        arrays, options = draw.call(LOSSES[name], np.random.default_rng([zlib.crc32(name.encode()), number]))
        found = LOSSES[name](**arrays, **options).gradients
        wrt = [key for key in found if key in arrays and arrays[key].dtype.kind == "f"]
        if wrt:
            yield arrays, options, wrt


@every_loss
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_gradcheck(service: Client, name: str, reduction: str) -> None:
    tried = 0
    for arrays, options, wrt in calls(name):
        loss = Loss(service, name, reduction=reduction, **options)
        tensors = {key: torch.tensor(array, requires_grad=key in wrt) for key, array in arrays.items()}
        keys = list(tensors)
        try:
            torch.autograd.gradcheck(lambda *given: loss(**dict(zip(keys, given))), tuple(tensors.values()), fast_mode=True, atol=1e-4)
            return
        except Exception as e:
            print(name, reduction, str(e)[:300])
            tried+=1
    assert False
