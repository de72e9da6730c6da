"""Every error that leaves the service, as an RFC 9457 problem document: one table from kind to status, one place that writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "malformed-request": (400, "The request is not HTTP"),
    "malformed-body": (400, "The body is not what its content type says"),
    "unauthorized": (401, "A bearer token is needed"),
    "unknown-loss": (404, "There is no loss of this name"),
    "not-found": (404, "There is nothing at this path"),
    "method-not-allowed": (405, "This path does not take this method"),
    "slow-headers": (408, "The headers came too slowly"),
    "slow-body": (408, "The body came too slowly"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The content type is none of ours"),
    "invalid-request": (422, "The request does not fit the loss"),
    "invalid-tensor": (422, "A tensor does not fit the loss"),
    "non-finite": (422, "The result is not finite"),
    "overloaded": (429, "Too many requests are waiting"),
    "large-headers": (431, "The headers are too large"),
    "internal": (500, "The service failed"),
    "unavailable": (503, "The service is starting or stopping"),
    "deadline": (504, "The computation took too long"),
}


@dataclass
class Failure(Exception):
    """An answer that is an error. `errors` are (pointer, detail) pairs."""

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


def _cut(text: str) -> str:
    """At most LONGEST characters, each of which UTF-8 can write: a header's JSON may hold half a surrogate pair."""
    return text[:LONGEST].encode("utf-8", "replace").decode()


class ErrorPlace(BaseModel):
    """One thing that is wrong, and where."""

    model_config = ConfigDict(extra="allow")
    pointer: str = Field(description="JSON pointer into the request")
    detail: str


class Problem(BaseModel):
    """An error, as RFC 9457 writes it."""

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
    """The one table from exceptions to problems; None for what should never happen."""
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
            errors = [
                (pointer((*prefix, *error["loc"])), error["msg"])
                for error in exc.errors(include_input=False, include_url=False, include_context=False)[:MOST_ERRORS]
            ]
            return Failure("invalid-request", f"{errors[0][0]}: {errors[0][1]}", errors)
        case _:
            return None


def _placed(kind: str, steps: tuple[str | int, ...], message: str) -> Failure:
    place = pointer(steps)
    return Failure(kind, f"{place}: {message}" if place else message, [(place, message)] if place else ())
