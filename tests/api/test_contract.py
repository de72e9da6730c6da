"""A change that breaks callers of the last release fails, unless the version says so. Planted changes show that it would."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from service.app import create_app
from tests.api.contract import RELEASED, Contract, broken, contract, may_break

LOSS = "post /loss/cross_entropy"
FIELDS = ("schemas", "CrossEntropyRequest", "properties")


@pytest.fixture(scope="module")
def released() -> Contract:
    found: Contract = orjson.loads(RELEASED.read_bytes())
    return found


@pytest.fixture(scope="module")
def running() -> Contract:
    return contract(create_app().openapi())


def test_callers_of_the_last_release_still_work(released: Contract, running: Contract) -> None:
    assert broken(released, running) == [], "raise the version (below 1.0 the minor number), or keep what callers use; see tests/api/contract.py"


def at(document: Any, *steps: str) -> Any:
    for step in steps:
        document = document[step]
    return document


BREAKING: dict[str, Callable[[Any], object]] = {
    "removed operation": lambda d: d["operations"].pop(LOSS),
    "renamed operation": lambda d: d["operations"].__setitem__("post /loss/ce", d["operations"].pop(LOSS)),
    "operation id": lambda d: d["operations"][LOSS].update(id="crossEntropy"),
    "tag": lambda d: d["operations"][LOSS].update(tags=["classification"]),
    "removed status": lambda d: d["operations"][LOSS]["answers"].pop("422 application/problem+json"),
    "media type": lambda d: d["operations"][LOSS]["request"].pop("application/json"),
    "removed option": lambda d: at(d, *FIELDS).pop("label_smoothing"),
    "renamed option": lambda d: at(d, *FIELDS).__setitem__("smoothing", at(d, *FIELDS).pop("label_smoothing")),
    "narrowed range": lambda d: at(d, *FIELDS, "label_smoothing").update(maximum=0.5),
    "open end": lambda d: at(d, *FIELDS, "label_smoothing").update(exclusiveMinimum=at(d, *FIELDS, "label_smoothing").pop("minimum")),
    "new bound": lambda d: at(d, *FIELDS, "ignore_index").update(minimum=-1000),
    "type": lambda d: at(d, *FIELDS, "ignore_index").update(type="string"),
    "removed choice": lambda d: at(d, *FIELDS, "predictions_are", "enum").remove("log_probabilities"),
    "removed reduction": lambda d: at(d, "schemas", "Reduction", "enum").remove("batchmean"),
    "required now": lambda d: at(d, "schemas", "CrossEntropyRequest", "required").append("weight"),
    "renamed model": lambda d: (
        at(d, "schemas").__setitem__("Array", d["schemas"]["Tensor"]) or at(d, *FIELDS, "weight").update({"$ref": "#/components/schemas/Array"})
    ),
    "removed answer field": lambda d: at(d, "schemas", "LossAnswer", "properties").pop("normalizer"),
    "answer field may be missing": lambda d: at(d, "schemas", "LossAnswer", "required").remove("loss"),
    "single precision": lambda d: at(d, "schemas", "LossAnswer", "properties", "value").update(format="float"),
    "closed answer": lambda d: at(d, "schemas", "LossAnswer").update(additionalProperties=False),
    "required parameter": lambda d: d["operations"]["get /loss"]["parameters"].update(page={"mandatory": True, "type": "integer"}),
}
HARMLESS: dict[str, Callable[[Any], object]] = {
    "new operation": lambda d: d["operations"].__setitem__("post /loss/new", d["operations"][LOSS]),
    "new option": lambda d: at(d, *FIELDS).update(temperature={"type": "number"}),
    "wider range": lambda d: at(d, *FIELDS, "label_smoothing").update(maximum=2),
    "no bound": lambda d: at(d, *FIELDS, "label_smoothing").pop("minimum"),
    "new choice": lambda d: at(d, *FIELDS, "predictions_are", "enum").append("odds"),
    "optional now": lambda d: at(d, "schemas", "CrossEntropyRequest", "required").remove("labels"),
    "new answer field": lambda d: at(d, "schemas", "LossAnswer", "properties").update(seconds={"type": "number"}),
    "new status": lambda d: d["operations"][LOSS]["answers"].update({"402 application/problem+json": {}}),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_planted_break_is_found(running: Contract, name: str) -> None:
    changed = copy.deepcopy(running)
    BREAKING[name](changed)
    assert broken(running, changed)
    major = int(running["version"].split(".")[0]) + 1
    assert not broken(running, {**changed, "version": f"{major}.0.0"})


def test_a_new_major_version_may_break_and_below_1_a_minor_one() -> None:
    assert may_break("1.4.2", "2.0.0")
    assert may_break("0.1.0", "0.2.0")
    assert may_break("0.9.0", "1.0.0")
    assert not may_break("0.1.0", "0.1.9")
    assert not may_break("1.1.0", "1.2.0")
    assert not may_break("1.1.0", "1.1.0")


@pytest.mark.parametrize("name", HARMLESS)
def test_growth_is_no_break(running: Contract, name: str) -> None:
    changed = copy.deepcopy(running)
    HARMLESS[name](changed)
    assert broken(running, changed) == []
