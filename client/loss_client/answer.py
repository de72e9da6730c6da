"""The response of a loss, and the merging of responses over shards of a batch."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from loss_client.arrays import concatenate, like


class Answer:
    """The response of a loss. An output that was not requested is no attribute of it.

    Arrays are of the library and device of the tensor that they belong to: gradients and Hessian diagonals of the input of their name, all
    others of the call's first tensor. They have that tensor's dtype if it is a floating-point one; `state` that was not sent keeps its own. `parts` are the
    named terms of `value`. In the answer of a combination, `terms` are answers, each with its `name` and `weight`.
    """

    loss: str
    reduction: str
    value: float
    normalizer: float
    per_sample: Any
    per_element: Any
    gradients: dict[str, Any]
    hessian_diagonal: dict[str, Any]
    parts: dict[str, float]
    state: dict[str, Any]
    terms: list[Answer]
    name: str
    weight: float
    card: Mapping[str, Any]

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        return f"Answer({', '.join(f'{name}={reprlib.repr(value)}' for name, value in vars(self).items() if name != 'card')})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"{name}: not in this answer; expected one of {', '.join(vars(self))}; `outputs` and `reduction` decide")


def read(fields: dict[str, Any], request: Mapping[str, Any], card: Mapping[str, Any]) -> Answer:
    """The answer in a decoded response; arrays become like those of the request."""
    first = next((request[item["name"]] for item in card["inputs"] if request.get(item["name"]) is not None), None)

    def converted(value: Any, of: Any, cast: bool) -> Any:
        if isinstance(value, dict):
            return {key: converted(item, request.get(key, of), key in request) for key, item in value.items()}
        if isinstance(value, np.ndarray):
            return like(value, of, cast) if value.ndim else float(value)
        return value

    return Answer(**{name: converted(value, first, True) for name, value in fields.items()}, card=card)


def merge(answers: Sequence[Answer]) -> Answer:
    """The answer of a whole batch, from those of its shards with the same options, in the batch's order.

    With `mean` and `batchmean` values and gradients are weighted by `normalizer`: value = sum(value * normalizer) / sum(normalizer). With
    `sum` they add. Arrays with the sample axis are concatenated; gradients of inputs without it, which all shards share, are summed.
    Raises ValueError for a loss whose card says that it does not merge, for unlike answers, and for a combination with learned weights.
    """
    first, held = answers[0], vars(answers[0])
    if not first.card["merges"] or "log_variances" in held.get("gradients", ()) or len({_like(answer) for answer in answers}) > 1:
        raise ValueError(f"answers: {first.loss} does not merge over these; expected a loss that merges, and the same outputs and reduction")
    if "terms" in held:
        terms = [merge(shards) for shards in zip(*(answer.terms for answer in answers), strict=True)]
        return Answer(**held | {"terms": terms, "value": sum(term.weight * term.value for term in terms)})
    averaged = first.reduction in ("mean", "batchmean")
    total = sum(answer.normalizer for answer in answers) if averaged else 1.0
    shares = [(answer.normalizer / total if total else 0.0) if averaged else 1.0 for answer in answers]
    by_input = sample_axes(first.card)
    axes = {"value": None, "parts": {}, "per_sample": 0, "per_element": 0, "gradients": by_input, "hessian_diagonal": by_input}

    def joined(values: Sequence[Any], axes: Any, scaled: bool) -> Any:
        if isinstance(values[0], dict):
            return {key: joined([value[key] for value in values], axes.get(key), scaled) for key in values[0]}
        parts = [value * share for value, share in zip(values, shares, strict=True)] if scaled else values
        return sum(parts) if axes is None else concatenate(parts, axes)

    merged = {name: joined([getattr(answer, name) for answer in answers], axes[name], axes[name] != 0) for name in axes.keys() & held.keys()}
    kept = {name: value for name, value in held.items() if name != "state"}
    return Answer(**kept | merged | ({"normalizer": total} if "value" in held else {}))


def _like(answer: Answer) -> tuple[Any, ...]:
    """Fields that results must share to be merged."""
    return answer.loss, getattr(answer, "reduction", None), frozenset(vars(answer))


def sample_axes(card: Mapping[str, Any]) -> dict[str, int | None]:
    """The place of the sample axis in each input's axes, such as `(t, n, c)`: that of n, or of the first axis where a loss has no n."""
    axes = {item["name"]: item["axes"].partition(" or ")[0].strip("(,)").split(", ") for item in card["inputs"]}
    samples = "n" if any("n" in names for names in axes.values()) else next(iter(axes.values()))[0]
    return {name: names.index(samples) if samples in names else None for name, names in axes.items()}
