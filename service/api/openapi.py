"""The OpenAPI document: FastAPI's for the catalogue and probes, and one operation for each loss, from its request model.

It is made for code generators (openapi/README.md): a tensor is one plain object of which only the shape is required, numbers have format
double, nothing in a request has a default or null, operation ids are the losses' names, and problems stand on explicit statuses, each a
reference to one response. The losses' routes are one route at run time, which keeps the start fast and dispatch independent of their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from service import __version__
from service.api import catalogue, combination, verification
from service.api.operations import find_operation
from service.api.request import model
from service.api.response import CombinationAnswer, LossAnswer
from service.codec.fields import DTYPES
from service.errors import MEDIA_TYPE, Failure, Problem
from service.losses import LOSSES

SCHEMAS, RESPONSES = "#/components/schemas/", "#/components/responses/"
DESCRIPTION = """Loss functions with their gradients: POST predictions and labels, get the loss of each sample, the value and the gradients.

A tensor is `{"shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}`, or `{"shape": [2, 3], "dtype": "float32", "base64": "..."}` with little-endian
bytes, which is ten times faster from some thousand numbers on. A nested array of numbers is accepted wherever a tensor is. The response has
the form of the request. The same paths accept and return `application/vnd.safetensors`: tensors by name, all other fields as a JSON object in
the header's `__metadata__` under `request`.

Generate only what you call: `?loss=cross_entropy,smooth_l1` and `?family=detection` on this document's address leave out the rest."""

TENSOR = {
    "type": "object",
    "title": "Tensor",
    "description": "An array: its shape, and its elements in row-major order. Exactly one of data and base64 is set: data for some hundred "
    "numbers, base64 for more, which is ten times faster. The tensors of a response have the form of the request's first tensor.",
    "required": ["shape"],
    "properties": {
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}, "description": "the sizes of the axes"},
        "data": {"type": "array", "items": {"type": "number", "format": "double"}, "description": "the elements, computed in float64"},
        "dtype": {"$ref": f"{SCHEMAS}Dtype"},
        "base64": {"type": "string", "format": "byte", "description": "the little-endian bytes of the elements, computed in their dtype"},
    },
}
DTYPE = {
    "type": "string",
    "title": "Dtype",
    "description": "The element type of base64. Default float64.",
    "enum": list(DTYPES),
}

# status -> name and meaning of the response that carries a problem document
PROBLEMS = {
    400: ("Malformed", "The body is malformed: not JSON, not safetensors, or not in the content coding that its headers name"),
    401: ("Unauthorized", "The service has bearer tokens, and the request has none of them"),
    404: ("UnknownLoss", "There is no loss of this name; did_you_mean has the nearest names"),
    408: ("TooSlow", "The request took longer than the service waits"),
    413: ("TooLarge", "The body, a tensor or the work of the request is larger than the service allows"),
    415: ("UnsupportedMediaType", "The content type or coding is not supported"),
    422: ("Invalid", "A field, shape or value is not valid for the operation, or the result is not finite; errors has the places"),
    429: ("Overloaded", "Too many requests are waiting; retry after the seconds of Retry-After"),
    500: ("Internal", "The service failed; its log has the request's id"),
    503: ("Unavailable", "The service is starting or stopping; retry after the seconds of Retry-After"),
    504: ("DeadlineExceeded", "The computation took longer than the service allows"),
}
RETRY_AFTER = {"Retry-After": {"description": "seconds", "schema": {"type": "integer", "minimum": 0}}}
INFO = {"license": {"name": "Apache 2.0", "identifier": "Apache-2.0"}, "contact": {"name": "The maintainers of loss-service"}}
ONE_LINE = re.compile(rb'\[\n\s+(?:(?:[-+.0-9eE]+|"(?:[^"\\]|\\.)*"),?\n\s*)+\]|\{\n\s+"\$ref": "[^"]*"\n\s+\}')  # a string has no line's end
BEARER = {"type": "http", "scheme": "bearer", "description": "one of the service's tokens, where it has any"}


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
        servers=[{"url": "/", "description": "the service that this document is read from"}],
    )
    models: dict[str, type[BaseModel]] = {name: model(loss) for name, loss in sorted(LOSSES.items())}
    models |= {combination.NAME: combination.CombinationRequest}
    schemas, refs = _schemas(models)
    paths = {f"/loss/{name}": {"post": _operation(name, refs[name])} for name in models}
    paths |= {path: {"post": _claim_operation(path)} for path in ("/check/{name}", "/identify")}
    own = {path: {method: _with_shared_problems(found) for method, found in item.items()} for path, item in base["paths"].items()}
    base["info"] |= INFO
    base["externalDocs"] = {"url": "/docs", "description": "every loss with its formula, tables of inputs and options, and requests to try"}
    base["paths"] = dict(sorted((paths | {path: item | paths.get(path, {}) for path, item in own.items()}).items()))
    base["security"] = [{}, {"bearer": []}]
    base["components"] = {
        "schemas": {name: _plain(schema) for name, schema in base["components"]["schemas"].items()} | schemas,
        "responses": {name: _response(status, text) for status, (name, text) in PROBLEMS.items()},
        "securitySchemes": {"bearer": BEARER},
    }
    return base


def _schemas(models: dict[str, type[BaseModel]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schemas of all requests and responses, and the reference to each operation's request."""
    others: list[type[BaseModel]] = [LossAnswer, CombinationAnswer, Problem, *verification.MODELS]
    pairs: Any = [(m, "validation") for m in [*models.values(), *others]]
    refs, shared = models_json_schema(pairs, ref_template=SCHEMAS + "{model}", schema_generator=Schema)
    schemas: dict[str, Any] = shared["$defs"] | {"Tensor": TENSOR, "Dtype": DTYPE}
    for properties in (schema.get("properties", {}) for schema in schemas.values()):
        free = {name: field for name, field in properties.items() if field.get("additionalProperties") is True}
        properties |= {name: {"$ref": f"{SCHEMAS}Fields", "description": field["description"]} for name, field in free.items()}
    return schemas, {name: refs[request, "validation"] for name, request in models.items()}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """One of FastAPI's schemas as `Schema` would write it."""
    return schema | {"properties": {name: _field(field) for name, field in schema["properties"].items()}}


def _field(field: dict[str, Any]) -> dict[str, Any]:
    """A field's schema without title and default, its numbers doubles."""
    kept = {key: _field(value) if key == "items" else value for key, value in field.items() if key not in ("title", "default")}
    return kept | {"format": "double"} if field.get("type") == "number" else kept


def _operation(name: str, request: dict[str, Any]) -> dict[str, Any]:
    card = catalogue.cards()[name]
    schema = "CombinationAnswer" if name == combination.NAME else "LossAnswer"
    return {
        "tags": ["loss"],
        "operationId": name,
        "summary": card["summary"],
        "description": _text(card),
        "x-family": card["family"],
        **_bodies(
            {"schema": request, "example": card["example"]["request"]},
            "The loss",
            {"schema": {"$ref": SCHEMAS + schema}, "example": card["example"]["response"]},
            *PROBLEMS,
        ),
    }


def _bodies(request: dict[str, Any], meaning: str, response: dict[str, Any], *statuses: int) -> dict[str, Any]:
    """Return the request and the responses of an operation, the content of each a schema, and an example."""
    return {
        "requestBody": {"required": True, "content": {"application/json": rounded(request)}},
        "responses": {"200": {"description": meaning, "content": {"application/json": rounded(response)}}, **problems(*statuses)},
    }


def _claim_operation(path: str) -> dict[str, Any]:
    """Build the operation of /check/{name} or /identify; the example claims the result of a card's loss."""
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
        **_bodies(
            {"schema": {"$ref": f"{SCHEMAS}{title}Request"}, "example": {"request": request, "claimed": claimed}},
            "The comparison",
            {"schema": {"$ref": f"{SCHEMAS}{title}Response"}},
            *(status for status in PROBLEMS if check or status != 404),
        ),
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
    parts = [
        f"$$ {card['formula']} $$",
        f"Use: {card['use']}",
        shapes and f"Shapes: {shapes}.",
        card["notes"],
        f"Divisor of the mean: {card['divisor']}.",
    ]
    parts.append(f"Reference: {card['reference']}.")
    if card["synonyms"]:
        parts.append(f"Also known as {', '.join(card['synonyms'])}.")
    return "\n\n".join(part for part in parts if part)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses for statuses that carry a problem document."""
    return {str(status): {"$ref": RESPONSES + PROBLEMS[status][0]} for status in statuses}


def _response(status: int, text: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}}}
    return {"description": text, **({"headers": RETRY_AFTER} if status in (429, 503) else {}), "content": content}


def _with_shared_problems(operation: dict[str, Any]) -> dict[str, Any]:
    """Replace what FastAPI made of references to problems, which it gives a description of their own."""
    responses = operation["responses"]
    shared = problems(*(int(status) for status, response in responses.items() if "$ref" in response))
    return operation | {"responses": responses | shared}


def filtered(document: dict[str, Any], losses: Iterable[str] = (), families: Iterable[str] = ()) -> dict[str, Any]:
    """Return the document for the POST operations of these losses and families only, with their references.

    Synonyms resolve. Raises a Failure: unknown-loss with the nearest names, or invalid-request with the families.
    """
    names = {find_operation(name.strip()).name for name in losses} | _members(families)
    paths = {path: {"post": item["post"]} for path, item in document["paths"].items() if item.get("post", {}).get("operationId") in names}
    components: dict[str, dict[str, Any]] = {"securitySchemes": document["components"]["securitySchemes"]}
    found = set(_references(paths))
    while found:
        _, _, kind, name = found.pop().split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = document["components"][kind][name]
            found |= set(_references(components[kind][name]))
    components = {kind: {name: inner[name] for name in document["components"][kind] if name in inner} for kind, inner in components.items()}
    return document | {"paths": paths, "components": components}


def _members(families: Iterable[str]) -> set[str]:
    """Return the names of the operations of some families."""
    known: dict[str, set[str]] = {}
    for row in catalogue.rows():
        known.setdefault(row.family, set()).add(row.name)
    found = set()
    for family in families:
        if family.strip() not in known:
            raise Failure("invalid-request", f"family: unknown family {family[:100]!r}; expected one of {', '.join(sorted(known))}")
        found |= known[family.strip()]
    return found


def _references(node: Any) -> Iterator[str]:
    """Yield every $ref of a part of the document, outside its examples."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for key, inner in node.items():
            if key != "example":
                yield from _references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def encode(document: dict[str, Any]) -> bytes:
    """Encode the document as it is committed: indented, with arrays of scalars and references on one line, so that diffs are small."""
    indented = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return ONE_LINE.sub(_on_one_line, indented)


def _on_one_line(match: re.Match[bytes]) -> bytes:
    joined = b" ".join(line.strip() for line in match[0].split(b"\n"))
    return b"[" + joined[2:-2] + b"]" if joined.startswith(b"[") else joined
