"""Claims checked against every loss of the registry: right ones, and ones with a planted fault."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from service.api.verification import check
from service.losses import LOSSES, Answer, Controls, compute
from service.settings import Settings
from tests.losses import draw

SETTINGS = Settings(search_seconds=30)  # a busy machine cuts no search here
NO_SEARCH = Settings(search_elements=1)
every_loss = pytest.mark.parametrize("name", draw.every_loss)


@cache
def drawn(name: str, dtype: str = "float64") -> tuple[dict[str, Any], Answer]:
    """Return a random request and the response to it."""
    arrays, options = draw.call(LOSSES[name], np.random.default_rng([zlib.crc32(name.encode()), 20]), dtype)
    return {**arrays, **options}, compute(LOSSES[name], arrays, options)


def claim(answer: Answer) -> dict[str, Any]:
    """Return a response's value, per-sample losses and gradients, as copies."""
    copies = {name: gradient.copy() for name, gradient in (answer.gradients or {}).items()}
    return {"value": answer.value, "per_sample": np.array(answer.per_sample), "gradients": copies}


def checked(name: str, request: Mapping[str, Any], claimed: Mapping[str, Any], settings: Settings = SETTINGS) -> dict[str, Any]:
    return check(LOSSES[name], {"request": dict(request), "claimed": dict(claimed)}, settings)


def changes(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [hint["change"] for hint in response["would_agree_with"]]


@every_loss
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_claim_agrees(name: str, dtype: str) -> None:
    request, answer = drawn(name, dtype)
    response = checked(name, request, claim(answer))
    assert response["agrees"]
    assert response["would_agree_with"] == []
    assert all(output["disagreeing"] == 0 for output in response["outputs"].values())


@every_loss
def test_float32_results_agree_with_a_float64_request(name: str) -> None:
    """Somebody's float32 results, sent with their type, are held to what float32 holds."""
    request, answer = drawn(name)
    narrow = {"per_sample": np.float32(answer.per_sample), "gradients": {key: np.float32(array) for key, array in answer.gradients.items()}}
    response = checked(name, request, {"value": float(np.float32(answer.value)), **narrow})
    assert response["agrees"]
    assert 1e-4 < response["tolerance"] < 1e-3


@every_loss
def test_twice_the_value_is_found_and_named(name: str) -> None:
    request, answer = drawn(name)
    claimed = claim(answer) | {"value": 2 * answer.value}
    response = checked(name, request, claimed)
    assert response["agrees"] == (answer.value == 0)
    if answer.value:
        assert {key for key, output in response["outputs"].items() if not output["agrees"]} == {"value"}
        assert response["outputs"]["value"]["first"] == {"at": [], "claimed": 2 * answer.value, "expected": answer.value}
        assert any(change == {"factor": 2.0} for change in changes(response))


@every_loss
def test_twice_everything_is_a_factor(name: str) -> None:
    request, answer = drawn(name)
    doubled = {key: 2 * array for key, array in answer.gradients.items()}
    response = checked(name, request, {"value": 2 * answer.value, "per_sample": 2 * answer.per_sample, "gradients": doubled})
    if not response["agrees"]:
        assert {"factor": 2.0} in changes(response)
        assert all("outputs" not in hint for hint in response["would_agree_with"] if hint["change"] == {"factor": 2.0})


@every_loss
def test_a_moved_gradient_element_is_placed(name: str) -> None:
    request, answer = drawn(name)
    claimed = claim(answer)
    for key, gradient in claimed["gradients"].items():
        largest = np.abs(gradient).max(initial=0.0)
        if not largest:
            continue
        at = tuple(int(np.random.default_rng(0).integers(size)) for size in gradient.shape)
        gradient[at] += 1e-3 * largest
        response = checked(name, request, claimed, NO_SEARCH)
        output = response["outputs"][f"gradients.{key}"]
        assert not response["agrees"]
        assert output["disagreeing"] == 1
        assert output["of"] == gradient.size
        assert output["first"] == output["worst"] == {"at": list(at), "claimed": gradient[at], "expected": answer.gradients[key][at]}
        assert output["worst_relative_error"] >= 1e-3 * 0.999
        return


@every_loss
def test_a_swapped_reduction_is_found_and_named(name: str) -> None:
    loss = LOSSES[name]
    request, answer = drawn(name)
    arrays = {item.name: request[item.name] for item in loss.inputs if item.name in request}
    options = {option.name: request[option.name] for option in loss.options}
    for reduction in loss.reductions:
        if reduction == "none":
            continue
        other = compute(loss, arrays, options, Controls(reduction=reduction))
        response = checked(name, request, claim(other))
        differs = not np.isclose(other.value, answer.value, rtol=1e-7, atol=1e-300) or not np.allclose(other.per_sample, answer.per_sample)
        assert response["agrees"] != differs, (reduction, other.value, answer.value)
        if differs:
            assert any(change.get("reduction") == reduction or set(change) <= {"factor", "divisor"} for change in changes(response)), changes(
                response
            )
            assert len(changes(response)[0]) == 1
