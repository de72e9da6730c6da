"""Names of losses: the plain form in which they are compared, library names with their presets, and words of several losses.

A docstring declares them in four lines. `Synonyms: a, b` names the loss. `Equivalents: torch.nn.HuberLoss, optax.losses.hinge_loss(margin=2.0)` names
public losses of libraries, each with the options that their default calls preset. `Unlike: keras.losses.Circle why it is not; ...` and
`Ambiguous: log_loss of probabilities; ...` give names and words that are not names of the loss, each with a reason or a meaning.
"""

from __future__ import annotations

import ast
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from service.losses.declaration import Option

if TYPE_CHECKING:
    from service.losses.registry import Loss

LIBRARIES = ("torch.nn", "torch.nn.functional", "keras.losses", "optax.losses", "torchvision.ops", "sklearn.metrics", "monai.losses")
UNREDUCED = ("optax.losses", "torchvision.ops")  # as are the functions of keras.losses
KINDS: dict[str, tuple[type, ...]] = {"number": (int, float), "integer": (int,), "boolean": (bool,), "string": (str,)}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}


@dataclass(frozen=True)
class Equivalent:
    """A public loss of a library by its qualified name, and what its default call presets."""

    name: str
    options: Mapping[str, Any]
    reduction: Literal["mean", "sum", "none", "batchmean"]

    @property
    def bare(self) -> str:
        """The name without its library."""
        return self.name.rpartition(".")[2]


def plain(name: str) -> str:
    """MSELoss, mse_loss and mse-loss are one name."""
    return "".join(c for c in name.lower() if c.isalnum())


def equivalents(loss: str, text: str, options: Iterable[Option]) -> tuple[Equivalent, ...]:
    """Read the line `Equivalents`, names and calls in Python's syntax. Raises TypeError for unknown libraries, options and values."""
    known = {option.name: option for option in options}
    tree = ast.parse(f"({text},)" if text else "()", mode="eval").body
    return tuple(_equivalent(loss, node, known) for node in getattr(tree, "elts", ()))


def _equivalent(loss: str, node: ast.expr, known: Mapping[str, Option]) -> Equivalent:
    call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
    name = ast.unparse(call.func)
    library, _, bare = name.rpartition(".")
    if library not in LIBRARIES or call.args:
        raise TypeError(f"loss {loss}: {ast.unparse(node)!r} is no loss of {', '.join(LIBRARIES)} with options by name")
    presets = {keyword.arg or "**": ast.literal_eval(keyword.value) for keyword in call.keywords}
    reduction = presets.pop("reduction", "none" if library in UNREDUCED or (library == "keras.losses" and bare.islower()) else "mean")
    for key, value in presets.items():
        if key not in known or not _fits(known[key], value):
            raise TypeError(f"loss {loss}: {name} presets {key}={value!r}, which is no option with such a value")
    return Equivalent(name, presets, reduction)


def _fits(option: Option, value: Any) -> bool:
    if not isinstance(value, KINDS[option.type]) or (option.choices and value not in option.choices):
        return False
    return all(COMPARISONS[bound](value, limit) for bound, limit in option.bounds.items())


def with_reasons(text: str) -> dict[str, str]:
    """Read a line of names, each with words on it: `log_loss of probabilities; logloss of probabilities`."""
    entries = [entry.strip().partition(" ") for entry in text.split(";") if entry.strip()]
    return {name: reason.strip() for name, _, reason in entries}


def preset(loss: Loss, equivalent: Equivalent) -> Loss:
    """The same loss with the defaults of a library's call."""
    options = tuple(replace(option, default=equivalent.options.get(option.name, option.default)) for option in loss.options)
    return replace(loss, options=options, reduction=equivalent.reduction)


def bare_names(losses: Iterable[Loss]) -> dict[str, list[tuple[str, Equivalent | None]]]:
    """Every bare name that libraries have: the losses that it may mean, with None where the library's loss is unlike ours."""
    found: dict[str, list[tuple[str, Equivalent | None]]] = defaultdict(list)
    for loss in losses:
        for equivalent in loss.equivalents:
            found[equivalent.bare].append((loss.name, equivalent))
        for name in loss.unlike:
            found[name.rpartition(".")[2]].append((loss.name, None))
    return found


def agreed(meanings: Iterable[tuple[str, Equivalent | None]]) -> str:
    """The loss whose default number every library with a bare name gives; empty where they differ."""
    owners = {loss if equivalent is not None and not equivalent.options else "" for loss, equivalent in meanings}
    return owners.pop() if len(owners) == 1 else ""


def check_names(losses: Mapping[str, Loss]) -> None:
    """Raise TypeError where two losses claim a name, or where a synonym has another meaning in a library or for another loss."""
    claims: dict[str, str] = {}
    for loss in losses.values():
        qualified = [equivalent.name for equivalent in loss.equivalents] + list(loss.unlike)
        for word in dict.fromkeys((plain(loss.name), *map(plain, loss.synonyms), *qualified)):
            if claims.setdefault(word, loss.name) != loss.name:
                raise TypeError(f"{word} is a name of {claims[word]} and of {loss.name}; expected a name of one loss")
    for loss in losses.values():
        for word in loss.ambiguous:
            if plain(word) in claims:
                raise TypeError(f"{word} is ambiguous for {loss.name} and a name of {claims[plain(word)]}")
    spelled = {synonym: loss.name for loss in losses.values() for synonym in loss.synonyms}
    for word, meanings in bare_names(losses.values()).items():
        if word in spelled and agreed(meanings) != spelled[word]:
            raise TypeError(f"{word} is a synonym of {spelled[word]}, but means another number in a library: {meanings}")
