"""Operations: a loss, the combination, a check or an identification, looked up once for each request and passed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from service.api import combination, conditioning, response, verification
from service.api.estimate import SEARCH, Prepared, bounded, estimate
from service.api.inference import INFER, VERSION, model
from service.api.names import find
from service.api.request import Call, bind
from service.errors import Failure
from service.losses import LOSSES, Loss, compute
from service.losses.naming import plain
from service.settings import Settings


@dataclass(frozen=True)
class Operation:
    """A named computation from the fields of a request to those of its response.

    prepare: checks the fields and estimates the work; raises what `failure` turns into a problem. Nothing is computed before
    the estimate has passed `bounded`.
    """

    name: str
    prepare: Callable[[dict[str, Any], Settings], Prepared]


def _combine(fields: dict[str, Any], settings: Settings) -> Prepared:
    prepared = combination.prepare(fields, settings.max_terms)
    bounded(combination.NAME, prepared.estimate, settings)
    return prepared


def _searching(name: str, search: Callable[[dict[str, Any], Settings], dict[str, Any]]) -> Operation:
    """An operation whose work has no relation to the request's size and is capped by itself."""
    return Operation(name, lambda fields, settings: Prepared(SEARCH, partial(search, fields, settings)))


IDENTIFY = _searching("identify", verification.identify)
COMBINATION = Operation(combination.NAME, _combine)
_COMBINATIONS = {plain(name) for name in (combination.NAME, *combination.SYNONYMS)}


@cache
def of_loss(loss: Loss) -> Operation:
    """The operation of a registered loss."""

    def prepare(fields: dict[str, Any], settings: Settings) -> Prepared:
        call = bind(loss, fields)
        bounded(loss.name, work := estimate(call), settings)
        return Prepared(work, partial(_fields, call))

    return Operation(loss.name, prepare)


def _fields(call: Call) -> dict[str, Any]:
    found = response.fields(compute(call.loss, call.tensors, call.options, call.controls))
    return {**found, "numerics": conditioning.numerics(call)} if "numerics" in call.controls.outputs else found


@cache
def of_check(loss: Loss) -> Operation:
    """The operation that checks claims of a registered loss. All of them share a name, which is a label of metrics."""
    return _searching("check", partial(verification.check, loss))


def find_operation(name: str) -> Operation:
    """Look up an operation by its name or a synonym. Raises a 404 Failure with the nearest names."""
    if name in LOSSES:
        return of_loss(LOSSES[name])
    return COMBINATION if plain(name[:100]) in _COMBINATIONS else of_loss(find(name))


def is_operation(path: str) -> bool:
    """Return true for the paths of operations: /loss/{name}, /check/{name}, /identify and /v2/models/{name}/infer."""
    return path == "/identify" or (path.startswith(("/loss/", "/check/")) and path.count("/") == 2) or INFER.fullmatch(path) is not None


def operation_at(path: str) -> Operation:
    """Look up the operation of a path that `is_operation` accepts. Raises a 404 Failure with the nearest names."""
    if inferred := INFER.fullmatch(path):
        return of_loss(model(*inferred.groups(default=VERSION)))
    prefix, _, name = path.rpartition("/")
    if prefix == "/check":
        if plain(name[:100]) in _COMBINATIONS:
            raise Failure("not-found", "a combination has no check of its own; expected POST /check/{loss} with each term's inputs and claims")
        return of_check(find(name))
    return find_operation(name) if prefix else IDENTIFY


OF_PATHS = {f"/loss/{name}": of_loss(loss) for name, loss in LOSSES.items()}
"""Operations by their canonical paths, which most requests have; `is_operation` and `operation_at` take all paths."""
