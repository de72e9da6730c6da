"""torch's, keras', optax', rax' and pytorch-metric-learning's own results, as claims that /check agrees with. Run by `make parity`."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from service.api.verification import check
from service.losses import LOSSES, Loss
from service.losses.naming import Equivalent, preset
from service.settings import Settings
from tests.parity import equivalents, test_equivalents, test_libraries, test_torch
from tests.parity.cases import CASES, named
from tests.parity.libraries import LINES, Line

DRAWS = 5
SETTINGS = Settings()

pytestmark = pytest.mark.filterwarnings("ignore:reduction. .mean. divides")  # of kl_div


def agree(name: str, request: dict[str, Any], claimed: dict[str, Any]) -> None:
    response = check(LOSSES[name], {"request": request, "claimed": claimed}, SETTINGS)
    assert response["agrees"], response


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", [name for name in CASES if name in LOSSES])
def test_results_of_torch(name: str, reduction: str, dtype: str) -> None:
    """Torch computes in the type of its tensors; the claim has that type."""
    for arrays, options in islice(test_torch.calls(name), DRAWS):
        typed = {key: array.astype(dtype) if array.dtype.kind == "f" else array for key, array in arrays.items()}
        tensors = test_torch.torch_tensors(name, typed)
        total = CASES[name].function(named(tensors), SimpleNamespace(**options), reduction)
        if total.isnan():
            continue  # 0 / 0 in torch, where every target is ignored
        if total.requires_grad:
            total.backward()
        gradients = {key: tensor.grad.numpy() for key, tensor in tensors.items() if tensor.grad is not None and key not in CASES[name].under_softmax}
        largest = max((float(np.abs(gradient).max(initial=0.0)) for gradient in gradients.values()), default=0.0)
        # torch rounds a whole tensor of 1e-27 beside gradients of 1 (adaptive_log_softmax's tails) to twice too little
        gradients = {key: gradient for key, gradient in gradients.items() if np.abs(gradient).max(initial=0.0) >= 1e-16 * largest}
        agree(name, {**typed, **options, "reduction": reduction}, {"value": total.detach().numpy(), "gradients": gradients})


@pytest.mark.parametrize("line", LINES, ids=str)
def test_results_of_other_libraries(line: Line) -> None:
    arrays, _ = next(test_libraries.calls(line))
    value, gradients = line.call(arrays)()
    claimed = {"value": float(value), "gradients": {key: np.asarray(gradient) for key, gradient in gradients.items()}}
    agree(line.name, {**arrays, **line.options, "reduction": line.reduction}, claimed)


RENORMALIZED = "keras.losses.SparseCategoricalCrossentropy"  # divides probabilities by their sum, which has a gradient of its own
KERAS = [(loss, equivalent) for loss, equivalent in test_equivalents.LINES if equivalent.name.startswith("keras.")]


@pytest.mark.parametrize(("loss", "equivalent"), KERAS, ids=lambda item: item.name)
def test_results_of_keras(loss: Loss, equivalent: Equivalent) -> None:
    """Its mean is one of float32, so the claim has that type; gradients are JAX's, its backend."""
    same = preset(loss, equivalent)
    options = {option.name: option.default for option in same.options}
    arrays, answer = next(test_equivalents.calls(same, equivalent))
    theirs = np.asarray(equivalents.call(loss, equivalent, arrays), np.float32)
    element = answer.per_element is not None and theirs.ndim > 1
    claimed: dict[str, Any] = {"per_element" if element else "per_sample" if theirs.ndim else "value": theirs}
    if not theirs.ndim and equivalent.name not in {*equivalents.CALLS, RENORMALIZED} and list(arrays) == ["predictions", "labels"]:
        function, labels = equivalents.function_of(equivalent), arrays["labels"]
        claimed["gradients"] = {"predictions": np.float32(jax.grad(lambda predictions: function(labels, predictions))(arrays["predictions"]))}
    agree(loss.name, {**arrays, **options, "reduction": same.reduction}, claimed)
