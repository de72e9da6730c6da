"""Errors of the service as RFC 9457 problem documents: one table from kind to status, one from exception to kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.codec import BodyError, Malformed, TooMany
from service.losses import InvalidOption, InvalidTensor, LossError, NonFinite

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20  # of one document
LARGEST = 16_000  # bytes of one document
LONGEST = 300  # characters of one detail or pointer: names that a caller made up are cut

# kind -> (status, title); the type of a problem is /problems/<kind>
KINDS: dict[str, tuple[int, str]] = {
    "malformed-request": (400, "The request is not valid HTTP"),
    "malformed-body": (400, "The body is not valid in its content type"),
    "unauthorized": (401, "A bearer token is required"),
    "unknown-loss": (404, "No loss has this name"),
    "not-found": (404, "No resource has this path"),
    "method-not-allowed": (405, "The method is not allowed for this path"),
    "slow-headers": (408, "The headers arrived too slowly"),
    "slow-body": (408, "The body arrived too slowly"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The content type is not supported"),
    "invalid-request": (422, "The request does not fit the loss"),
    "invalid-tensor": (422, "A tensor does not fit the loss"),
    "non-finite": (422, "The result is not finite"),
    "overloaded": (429, "Too much work is queued"),
    "large-headers": (431, "The headers are too large"),
    "internal": (500, "The service failed"),
    "unavailable": (503, "The service is starting or stopping"),
    "deadline": (504, "The computation took too long"),
}


@dataclass
class Failure(Exception):
    """A response that is an error. `errors` are (pointer, detail) pairs."""

    kind: str
    detail: str
    errors: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return KINDS[self.kind][0]

    def body(self, request_id: str) -> bytes:
        status, title = KINDS[self.kind]
        errors = [{"pointer": _cut(pointer), "detail": _cut(detail)} for pointer, detail in self.errors[:MOST_ERRORS]]
        document = {"type": f"/problems/{self.kind}", "title": title, "status": status, "detail": _cut(self.detail), "request_id": request_id}
        written = orjson.dumps({**document, **({"errors": errors} if errors else {}), **self.extra})
        if errors and len(written) > LARGEST:  # names of control characters take six bytes a character
            return Failure(self.kind, self.detail, self.errors[: len(errors) // 2], extra=self.extra).body(request_id)
        return written

    def document(self, request_id: str, path: str) -> tuple[bytes, str]:
        """The body for a request of this path, and its media type. Clients of the Open Inference Protocol read `error` of application/json alone."""
        if is_inference(path):
            return Failure(self.kind, self.detail, self.errors, extra={"error": _cut(self.detail), **self.extra}).body(request_id), "application/json"
        return self.body(request_id), MEDIA_TYPE


def is_inference(path: str) -> bool:
    """Return true for the paths of the Open Inference Protocol."""
    return path.startswith("/v2") and path[3:4] in ("", "/", "?")


def _cut(text: str) -> str:
    """Cut to LONGEST characters that UTF-8 can encode: JSON in a header may hold half a surrogate pair."""
    return text[:LONGEST].encode("utf-8", "replace").decode()


class ErrorPlace(BaseModel):
    """One error and its place."""

    model_config = ConfigDict(extra="allow")
    pointer: str = Field(description="JSON pointer into the request")
    detail: str


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[ErrorPlace] = []
    did_you_mean: list[str] = []


def pointer(steps: Sequence[str | int]) -> str:
    """RFC 6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def failure(exc: Exception, prefix: tuple[str | int, ...] = ()) -> Failure | None:
    """Map an exception to its problem; None for an exception that no request should raise."""
    match exc:
        case Failure():
            return exc
        case BodyError():
            kind = "malformed-body" if isinstance(exc, Malformed) else "too-large" if isinstance(exc, TooMany) else "invalid-request"
            return _placed(kind, (*prefix, *exc.pointer), str(exc))
        case InvalidTensor() | InvalidOption():
            kind = "invalid-tensor" if isinstance(exc, InvalidTensor) else "invalid-request"
            place = pointer((*prefix, *exc.pointer))
            return Failure(kind, str(exc), [(place, str(exc))])
        case NonFinite():
            return Failure("non-finite", str(exc), [(pointer(prefix), str(exc))] if prefix else ())
        case LossError():
            return Failure("invalid-request", str(exc))
        case ValidationError():
            errors = [(pointer((*prefix, *error["loc"])), problem_of(error)) for error in exc.errors(include_url=False)[:MOST_ERRORS]]
            return Failure("invalid-request", f"{errors[0][0]}: {errors[0][1]}", errors)
        case _:
            return None


KNOWN = {  # the errors of pydantic that a request can meet, in the grammar of all messages; {..} are members of their context
    "missing": "missing; expected a value",
    "extra_forbidden": "unknown field",
    "misspelled": "unknown field; did you mean {near}?",
    "literal_error": "not a choice; expected {expected}",
    "enum": "not a choice; expected {expected}",
    "bool_type": "wrong type; expected true or false",
    "string_type": "wrong type; expected a string",
    "float_type": "wrong type; expected a number",
    "finite_number": "not finite; expected a finite number",
    "int_type": "wrong type; expected an integer",
    "int_from_float": "not an integer; expected an integer",
    "list_type": "wrong type; expected a list",
    "dict_type": "wrong type; expected an object",
    "model_type": "wrong type; expected an object",
    "greater_than": "out of range; expected more than {gt:g}",
    "greater_than_equal": "out of range; expected at least {ge:g}",
    "less_than": "out of range; expected less than {lt:g}",
    "less_than_equal": "out of range; expected at most {le:g}",
    "too_short": "too short; expected at least {min_length}",
    "too_long": "too long; expected at most {max_length}",
    "string_too_long": "too long; expected at most {max_length} characters",
    "tensor": "not a tensor; expected {{shape, data}}, a nested array of numbers, or {{shape, dtype, base64}}",
}
NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null", int: "a number", float: "a number"}


def problem_of(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as `<problem>; expected <X>, got <Y>`; of the input only numbers, types and wrong choices are repeated."""
    given, kind = error.get("input"), error["type"]
    known = KNOWN.get(kind)
    if known is None:
        return f"not valid: {kind.replace('_', ' ')}"
    text = known.format(**error.get("ctx", {}))
    if kind in ("missing", "extra_forbidden", "misspelled"):
        return text
    if type(given) in (int, float) or (kind == "literal_error" and isinstance(given, str)):
        return f"{text}, got {_cut(repr(given))[:40]}"
    if kind.endswith(("short", "long")) and isinstance(given, Sized):
        return f"{text}, got {len(given)}"
    return f"{text}, got {NAMES.get(type(given), 'a tensor')}"


def _placed(kind: str, steps: tuple[str | int, ...], message: str) -> Failure:
    place = pointer(steps)
    return Failure(kind, f"{place}: {message}" if place else message, [(place, message)] if place else ())
