"""The OpenAPI document: FastAPI's for the catalogue and probes, and one operation for each loss, from its request model.

shared/openapi.md of the project's notes says what generators make of a document; in short: a tensor is the plain object {shape, data},
numbers have format double, nothing in a request has a default or null, operation ids are the losses' names, and problems stand on
explicit statuses. The losses' routes are one route at run time, which keeps the start fast and dispatch independent of their number.
"""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from service import __version__
from service.api import catalogue, combination, verification
from service.api.request import model
from service.api.response import CombinationAnswer, LossAnswer
from service.errors import KINDS, MEDIA_TYPE, Problem
from service.losses import LOSSES

PREFIX = "#/components/schemas/"
DESCRIPTION = """Loss functions with their gradients: POST predictions and labels, get the loss of each sample, the value and the gradients.

A tensor is `{"shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}`. A nested array of numbers, or `{"shape", "dtype", "base64"}` with little-endian
bytes, is taken wherever one stands, and answered in kind. The same paths take and give `application/vnd.safetensors`: tensors by name, all
other fields as a JSON object in the header's `__metadata__` under `request`."""


class Schema(GenerateJsonSchema):
    """pydantic's schemas as generators like them: without defaults, null or titles of fields; doubles said to be doubles."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return super().float_schema(schema) | {"format": "double"}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    base = get_openapi(
        title="Loss service",
        version=__version__,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": "loss", "description": "One operation for each loss."}],
    )
    models: dict[str, type[BaseModel]] = {name: model(loss) for name, loss in sorted(LOSSES.items())}
    models |= {combination.NAME: combination.CombinationRequest}
    others: list[type[BaseModel]] = [LossAnswer, CombinationAnswer, Problem, *verification.MODELS]
    pairs: Any = [(m, "validation") for m in [*models.values(), *others]]
    refs, shared = models_json_schema(pairs, ref_template=PREFIX + "{model}", schema_generator=Schema)
    schemas = {name: _plain(schema) for name, schema in base["components"]["schemas"].items()} | shared["$defs"]
    base["components"]["schemas"] = schemas
    for properties in (schema.get("properties", {}) for schema in schemas.values()):
        free = {name: field for name, field in properties.items() if field.get("additionalProperties") is True}
        properties |= {name: {"$ref": f"{PREFIX}Fields", "description": field["description"]} for name, field in free.items()}
    paths = {f"/loss/{name}": {"post": _operation(name, refs[models[name], "validation"])} for name in models}
    paths |= {path: {"post": _claim_operation(path)} for path in ("/check/{name}", "/identify")}
    base["paths"] = dict(sorted((paths | _merged(base["paths"], paths)).items()))
    return base


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """One of FastAPI's schemas as `Schema` would write it."""
    return schema | {"properties": {name: _field(field) for name, field in schema["properties"].items()}}


def _field(field: dict[str, Any]) -> dict[str, Any]:
    """A field's schema without title and default, its numbers doubles."""
    kept = {key: _field(value) if key == "items" else value for key, value in field.items() if key not in ("title", "default")}
    return kept | {"format": "double"} if field.get("type") == "number" else kept


def _merged(own: dict[str, Any], losses: dict[str, Any]) -> dict[str, Any]:
    return {path: item | losses.get(path, {}) for path, item in own.items()}


def _operation(name: str, request: dict[str, Any]) -> dict[str, Any]:
    card = catalogue.cards()[name]
    answer = "CombinationAnswer" if name == combination.NAME else "LossAnswer"
    return {
        "tags": ["loss"],
        "operationId": name,
        "summary": card["summary"],
        "description": _text(card),
        "x-family": card["family"],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request, "example": rounded(card["example"]["request"])}},
        },
        "responses": {
            "200": {
                "description": "The loss",
                "content": {"application/json": {"schema": {"$ref": PREFIX + answer}, "example": rounded(card["example"]["response"])}},
            },
            **problems(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
        },
    }


def _claim_operation(path: str) -> dict[str, Any]:
    """The operation of /check/{name} or /identify; the example claims what the loss of a card gives."""
    check = path != "/identify"
    card = catalogue.cards()["huber"]["example"]
    request = card["request"] if check else {name: card["request"][name] for name in ("predictions", "labels")}
    claimed = {"value": card["response"]["value"]}
    about = verification.check if check else verification.identify
    name = {"name": "name", "in": "path", "required": True, "description": "name or synonym of a loss", "schema": {"type": "string"}}
    title = "Check" if check else "Identify"
    return {
        "tags": ["verification"],
        "operationId": title.lower(),
        "summary": (about.__doc__ or "").partition("\n")[0],
        "description": " ".join((about.__doc__ or "").partition("\n\n")[2].split()),
        **({"parameters": [name]} if check else {}),
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"{PREFIX}{title}Request"},
                    "example": rounded({"request": request, "claimed": claimed}),
                }
            },
        },
        "responses": {
            "200": {"description": "The comparison", "content": {"application/json": {"schema": {"$ref": f"{PREFIX}{title}Response"}}}},
            **problems(400, 401, *([404] if check else []), 408, 413, 415, 422, 429, 500, 503, 504),
        },
    }


def rounded(example: Any) -> Any:
    """An example with numbers of 12 significant digits: NumPy's kernels differ between processors in the last one or two of 17."""
    if isinstance(example, dict):
        return {key: rounded(value) for key, value in example.items()}
    if isinstance(example, list):
        return [rounded(value) for value in example]
    return float(f"{example:.12g}") if isinstance(example, float) else example


def _text(card: dict[str, Any]) -> str:
    shapes = "; ".join(f"{item['name']} {item['axes']}" for item in card["inputs"])
    parts = [f"$$ {card['formula']} $$", shapes and f"Shapes: {shapes}.", card["notes"], f"Divisor of the mean: {card['divisor']}."]
    parts.append(f"Reference: {card['reference']}.")
    if card["synonyms"]:
        parts.append(f"Also known as {', '.join(card['synonyms'])}.")
    return "\n\n".join(part for part in parts if part)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses for statuses that carry a problem document."""
    titles = dict(reversed(KINDS.values()))
    content = {MEDIA_TYPE: {"schema": {"$ref": PREFIX + "Problem"}}}
    return {str(status): {"description": titles[status], "content": content} for status in statuses}


def encode(document: dict[str, Any]) -> bytes:
    """The document as it is committed: indented, so that a change shows as the lines that changed."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
