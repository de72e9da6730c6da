"""Operations: a loss or the combination, looked up once for each request and passed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from service.api import combination, response
from service.api.names import find, plain
from service.api.request import bind
from service.losses import LOSSES, Loss, compute
from service.settings import Settings


@dataclass(frozen=True)
class Operation:
    """A named computation from the fields of a request to those of its response.

    heavy: the work grows faster than the request's size, so that even small bodies belong in the pool.
    """

    name: str
    heavy: bool
    answer: Callable[[dict[str, Any], Settings], dict[str, Any]]


def _combine(fields: dict[str, Any], settings: Settings) -> dict[str, Any]:
    return combination.combine(fields, settings.max_terms, settings.max_pairs)


COMBINATION = Operation(combination.NAME, True, _combine)
_COMBINATIONS = {plain(name) for name in (combination.NAME, *combination.SYNONYMS)}


@cache
def of_loss(loss: Loss) -> Operation:
    """The operation of a registered loss."""

    def answer(fields: dict[str, Any], settings: Settings) -> dict[str, Any]:
        call = bind(loss, fields, settings.max_pairs)
        return response.fields(compute(call.loss, call.tensors, call.options, call.controls))

    return Operation(loss.name, bool(loss.pairs), answer)


def find_operation(name: str) -> Operation:
    """Look up an operation by its name or a synonym. Raises a 404 Failure with the nearest names."""
    if name in LOSSES:
        return of_loss(LOSSES[name])
    return COMBINATION if plain(name[:100]) in _COMBINATIONS else of_loss(find(name))


def name_in(path: str) -> str | None:
    """Return the name in a path /loss/{name}; None for any other path."""
    return path[6:] if path.startswith("/loss/") and path.count("/") == 2 else None
