"""The parts of an OpenAPI document that clients rely on, as data, and the breaks of them in a newer document.

A contract is flat: each path to a fact, and the fact. Requests may widen, answers may grow; anything else needs a new major version, or
below 1.0 a new minor one, as semantic versioning has it.
`python -m tests.api.contract` writes the released contract, which is done once for each release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

RELEASED = Path(__file__).parent.parent.parent / "openapi" / "released.json"
PREFIX, RESPONSES = "#/components/schemas/", "#/components/responses/"
LOW = ("minimum", "exclusiveMinimum", "minItems", "minLength")
HIGH = ("maximum", "exclusiveMaximum", "maxItems", "maxLength")

Contract = dict[str, Any]


def contract(document: Mapping[str, Any]) -> Contract:
    """Operations by method and path, and the schemas that they use, without descriptions and examples."""
    operations = {
        f"{method} {path}": {
            "id": operation["operationId"],
            "tags": operation["tags"],
            "parameters": {p["name"]: {"mandatory": p.get("required", False), **bare(p["schema"])} for p in operation.get("parameters", [])},
            "request": {media: bare(content["schema"]) for media, content in operation.get("requestBody", {}).get("content", {}).items()},
            "answers": {
                f"{status} {media}": bare(content["schema"])
                for status, answer in operation["responses"].items()
                for media, content in shared(document, answer).get("content", {}).items()
            },
        }
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }
    schemas = {name: bare(schema) for name, schema in document["components"]["schemas"].items()}
    return {"version": document["info"]["version"], "operations": operations, "schemas": schemas}


def shared(document: Mapping[str, Any], answer: Any) -> Any:
    """A response, or the one of the components that it refers to."""
    return document["components"]["responses"][answer["$ref"].removeprefix(RESPONSES)] if "$ref" in answer else answer


def may_break(old: str, new: str) -> bool:
    """Return true where semantic versioning lets the new version break callers of the old one."""
    before, after = ([int(part) for part in version.split(".")] for version in (old, new))
    return after[0] > before[0] or (after[0] == before[0] == 0 and after[1] > before[1])


def bare(schema: Any) -> Any:
    """A schema without what only people read."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("description", "title", "examples", "example", "default")}
    for key in ("items", "additionalProperties"):
        if key in kept:
            kept[key] = bare(kept[key])
    if "properties" in kept:
        kept["properties"] = {name: bare(inner) for name, inner in kept["properties"].items()}
    return {key: [bare(inner) for inner in value] if key in ("anyOf", "oneOf", "allOf") else value for key, value in kept.items()}


def broken(old: Contract, new: Contract) -> list[str]:
    """List the breaks for callers of the old contract; none where the version allows them."""
    if may_break(old["version"], new["version"]):
        return []
    found = []
    for name, before in old["operations"].items():
        after = new["operations"].get(name)
        found += [f"{name}: removed"] if after is None else list(_operation(name, before, after, old, new))
    return sorted(set(found))


def _operation(name: str, old: Any, new: Any, old_all: Contract, new_all: Contract) -> Iterator[str]:
    for fact in ("id", "tags"):
        if old[fact] != new[fact]:
            yield f"{name}: {fact} {old[fact]} -> {new[fact]}"
    for parameter in new["parameters"].keys() - old["parameters"].keys():
        if new["parameters"][parameter]["mandatory"]:
            yield f"{name}: parameter {parameter} is required now"
    for kind, inward in (("parameters", True), ("request", True), ("answers", False)):
        for key, schema in old[kind].items():
            if key not in new[kind]:
                yield f"{name}: {key} removed"
            else:
                yield from _Comparison(old_all["schemas"], new_all["schemas"], inward).schema(f"{name}: {key}", schema, new[kind][key])


class _Comparison:
    """Of two schemas, inward (what callers send may only widen) or outward (what they get may only narrow or grow)."""

    def __init__(self, old: Contract, new: Contract, inward: bool) -> None:
        self.old, self.new, self.inward, self.seen = old, new, inward, set[tuple[str, str]]()

    def schema(self, place: str, old: Any, new: Any) -> Iterator[str]:
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new and not (self.inward and old is False):
                yield f"{place}: {old} -> {new}"
            return
        if "$ref" in old and "$ref" in new:
            pair = (old["$ref"], new["$ref"])
            if pair[0] != pair[1]:
                yield f"{place}: {pair[0].removeprefix(PREFIX)} renamed to {pair[1].removeprefix(PREFIX)}"
            if pair in self.seen:
                return
            self.seen.add(pair)
        old, new = (self._resolved(schemas, found) for schemas, found in ((self.old, old), (self.new, new)))
        if self.inward:
            old, new = _one_choice(old), _one_choice(new)
        for key in ("mandatory", "type", "format", "const", "anyOf", "oneOf", "allOf"):
            if old.get(key) != new.get(key):
                yield f"{place}: {key} {old.get(key)} -> {new.get(key)}"
        yield from self._values(place, old, new)
        yield from self._properties(place, old, new)
        for key in old.keys() & new.keys() & {"items", "additionalProperties"}:
            yield from self.schema(f"{place}/{key}", old[key], new[key])

    def _resolved(self, schemas: Contract, schema: Any) -> Any:
        return schemas[schema["$ref"].removeprefix(PREFIX)] if "$ref" in schema else schema

    def _values(self, place: str, old: Any, new: Any) -> Iterator[str]:
        if self.inward and not _covers(new, old):
            yield f"{place}: narrowed from {_range(old)} to {_range(new)}"
        known = old.get("enum")
        lost = set(known or ()) - set(new.get("enum", known or ()))
        if (self.inward and (lost or ("enum" in new and known is None))) or (not self.inward and lost):
            yield f"{place}: choices {known} -> {new.get('enum')}"

    def _properties(self, place: str, old: Any, new: Any) -> Iterator[str]:
        for name, schema in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{place}/{name}: removed"
            else:
                yield from self.schema(f"{place}/{name}", schema, new["properties"][name])
        before, after = set(old.get("required", ())), set(new.get("required", ()))
        for name in after - before if self.inward else before - after:
            yield f"{place}/{name}: {'required now' if self.inward else 'may be left out now'}"


def _one_choice(schema: dict[str, Any]) -> dict[str, Any]:
    """A constant as the only choice, which more choices widen."""
    return {**{key: value for key, value in schema.items() if key != "const"}, "enum": [schema["const"]]} if "const" in schema else schema


def _covers(new: Any, old: Any) -> bool:
    """Return true if every number of the old range lies in the new one."""
    return not any(key in new and (all(k not in old for k in keys) or _beyond(key, keys, new[key], old)) for keys in (LOW, HIGH) for key in keys)


def _beyond(key: str, keys: tuple[str, ...], bound: float, old: Any) -> bool:
    """Return true if a bound excludes numbers that the old bounds of its side allow."""
    sign = 1 if keys is LOW else -1
    edge = max(sign * old[k] for k in keys if k in old)
    excluded = key.startswith("exclusive") and not any(k.startswith("exclusive") and sign * old[k] == edge for k in keys if k in old)
    return sign * bound > edge or (excluded and sign * bound == edge)


def _range(schema: Any) -> dict[str, Any]:
    return {key: schema[key] for key in LOW + HIGH if key in schema}


if __name__ == "__main__":
    from service.app import create_app

    RELEASED.write_bytes(orjson.dumps(contract(create_app().openapi()), option=orjson.OPT_SORT_KEYS) + b"\n")
