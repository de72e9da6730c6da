"""The document that clients are generated from: current, valid, and of the shape that generators understand."""

from __future__ import annotations

import keyword
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from openapi_spec_validator import validate

from service.api import catalogue
from service.api.openapi import encode, filtered, rounded
from service.app import create_app
from service.codec.fields import DTYPES
from service.errors import Failure
from service.losses import LOSSES

COMMITTED = Path(__file__).parent.parent.parent / "openapi" / "openapi.json"
JAVA_AND_OTHERS = {"lambda", "class", "from", "schema", "json", "copy"}  # parameter names that some generator chokes on


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


@pytest.fixture(scope="module")
def losses(document: dict[str, Any]) -> dict[str, Any]:
    return {path.rpartition("/")[2]: item["post"] for path, item in document["paths"].items() if "post" in item and path.startswith("/loss/")}


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document, outside its examples."""
    if isinstance(part, dict):
        yield part
        for key, inner in part.items():
            if key != "example":
                yield from nodes(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from nodes(inner)


def test_committed_document_is_current(document: dict[str, Any]) -> None:
    assert encode(document) == COMMITTED.read_bytes(), "run `make openapi` and commit openapi/openapi.json"


def test_the_document_is_the_same_on_processors_without_avx512() -> None:
    """NumPy's kernels differ between processors in the last digits; examples are rounded, so the document does not."""
    older = {**os.environ, "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Haswell", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-m", "service", "openapi"], env=older, capture_output=True, check=True)
    assert done.stdout == COMMITTED.read_bytes()


def test_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_one_operation_for_each_loss_with_its_name_and_example(losses: dict[str, Any]) -> None:
    cards = catalogue.cards()
    assert losses.keys() == cards.keys()
    for name, operation in losses.items():
        assert operation["operationId"] == name
        assert operation["tags"] == ["loss"]
        assert operation["x-family"] == cards[name]["family"]
        assert operation["requestBody"]["required"] is True
        content = operation["requestBody"]["content"]
        assert list(content) == ["application/json"], "a second media type breaks generators"
        assert content["application/json"]["example"] == rounded(cards[name]["example"]["request"])
        assert operation["responses"]["200"]["content"]["application/json"]["example"] == rounded(cards[name]["example"]["response"])


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


def test_numbers_are_doubles_and_integers_have_no_format(document: dict[str, Any]) -> None:
    for node in nodes(document):
        if node.get("type") == "number":
            assert node.get("format") == "double", node
        if node.get("type") == "integer":
            assert "format" not in node, node


def test_requests_have_no_defaults_no_null_and_no_unions(document: dict[str, Any]) -> None:
    requests = {name: schema for name, schema in document["components"]["schemas"].items() if name.endswith("Request")}
    for name, schema in requests.items():
        inner = list(nodes(schema))
        assert not [node for node in inner if node.keys() & {"default", "anyOf", "oneOf"} or node.get("type") == "null"], name
        assert schema["additionalProperties"] is name.startswith("Term") or schema["additionalProperties"] is False
        assert not [field for field in schema["properties"] if keyword.iskeyword(field) or field in JAVA_AND_OTHERS], name


def test_every_tensor_is_the_one_plain_object(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    tensor = schemas["Tensor"]
    assert tensor["required"] == ["shape"]
    assert tensor["properties"]["data"]["items"] == {"type": "number", "format": "double"}
    assert tensor["properties"]["base64"]["format"] == "byte", "of which generators make bytes"
    assert tensor["properties"]["dtype"]["$ref"].endswith("/Dtype")
    assert schemas["Dtype"]["enum"] == list(DTYPES)
    assert schemas["LossAnswer"]["properties"]["per_sample_tensor"]["$ref"].endswith("/Tensor")
    assert document["components"]["schemas"]["CrossEntropyRequest"]["properties"]["labels"]["$ref"].endswith("/Tensor")


def test_reductions_are_one_named_enum(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Reduction"]["enum"] == ["mean", "sum", "none", "batchmean"]
    assert [node["enum"] for node in nodes(schemas) if "batchmean" in node.get("enum", ())] == [schemas["Reduction"]["enum"]]


def test_errors_are_problems_on_explicit_statuses(document: dict[str, Any], losses: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for name, operation in losses.items():
        for status, answer in operation["responses"].items():
            assert status.isdigit(), name
            assert status == "200" or list(answer) == ["$ref"]
        assert {"400", "401", "413", "415", "422", "429"} <= operation["responses"].keys()
    for answer in shared.values():
        assert list(answer["content"]) == ["application/problem+json"]
    assert "not JSON" in shared["Malformed"]["description"]
    assert "Retry-After" in shared["Overloaded"]["headers"]


def test_the_document_can_be_held(losses: dict[str, Any]) -> None:
    """2.4 MB and 73,677 lines for 275 losses were more than a team could read, and than generators could turn into code."""
    text = COMMITTED.read_text()
    assert len(text) <= 6_000 * len(losses)
    assert len(text.splitlines()) <= 165 * len(losses)
    assert not [line for line in text.splitlines() if line.strip().strip(",").replace(".", "").isdigit()], "numbers of an array on lines of their own"


def test_nothing_is_lost_on_the_way_to_the_file(document: dict[str, Any]) -> None:
    assert orjson.loads(encode(document)) == document


def test_a_client_finds_a_place_for_its_token(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["security"] == [{}, {"bearer": []}], "a service may have no tokens"
    for member in ("license", "contact"):
        assert document["info"][member]
    assert document["servers"]
    assert document["externalDocs"]


def references(part: Any) -> set[str]:
    return {node["$ref"] for node in nodes(part) if "$ref" in node}


@pytest.mark.parametrize(
    ("losses", "families", "expected"),
    [
        (["smooth_l1"], [], {"smooth_l1"}),
        (["ce", "MSELoss", "combination"], [], {"cross_entropy", "mean_squared_error", "combination"}),
        (["mse"], ["ranking"], {"mean_squared_error", *(name for name, loss in LOSSES.items() if loss.family == "ranking")}),
        ([], ["composite"], {"combination"}),
    ],
)
def test_a_part_of_the_document_is_whole(document: dict[str, Any], losses: list[str], families: list[str], expected: set[str]) -> None:
    part = filtered(document, losses, families)
    validate(part)
    assert {operation["operationId"] for item in part["paths"].values() for operation in item.values()} == expected
    assert all(part["paths"][path]["post"] == document["paths"][path]["post"] for path in part["paths"])
    held = {f"#/components/{kind}/{name}" for kind, inner in part["components"].items() for name in inner}
    assert held - {"#/components/securitySchemes/bearer"} == references(part), "what is referred to, and nothing else"


def test_a_part_of_what_is_not_there_is_rejected(document: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="no loss 'smooth_l2'") as unknown:
        filtered(document, ["smooth_l2"])
    assert unknown.value.status == 404
    assert "smooth_l1" in unknown.value.extra["did_you_mean"]
    with pytest.raises(Failure, match=r"unknown family .rank.; expected one of .*ranking") as family:
        filtered(document, [], ["rank"])
    assert family.value.status == 422


def test_answers_are_open(document: dict[str, Any]) -> None:
    for name in ("LossAnswer", "CombinationAnswer", "Problem", "Card", "Info"):
        assert document["components"]["schemas"][name]["additionalProperties"] is True


def test_no_schema_has_a_property_of_its_own_name(document: dict[str, Any]) -> None:
    """openapi-python-client names a variable after the schema, which a property of that name would overwrite."""
    for name, schema in document["components"]["schemas"].items():
        assert name.lower() not in {field.lower().replace("_", "") for field in schema.get("properties", {})}, name
