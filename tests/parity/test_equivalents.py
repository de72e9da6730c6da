"""Every line of `Equivalents`: the library's default call gives the number of POST /loss/<the library's name>. Run by `make parity`."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from service.losses import LOSSES, Controls, InvalidOption, InvalidTensor, Loss, NonFinite, Result, compute
from service.losses.naming import LIBRARIES, Equivalent, preset
from service.losses.reduction import Output
from tests.losses import draw
from tests.parity import equivalents

DRAWS = 3
ATTEMPTS = 300
LINES = [(loss, equivalent) for loss in LOSSES.values() for equivalent in loss.equivalents]


def calls(loss: Loss, equivalent: Equivalent) -> Iterator[tuple[dict[str, Any], Result]]:
    """Tensors that both take and to which we have a finite answer."""
    options = {option.name: option.default for option in loss.options}
    inputs = tuple(replace(item, forms=item.forms[:1]) for item in draw.inputs_under(loss, options, ignoring=False) if item.required)
    prepared = equivalents.PREPARED.get(equivalent.name, equivalents.PREPARED.get(loss.name, dict))
    found = 0
    for number in range(ATTEMPTS):
        arrays = draw.tensors(inputs, np.random.default_rng([zlib.crc32(equivalent.name.encode()), number]))
        if not all(array.size for array in arrays.values()) or not equivalents.usable(equivalent.name, arrays):
            continue
        arrays = prepared(arrays)
        try:
            answer = answer_of(loss, arrays)
        except (InvalidTensor, NonFinite):
            continue
        yield arrays, answer
        found += 1
        if found == DRAWS:
            return
    raise AssertionError(f"only {found} calls in {ATTEMPTS}")


def answer_of(loss: Loss, arrays: dict[str, Any]) -> Result:
    """Our default call, with the elements where the loss has them."""
    options = {option.name: option.default for option in loss.options}
    outputs: tuple[Output, ...] = ("value", "per_sample", "per_element")
    try:
        return compute(loss, arrays, options, Controls(loss.reduction, outputs=outputs))
    except InvalidOption:
        return compute(loss, arrays, options, Controls(loss.reduction, outputs=outputs[:2]))


def number(answer: Result, shape: tuple[int, ...]) -> Any:
    """Return the part of our answer that the library returns: the value, the losses of samples, or those of elements."""
    if shape == ():
        return answer.value
    return (
        answer.per_element
        if answer.per_element is not None and answer.per_element.shape == shape and answer.reduction != "sum"
        else answer.per_sample
    )


@pytest.mark.parametrize(("loss", "equivalent"), LINES, ids=lambda item: item.name)
def test_the_default_call_gives_the_number_of_the_library(loss: Loss, equivalent: Equivalent) -> None:
    within = equivalents.WITHIN.get(equivalent.name, equivalents.WITHIN.get(equivalent.name.rpartition(".")[0], 1e-12))
    for arrays, answer in calls(preset(loss, equivalent), equivalent):
        theirs = equivalents.call(loss, equivalent, arrays)
        ours = np.asarray(number(answer, theirs.shape))
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=within, atol=within * max(1.0, np.abs(theirs).max(initial=0.0)), err_msg=str(arrays))


@pytest.mark.parametrize("name", equivalents.WITHOUT_EPSILON)
def test_the_epsilon_of_a_library_is_all_that_it_differs_by(name: str) -> None:
    """The tolerances above 1e-6 in WITHIN have this reason alone. MONAI keeps a weight in float32."""
    within = 1e-6 if name.startswith("monai") else 1e-12
    loss, equivalent = next(line for line in LINES if line[1].name == name)
    made = getattr(equivalents.library(name.rpartition(".")[0]), equivalent.bare)
    for arrays, answer in calls(preset(loss, equivalent), equivalent):
        tensors = SimpleNamespace(**{key: torch.from_numpy(array.copy()) for key, array in arrays.items()})
        theirs = np.asarray(equivalents.WITHOUT_EPSILON[name](made, tensors))
        if np.isfinite(theirs).all():  # 0 / 0 without it
            np.testing.assert_allclose(number(answer, theirs.shape), theirs, rtol=within, atol=within, err_msg=str(arrays))


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_public_loss_has_a_line_or_a_reason(library: str) -> None:
    declared = {equivalent.name for _, equivalent in LINES} | {name for loss in LOSSES.values() for name in loss.unlike}
    found = set(equivalents.public(library))
    assert found, "the pattern matches"
    assert found <= declared | set(equivalents.ELSEWHERE), "a line beside a loss, or a reason in ELSEWHERE"
    assert not declared & set(equivalents.ELSEWHERE)
    of_library = {name for name in declared | set(equivalents.ELSEWHERE) if name.rpartition(".")[0] == library}
    assert of_library <= found, "no name that the library does not have"
