"""Operations: a loss, the combination, a check or an identification, looked up once for each request and passed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from service.api import combination, conditioning, response, verification
from service.api.names import find
from service.api.request import bind
from service.api.search import plain
from service.losses import LOSSES, Loss, compute
from service.settings import Settings


@dataclass(frozen=True)
class Operation:
    """A named computation from the fields of a request to those of its response.

    heavy: the work grows faster than the request's size, so that even small bodies belong in the pool.
    search: the work has no relation to the request's size, so that all bodies belong there.
    """

    name: str
    heavy: bool
    answer: Callable[[dict[str, Any], Settings], dict[str, Any]]
    search: bool = False


def _combine(fields: dict[str, Any], settings: Settings) -> dict[str, Any]:
    return combination.combine(fields, settings.max_terms, settings.max_pairs)


IDENTIFY = Operation("identify", True, verification.identify, search=True)
COMBINATION = Operation(combination.NAME, True, _combine)
_COMBINATIONS = {plain(name) for name in (combination.NAME, *combination.SYNONYMS)}


@cache
def of_loss(loss: Loss) -> Operation:
    """The operation of a registered loss."""

    def answer(fields: dict[str, Any], settings: Settings) -> dict[str, Any]:
        call = bind(loss, fields, settings.max_pairs)
        found = response.fields(compute(call.loss, call.tensors, call.options, call.controls))
        return {**found, "numerics": conditioning.numerics(call)} if "numerics" in call.controls.outputs else found

    return Operation(loss.name, bool(loss.pairs), answer)


@cache
def of_check(loss: Loss) -> Operation:
    """The operation that checks claims of a registered loss. All of them share a name, which is a label of metrics."""
    return Operation("check", True, lambda fields, settings: verification.check(loss, fields, settings), search=True)


def find_operation(name: str) -> Operation:
    """Look up an operation by its name or a synonym. Raises a 404 Failure with the nearest names."""
    if name in LOSSES:
        return of_loss(LOSSES[name])
    return COMBINATION if plain(name[:100]) in _COMBINATIONS else of_loss(find(name))


def serves(path: str) -> bool:
    """Return true for the paths of operations: /loss/{name}, /check/{name} and /identify."""
    return path == "/identify" or (path.startswith(("/loss/", "/check/")) and path.count("/") == 2)


def operation_at(path: str) -> Operation:
    """Look up the operation of a path that `serves` knows. Raises a 404 Failure with the nearest names."""
    prefix, _, name = path.rpartition("/")
    if prefix == "/check":
        return of_check(find(name))
    return find_operation(name) if prefix else IDENTIFY
