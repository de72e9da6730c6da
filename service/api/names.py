"""Resolution of loss names: canonical names, synonyms, and suggestions for unknown names."""

from __future__ import annotations

from functools import cache

from service.api.search import plain, search
from service.errors import Failure
from service.losses import LOSSES, Loss


@cache
def synonyms() -> dict[str, str]:
    """Plain synonym -> canonical name."""
    return {plain(synonym): loss.name for loss in LOSSES.values() for synonym in loss.synonyms}


@cache
def variants() -> dict[str, dict[str, str]]:
    """Plain name of a variant -> the losses that have it, and the options that select it."""
    found: dict[str, dict[str, str]] = {}
    for loss in LOSSES.values():
        for option in loss.options:
            for choice in option.choices if option.name in ("loss_type", "estimator") else ():
                found.setdefault(plain(choice), {})[loss.name] = f'{loss.name} with {option.name} "{choice}"'
    return found


def find(name: str) -> Loss:
    """The loss of this name or synonym; a 404 with the nearest names otherwise."""
    loss = LOSSES.get(name) or LOSSES.get(synonyms().get(plain(name), ""))
    if loss is not None:
        return loss
    known = {plain(canonical): canonical for canonical in LOSSES} | synonyms()
    asked = plain(name)[:100]
    if asked in known:
        return LOSSES[known[asked]]
    if asked in variants():
        known_as = variants()[asked]
        raise Failure(
            "unknown-loss", f"there is no loss {name[:100]!r}; it is {' or '.join(known_as.values())}", extra={"did_you_mean": list(known_as)}
        )
    near = list(search(name)[:5])
    guess = f"; did you mean {near[0]}?" if near else "; GET /loss lists them all"
    raise Failure("unknown-loss", f"there is no loss {name[:100]!r}{guess}", extra={"did_you_mean": near} if near else {})
