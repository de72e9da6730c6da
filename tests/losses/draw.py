"""Random calls of any loss, drawn from nothing but its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import LOSSES, InvalidOption, InvalidTensor, Loss
from service.losses.checking import Sizes, check
from service.losses.declaration import Domain, Input, Option, TensorSpec
from service.losses.numerics import Array

ATTEMPTS = 400  # constraints between inputs (rows and classes, lengths) are met by drawing again

every_loss = sorted(LOSSES)


def call(loss: Loss, rng: Generator, dtype: str = "float64") -> tuple[dict[str, Array], dict[str, Any]]:
    """Tensors and options that the loss accepts and answers with finite numbers."""
    for attempt in range(ATTEMPTS):
        options = {option.name: option_value(option, rng) for option in loss.options}
        like = loss.example if attempt >= ATTEMPTS - 50 else {}
        options |= {name: value for name, value in like.items() if name in options}
        arrays = tensors(inputs_under(loss, options), rng, dtype, like)
        try:
            with np.errstate(all="ignore"):
                evaluation = loss.function(**check(loss.inputs, arrays, options), **options)
        except (InvalidTensor, InvalidOption):
            continue
        if np.isfinite(evaluation.numerator).all():
            return arrays, options
    raise AssertionError(f"no call of {loss.name} could be drawn in {ATTEMPTS} attempts")


def option_value(option: Option, rng: Generator) -> Any:
    """The default a third of the time, else a value within the bounds."""
    if rng.random() < 0.33:
        return option.default
    if option.choices:
        return str(rng.choice(option.choices))
    if option.type == "boolean":
        return bool(rng.random() < 0.5)
    low = option.bounds.get("ge", option.bounds.get("gt"))
    high = option.bounds.get("le", option.bounds.get("lt"))
    if option.type == "integer":
        return int(rng.integers(int(low), int(high) + 1)) if high is not None and low is not None else option.default
    below = low if low is not None else -2.0
    above = high if high is not None else below + 3.0
    return float(below + (above - below) * rng.uniform(0.1, 0.9))


def inputs_under(loss: Loss, options: Mapping[str, Any], ignoring: bool = True) -> tuple[Input, ...]:
    """The inputs with the domains to which the options narrow them, and with the label to ignore as a number, which is then drawn too."""
    forms = [tuple(form.under(options) for form in item.forms) for item in loss.inputs]
    return tuple(
        replace(item, forms=tuple(_ignoring(form, options) for form in given) if ignoring else given)
        for item, given in zip(loss.inputs, forms, strict=True)
    )


def _ignoring(form: TensorSpec, options: Mapping[str, Any]) -> TensorSpec:
    return replace(form, besides=str(options[form.besides])) if form.besides in options else form


def tensors(inputs: tuple[Input, ...], rng: Generator, dtype: str = "float64", like: Mapping[str, Any] | None = None) -> dict[str, Array]:
    """An array for each required input and for half of the optional ones; of the sizes of the example `like` where it is given."""
    known = Sizes()
    rest = tuple(int(s) for s in rng.integers(1, 4, size=rng.integers(0, 3)))
    for item in inputs:
        if like and item.name in like:
            known.bind(item, np.shape(like[item.name]))
    sizes, rest = known.named, rest if known.rest is None else known.rest
    arrays = {}
    for item in inputs:
        if item.required or rng.random() < 0.5:
            form = item.forms[int(rng.integers(len(item.forms)))]
            arrays[item.name] = tensor(form, rng, sizes, rest, dtype)
    return arrays


def tensor(form: TensorSpec, rng: Generator, sizes: dict[str, int], rest: tuple[int, ...], dtype: str) -> Array:
    """One array of a declared form. Sizes not yet known are drawn."""
    shape: list[int] = []
    for axis in form.names:
        if axis == "...":
            shape.extend(rest)
        else:
            shape.append(sizes.setdefault(axis, int(axis) if axis.isdigit() else int(rng.integers(2, 5))))
    if form.below:
        drawn = rng.integers(0, sizes.setdefault(form.below, 3), size=shape)
        return drawn if form.besides_literal is None else np.where(rng.random(shape) < 0.25, form.besides_literal, drawn)
    if form.upto:
        return rng.integers(int(form.domain.low), sizes.setdefault(form.upto, 3) + 1, size=shape)
    values = arranged(form, within(form.domain, rng, tuple(shape)))
    return values.astype(np.int64) if form.kind == "integer" else values.astype(dtype)


def arranged(form: TensorSpec, values: Array) -> Array:
    """The values, so ordered that boxes end after they begin."""
    if not form.boxes:
        return values
    return np.concatenate([np.minimum(values[..., :2], values[..., 2:]), np.maximum(values[..., :2], values[..., 2:])], axis=-1)


def within(domain: Domain, rng: Generator, shape: tuple[int, ...]) -> Array:
    """Values well inside a domain, so that a small step stays in it."""
    if domain.values:
        return rng.choice(np.array(domain.values), size=shape)
    low, high = domain.low, domain.high
    if np.isinf(low) and np.isinf(high):
        return rng.normal(size=shape) * 2.0
    if np.isinf(high):
        return low + rng.uniform(0.2, 3.0, size=shape)
    if np.isinf(low):
        return high - rng.uniform(0.2, 3.0, size=shape)
    return low + (high - low) * rng.uniform(0.1, 0.9, size=shape)
