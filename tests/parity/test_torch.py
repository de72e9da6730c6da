"""torch's answers: value, elements and gradients of every torch.nn loss, over random calls drawn from our declarations.

Run by `make parity`, in an environment that has torch.
"""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from service.losses import LOSSES, Controls, compute
from service.losses.declaration import Reduction
from tests import required
from tests.losses import draw
from tests.parity.cases import ALIASES, CASES, OURS_ALONE, named

WANTED = "2.13.0"
DRAWS = 40
ATTEMPTS = 2000

pytestmark = pytest.mark.filterwarnings("ignore:reduction. .mean. divides")  # of kl_div


def test_the_version_is_the_one_compared() -> None:
    assert torch.__version__.partition("+")[0] == WANTED


def calls(name: str) -> Any:
    case, loss = CASES[name], LOSSES[name]
    found = 0
    for number in range(ATTEMPTS):
        arrays, options = draw.call(loss, np.random.default_rng([zlib.crc32(name.encode()), number]))
        arrays = case.prepared({key: array for key, array in arrays.items() if key not in OURS_ALONE})
        if case.usable(named(arrays), SimpleNamespace(**options)):
            yield arrays, options
            found += 1
        if found == DRAWS:
            return
    raise AssertionError(f"only {found} calls that torch can answer in {ATTEMPTS}")


def torch_tensors(name: str, arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Leaves that collect gradients where our loss has one."""
    wanted = set(LOSSES[name].differentiable)
    return {key: torch.tensor(array, requires_grad=key in wanted and array.dtype.kind == "f") for key, array in arrays.items()}


def close(name: str, ours: Any, theirs: Any, said: Any) -> None:
    within = CASES[name].within
    theirs = np.asarray(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=within, atol=within * max(1.0, np.abs(theirs).max(initial=0.0)), err_msg=str(said))


def projected(gradient: Any, predictions: Any) -> Any:
    """The gradient by scores, from that by their log-softmax."""
    return gradient - np.exp(predictions) * gradient.sum(-1, keepdims=True)


@pytest.mark.parametrize("name", [name for name in CASES if name in LOSSES])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_value_and_gradients(name: str, reduction: Reduction) -> None:
    case, loss = CASES[name], LOSSES[name]
    compared = set()
    for arrays, options in calls(name):
        tensors = torch_tensors(name, arrays)
        total = case.function(named(tensors), SimpleNamespace(**options), reduction)
        if total.isnan():
            continue  # 0 / 0 in torch, where every target is ignored; ours is 0, as in keras and optax
        wrt = tuple(key for key, tensor in tensors.items() if tensor.requires_grad)
        answer = compute(loss, arrays, options, Controls(reduction=reduction, wrt=wrt))
        close(name, answer.value, total.item(), (arrays, options))
        if total.requires_grad:
            total.backward()
        for key in wrt:
            theirs = np.zeros_like(arrays[key]) if tensors[key].grad is None else tensors[key].grad.numpy()
            ours = required(answer.gradients)[key]
            if key in case.under_softmax:
                ours, theirs = projected(ours, arrays[key]), projected(theirs, arrays[key])
            close(name, ours, theirs, (key, arrays, options))
            compared.add(key)
    assert compared == set(loss.differentiable)


@pytest.mark.parametrize("name", [name for name in CASES if name in LOSSES])
def test_elements(name: str) -> None:
    """per_element is torch's reduction "none"."""
    for arrays, options in calls(name):
        theirs = CASES[name].function(named(torch_tensors(name, arrays)), SimpleNamespace(**options), "none").detach().numpy()
        ours = required(compute(LOSSES[name], arrays, options, Controls(outputs=("per_element",), reduction="sum")).per_element)
        assert ours.shape == theirs.shape
        close(name, ours, theirs, (arrays, options))


@pytest.mark.parametrize("name", [name for name in CASES if name in LOSSES])
def test_gradients_of_elements(name: str) -> None:
    """A cotangent of elements is autograd's of reduction "none", class weights included; per_sample is the mean of those elements that count."""
    for number, (arrays, options) in enumerate(calls(name)):
        tensors = torch_tensors(name, arrays)
        theirs = CASES[name].function(named(tensors), SimpleNamespace(**options), "none")
        cotangent = np.random.default_rng(number).normal(size=theirs.shape)
        wrt = tuple(key for key, tensor in tensors.items() if tensor.requires_grad)
        answer = compute(LOSSES[name], arrays, options, Controls("none", cotangent=cotangent, wrt=wrt))
        if theirs.ndim == 1:
            close(name, answer.per_sample, theirs.detach().numpy(), (arrays, options))
        if theirs.requires_grad:
            theirs.backward(torch.tensor(cotangent))
        for key in wrt:
            expected = np.zeros_like(arrays[key]) if tensors[key].grad is None else tensors[key].grad.numpy()
            ours = required(answer.gradients)[key]
            if key in CASES[name].under_softmax:
                ours, expected = projected(ours, arrays[key]), projected(expected, arrays[key])
            close(name, ours, expected, (key, arrays, options))


def test_batchmean_of_kl_divergence() -> None:
    name = "kl_divergence"
    for arrays, options in calls(name):
        theirs = CASES[name].function(named(torch_tensors(name, arrays)), SimpleNamespace(**options), "batchmean")
        close(name, compute(LOSSES[name], arrays, options, Controls(reduction="batchmean")).value, theirs.item(), (arrays, options))


def test_every_loss_of_torch_has_a_line() -> None:
    theirs = {name for name in dir(torch.nn) if name.endswith("Loss")} | set(torch.nn.modules.loss.__all__)
    missing = theirs - {case.torch_class for case in CASES.values()} - ALIASES
    assert not missing, f"torch.nn losses without a line in cases.py: {', '.join(sorted(missing))}"


def test_every_line_has_its_loss() -> None:
    missing = CASES.keys() - LOSSES.keys()
    assert not missing, f"lines in cases.py without a loss: {', '.join(sorted(missing))}"
