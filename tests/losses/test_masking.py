"""Void positions, for every loss that takes a mask or a label to ignore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from service.losses import LOSSES, Controls, Loss, compute
from service.losses.numerics import Array
from tests import required
from tests.losses import draw
from tests.losses.test_conformance import DRAWS, generator

IGNORED = -100
MASKED = sorted(loss.name for loss in LOSSES.values() if "mask" in {item.name for item in loss.inputs})
IGNORING = sorted(name for name in MASKED if "ignore_index" in {option.name for option in LOSSES[name].options})


def masked_calls(name: str) -> Iterator[tuple[dict[str, Array], dict[str, Any]]]:
    loss = LOSSES[name]
    for number in range(DRAWS):
        arrays, options = draw.call(loss, generator(name, number))
        if "mask" in arrays and not arrays["mask"].all():
            yield arrays, options


def excluded(array: Array, mask: Array) -> Array:
    """The elements of an array that the mask excludes; the mask may lack the class axis."""
    kept = mask == 1 if mask.ndim == array.ndim else (mask == 1)[:, None]
    return np.broadcast_to(~kept, array.shape)


@pytest.mark.parametrize("name", [name for name in MASKED if LOSSES[name].family in ("classification", "segmentation", "distillation", "divergence")])
def test_excluded_elements_have_no_effect(name: str) -> None:
    """Neither value, normalizer nor gradients depend on what a mask excludes, whose gradient is 0."""
    tried = 0
    for arrays, options in masked_calls(name):
        loss, mask, rng = LOSSES[name], arrays["mask"], np.random.default_rng(0)
        if options.get("activation") == "softmax" and mask.ndim == arrays["predictions"].ndim:
            continue  # a class excluded is still in the softmax of the others
        real = [key for key in loss.differentiable if key in arrays and arrays[key].dtype.kind == "f"]
        shuffled = arrays | {key: np.where(excluded(arrays[key], mask), rng.permuted(arrays[key]), arrays[key]) for key in real}
        one, two = (compute(loss, tensors, options) for tensors in (arrays, shuffled))
        assert one.normalizer == two.normalizer
        assert one.value == pytest.approx(two.value, rel=1e-12, abs=1e-15)
        for key, gradient in required(one.gradients).items():
            assert not gradient[excluded(gradient, mask)].any()
            np.testing.assert_allclose(required(two.gradients)[key], gradient, rtol=1e-9, atol=1e-14)
        tried += 1
    assert tried


@pytest.mark.parametrize("name", IGNORING)
def test_a_label_to_ignore_is_a_mask(name: str) -> None:
    loss: Loss = LOSSES[name]
    tried = 0
    for arrays, options in masked_calls(name):
        labels, mask = arrays["labels"], arrays["mask"]
        if mask.ndim > labels.ndim:
            continue
        options = options | {"ignore_index": IGNORED}
        ignoring = {key: array for key, array in arrays.items() if key != "mask"}
        ignoring["labels"] = np.where(excluded(labels, mask), IGNORED, labels)
        one, two = (compute(loss, tensors, options, Controls("mean", wrt=loss.predicted)) for tensors in (arrays, ignoring))
        assert (one.value, one.normalizer) == (two.value, two.normalizer)
        for key, gradient in required(one.gradients).items():
            np.testing.assert_array_equal(required(two.gradients)[key], gradient)
        tried += 1
    assert tried


@pytest.mark.parametrize("name", IGNORING)
def test_everything_ignored_has_the_value_and_the_normalizer_zero(name: str) -> None:
    loss = LOSSES[name]
    arrays, options = draw.call(loss, generator(name, 0))
    arrays["mask"] = np.zeros(arrays["predictions"].shape[:1] + arrays["predictions"].shape[2:], int)
    if loss.inputs[0].forms[0].names[:2] != ("n", "c"):
        arrays["mask"] = np.zeros(arrays["predictions"].shape, int)
    if name == "token_cross_entropy":
        arrays["mask"] = np.zeros(arrays["labels"].shape, int)
    answer = compute(loss, arrays, options)
    assert answer.value == 0.0
    assert not required(answer.gradients)["predictions"].any()
    assert answer.normalizer == 0.0 or name == "lovasz_softmax"  # Berman's code counts such an image
