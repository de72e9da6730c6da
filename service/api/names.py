"""Resolution of loss names: canonical names, synonyms, library names with their presets, and suggestions for unknown names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from service.api.search import search
from service.errors import Failure
from service.losses import LOSSES, Loss
from service.losses.naming import Equivalent, agreed, bare_names, plain, preset


@cache
def synonyms() -> dict[str, str]:
    """Plain name or synonym -> canonical name. A library's bare name is one where every library that has it gives our default's number."""
    agreeing = {plain(word): agreed(meanings) for word, meanings in bare_names(LOSSES.values()).items() if agreed(meanings)}
    declared = {plain(word): loss.name for loss in LOSSES.values() for word in (loss.name, *loss.synonyms)}
    return agreeing | declared


@cache
def qualified() -> dict[str, Loss]:
    """Library name -> the loss with that library's defaults."""
    return {equivalent.name: preset(loss, equivalent) for loss in LOSSES.values() for equivalent in loss.equivalents}


@cache
def ambiguous() -> dict[str, dict[str, str]]:
    """Word -> the names that it could mean, each with its meaning: declared words and variants (plain), and bare names of libraries (as spelled)."""
    found: dict[str, dict[str, str]] = {}
    for loss in LOSSES.values():
        for word, meaning in loss.ambiguous.items():
            found.setdefault(plain(word), {})[loss.name] = f"{loss.name}, {meaning}"
        for option in loss.options:
            for choice in option.choices if option.name in ("loss_type", "estimator") else ():
                if plain(choice) in synonyms():
                    continue
                found.setdefault(plain(choice), {})[loss.name] = f'{loss.name} with {option.name} "{choice}"'
    for word, meanings in bare_names(LOSSES.values()).items():
        if word not in LOSSES and not agreed(meanings):
            found[word] = found.get(plain(word), {}) | dict(_meanings(meanings))
    return found


def _meanings(meanings: Iterable[tuple[str, Equivalent | None]]) -> Iterable[tuple[str, str]]:
    for loss, equivalent in meanings:
        yield loss, f"{loss} with its own defaults"
        if equivalent is not None:
            presets = ", ".join(f"{key} {value}" for key, value in equivalent.options.items())
            yield equivalent.name, f"{equivalent.name}, which is {loss} with {presets or 'its own defaults'}"


@cache
def unlike() -> dict[str, tuple[str, str]]:
    """Library name -> the loss that it resembles, and the difference."""
    return {name: (loss.name, reason) for loss in LOSSES.values() for name, reason in loss.unlike.items()}


def find(name: str) -> Loss:
    """The loss of this name, synonym or library name; a 404 with the nearest names otherwise."""
    loss = LOSSES.get(name) or qualified().get(name)
    if loss is not None:
        return loss
    key, shown = plain(name[:200])[:100], repr(name[:100])
    could_mean = ambiguous().get(name) or ambiguous().get(key)
    if could_mean:
        raise _unknown(f"{shown} is not one loss; it could mean {'; or '.join(could_mean.values())}", list(could_mean))
    if key in synonyms():
        return LOSSES[synonyms()[key]]
    if name in unlike():
        near, reason = unlike()[name]
        raise _unknown(f"there is no loss {shown}; the nearest is {near}, but {reason}", [near])
    found = list(search(name.rpartition(".")[2])[:5])
    guess = f"; did you mean {found[0]}?" if found else "; GET /loss lists them all"
    raise _unknown(f"there is no loss {shown}{guess}", found)


def _unknown(detail: str, names: list[str]) -> Failure:
    return Failure("unknown-loss", detail, extra={"did_you_mean": names} if names else {})
