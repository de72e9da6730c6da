"""The benchmark has a call for every loss: whoever adds one whose inputs owe something to each other says so in FITTED."""

from __future__ import annotations

import pytest

from service.losses import LOSSES
from tests.benchmarks import core


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_has_a_call(name: str) -> None:
    arrays = core.sized(LOSSES[name], core.ROWS_OF.get(name, core.ROWS)[0], "float32")
    assert arrays.keys() >= {item.name for item in LOSSES[name].inputs if item.required}
