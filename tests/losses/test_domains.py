"""Values outside a declared domain are rejected for every loss, with the tensor, the index and what would be allowed."""

from __future__ import annotations

import math
import zlib
from dataclasses import replace

import numpy as np
import pytest

from service.losses import LOSSES, InvalidOption, InvalidTensor, Loss, compute
from service.losses.declaration import Domain, Input, TensorSpec
from service.losses.numerics import Array
from tests import required
from tests.losses import draw


def outside(form: TensorSpec) -> list[float]:
    """Numbers that this form does not allow."""
    if form.below:
        return [1e4, 0.5, -7.0]
    bad = [math.nan, math.inf] if form.kind == "real" else [0.5]
    domain: Domain = form.domain
    if domain.values:
        return [*bad, 17.0]
    if domain.low > -math.inf:
        bad.append(domain.low if domain.low_open else domain.low - 1.0)
    if domain.high < math.inf:
        bad.append(domain.high if domain.high_open else domain.high + 1.0)
    return bad


def variants(loss: Loss) -> list[Loss]:
    """The loss with one form of each input at a time, until every form has come up."""
    most = max(len(item.forms) for item in loss.inputs)
    return [replace(loss, inputs=tuple(replace(item, forms=(item.forms[k % len(item.forms)],)) for item in loss.inputs)) for k in range(most)]


@pytest.mark.parametrize("name", draw.every_loss)
def test_what_is_outside_the_domain_is_rejected_with_its_place(name: str) -> None:
    loss, rng = LOSSES[name], np.random.default_rng(zlib.crc32(name.encode()))
    for variant in variants(loss):
        arrays, options = draw.call(variant, rng)
        tried = 0
        for item in variant.inputs:
            if item.name not in arrays or not arrays[item.name].size:
                continue
            for value in outside(item.forms[0]):
                spoiled = arrays[item.name].astype(float)
                index = tuple(int(rng.integers(size)) for size in spoiled.shape)
                spoiled[index] = value
                given = {name: array for name, array in arrays.items() if name != item.forms[0].unless}  # nothing is excluded
                with pytest.raises(InvalidTensor) as caught:
                    compute(loss, given | {item.name: spoiled}, options)
                assert caught.value.pointer == (item.name, *index), f"{item.name}[{index}] = {value}: {caught.value}"
                tried += 1
        assert tried, "no input of this loss has a domain"


@pytest.mark.parametrize(("name", "item"), [(name, item) for name in draw.every_loss for item in LOSSES[name].inputs if item.forms[0].unless])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
def test_an_excluded_element_may_be_anything(name: str, item: Input, value: float) -> None:
    loss, mask = LOSSES[name], item.forms[0].unless
    rng = np.random.default_rng(zlib.crc32(f"{name} {item.name}".encode()))
    arrays: dict[str, Array] = {}
    while mask not in arrays or item.name not in arrays or arrays[mask].all():
        arrays, options = draw.call(loss, rng)
    excluded = compute(loss, arrays, options)
    anything = compute(loss, arrays | {item.name: np.where(arrays[mask] == 0, value, arrays[item.name])}, options)
    assert anything.value == excluded.value
    for wrt, gradient in (excluded.gradients or {}).items():
        np.testing.assert_array_equal(required(anything.gradients)[wrt], gradient)


@pytest.mark.parametrize("name", draw.every_loss)
def test_unequal_numbers_of_samples_are_rejected(name: str) -> None:
    loss = LOSSES[name]
    arrays, options = draw.call(loss, np.random.default_rng(zlib.crc32(name.encode())))
    given = [item.name for item in loss.inputs if item.name in arrays]
    first = loss.inputs[0].forms[0].names[0]
    alike = [item.name for item in loss.inputs[1:] if item.name in given and item.forms[0].names[0] == first]
    assert alike or len(given) == 1 or first != "n"
    for name_of in alike:
        longer = np.concatenate([arrays[name_of], arrays[name_of][:1]])
        with pytest.raises(InvalidTensor):
            compute(loss, arrays | {name_of: longer}, options)


@pytest.mark.parametrize("name", draw.every_loss)
def test_unsigned_integers_do_not_wrap(name: str) -> None:
    """2^64 - 100 is not ignore_index -100, and 2^64 - 1 is no padding: each integer of each loss is rejected at its place from 2^63 on."""
    loss, rng = LOSSES[name], np.random.default_rng(zlib.crc32(name.encode()))
    for variant in variants(loss):
        if not any(item.forms[0].kind == "integer" for item in variant.inputs):
            continue
        arrays, options = draw.call(variant, rng)
        for item in variant.inputs:
            if item.forms[0].kind != "integer" or item.name not in arrays or not arrays[item.name].size:
                continue
            for value in (2**63, 2**64 - 100, 2**64 - 2, 2**64 - 1):
                wrapped = np.abs(arrays[item.name]).astype(np.uint64)
                index = tuple(int(rng.integers(size)) for size in wrapped.shape)
                wrapped[index] = value
                with pytest.raises(InvalidTensor, match="expected an integer below 2") as caught:
                    compute(loss, arrays | {item.name: wrapped}, options)
                assert caught.value.pointer == (item.name, *index)


@pytest.mark.parametrize("ignored", [0, 1, -1])
@pytest.mark.parametrize("name", ["cross_entropy", "linear_cross_entropy"])
def test_ignore_index_beside_probabilities_is_rejected(name: str, ignored: int) -> None:
    arrays = {"predictions": np.ones((2, 3)), "labels": np.full((2, 3), 1 / 3), "linear_weight": np.ones((3, 3))}
    arrays = {item.name: arrays[item.name] for item in LOSSES[name].inputs if item.name in arrays}
    with pytest.raises(InvalidOption, match=f"ignore_index: not allowed with labels that are probabilities; .*got {ignored}"):
        compute(LOSSES[name], arrays, {"ignore_index": ignored})
