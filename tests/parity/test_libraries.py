"""Values and gradients of optax, rax and pytorch-metric-learning, over random calls drawn from our declarations. Run by `make parity`."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.losses import LOSSES, Controls, InvalidTensor, compute
from tests.losses import draw
from tests.parity.libraries import LINES, Line

DRAWS = 3  # JAX compiles each anew
ATTEMPTS = 100


def calls(line: Line) -> Any:
    """Tensors that both take and to which we have a finite answer."""
    loss = LOSSES[line.name]
    options = {option.name: option.default for option in loss.options} | dict(line.options)
    inputs = tuple(
        replace(item, forms=item.forms[:1]) for item in draw.inputs_under(loss, options, ignoring=False) if item.required or item.name in line.extra
    )
    found = 0
    for number in range(ATTEMPTS):
        arrays = line.prepared(draw.tensors(inputs, np.random.default_rng([zlib.crc32(str(line).encode()), number])))
        if not line.usable(arrays):
            continue
        try:
            answer = compute(loss, arrays, options, Controls(reduction=line.reduction))
        except InvalidTensor:
            continue
        yield arrays, answer
        found += 1
        if found == DRAWS:
            return
    raise AssertionError(f"only {found} calls in {ATTEMPTS}")


def close(line: Line, ours: Any, theirs: Any, said: Any) -> None:
    theirs = np.asarray(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=line.within, atol=line.within * max(1.0, np.abs(theirs).max(initial=0.0)), err_msg=str(said))


@pytest.mark.parametrize("line", LINES, ids=str)
def test_values_and_gradients(line: Line) -> None:
    for arrays, answer in calls(line):
        value, gradients = line.call(arrays)()
        close(line, answer.value, value, arrays)
        assert gradients.keys() == answer.gradients.keys()
        for name, gradient in gradients.items():
            close(line, answer.gradients[name], gradient, (name, arrays))
