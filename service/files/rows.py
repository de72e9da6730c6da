"""The declaration of a loss as rows see it: which inputs rows hold, where the sample axis is, and what each row gives."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from service.losses import Controls, InvalidOption, Loss
from service.losses.declaration import Input, Option
from service.losses.numerics import Array
from service.losses.reduction import reduce

MAX_BYTES = 400_000_000  # of what one call computes: two thirds of the service's default bound of one request


def compute_rows(
    loss: Loss, tensors: Mapping[str, Array], options: Mapping[str, Any], weights: Array | None = None, wrt: Sequence[str] = ()
) -> dict[str, Array]:
    """Compute `loss`, `weight` and `gradient_<input>`, each with the rows on its first axis; see loss_columns."""
    with np.errstate(all="ignore"):  # reduce() looks for infinities in its results
        evaluation = loss(**tensors, **options)
        found = reduce(loss, evaluation, Controls("mean", weights, outputs=("per_sample",)), tensors).per_sample
        sum_of_rows = Controls("sum", weights, outputs=("gradients",), wrt=tuple(wrt))
        if evaluation.mean_of == "samples":  # CTC's mean is over samples: the sum of `loss`, not of the numerators
            cotangent = (1.0 if weights is None else weights) / evaluation.weight
            sum_of_rows = Controls("none", cotangent=cotangent, outputs=("gradients",), wrt=tuple(wrt))
        gradients = (reduce(loss, evaluation, sum_of_rows, tensors).gradients or {}) if wrt else {}
    share = np.ones(evaluation.numerator.size) if evaluation.mean_of == "samples" else evaluation.weight
    results = {"loss": np.asarray(found), "weight": share if weights is None else share * weights}
    for name, gradient in gradients.items():
        results[f"gradient_{name}"] = np.moveaxis(gradient, axis_of_samples(loss, name, gradient.ndim), 0)
    return results


def require_merging(loss: Loss, options: Mapping[str, Any]) -> None:
    """Raise InvalidOption for a loss whose value over a batch is not made of values over its parts."""
    for name, value in loss.merging.items():
        if options.get(name, value) != value:
            raise InvalidOption(name, f"does not merge over parts of a batch; expected {value}, got {options[name]}")
    if not loss.merges:
        because = f"{loss.name}, which is defined on the batch as a whole (divisor: {loss.divisor})"
        raise InvalidOption("loss", f"does not merge over parts of a batch; expected a loss that does, got {because}")


def loss_input(loss: Loss, name: str) -> Input:
    """The declared input of this name; InvalidOption where there is none."""
    for item in loss.inputs:
        if item.name == name:
            return item
    raise InvalidOption(name, f"unknown input of {loss.name}; expected one of {', '.join(item.name for item in loss.inputs)}")


def sample_axis(loss: Loss) -> str:
    """The name of the axis that counts the samples: n, or the first axis of the first input where no input has n (rpn, fast_rcnn)."""
    names = {axis for item in loss.inputs for form in item.forms for axis in form.names}
    return "n" if "n" in names else loss.inputs[0].forms[0].names[0]


def row_inputs(loss: Loss) -> tuple[Input, ...]:
    """The inputs that have the sample axis, so that rows of a file can hold them."""
    axis = sample_axis(loss)
    return tuple(item for item in loss.inputs if any(axis in form.names for form in item.forms))


def axis_of_samples(loss: Loss, name: str, rank: int) -> int:
    """The position of the sample axis in the input's form of this rank: 0, but 1 for CTC's (t, n, c)."""
    axis = sample_axis(loss)
    positions = [form.names.index(axis) for form in loss_input(loss, name).forms if axis in form.names]
    if not positions:
        raise InvalidOption(name, "no sample axis; expected an array among the options, got a column")
    return min(positions[0], rank - 1)


def rows_at_once(loss: Loss, tensors: Mapping[str, Array], rows: int) -> int:
    """Return the number of rows of one call: all, unless the loss compares all with all inside a row."""
    if not loss.work.names or not rows:
        return max(rows, 1)
    memory = loss.cost(tensors, {option.name: option.default for option in loss.options}).memory
    return max(1, min(rows, int(rows * MAX_BYTES / memory)))


def take_rows(loss: Loss, tensors: Mapping[str, Array], first: int, last: int) -> dict[str, Array]:
    """The tensors of some of the rows, as views; inputs without a sample axis are whole."""
    held = {item.name for item in row_inputs(loss)}
    return {
        name: array[(slice(None),) * axis_of_samples(loss, name, array.ndim) + (slice(first, last),)] if name in held else array
        for name, array in tensors.items()
    }


# ------------------------------------------------------------------ options

BOUNDS = {"ge": (">=", operator.ge), "gt": (">", operator.gt), "le": ("<=", operator.le), "lt": ("<", operator.lt)}
TYPES: Mapping[str, tuple[type, ...]] = {"number": (int, float), "integer": (int,), "boolean": (bool,), "string": (str,)}


def option_range(option: Option) -> str:
    """The values that an option may have, in words."""
    if option.choices:
        return " or ".join(option.choices)
    return f"{option.type} {' and '.join(f'{BOUNDS[key][0]} {bound:g}' for key, bound in option.bounds.items())}".rstrip()


def check_option(option: Option, value: Any) -> Any:
    """The value, or InvalidOption where it is outside of the option's declaration."""
    typed = isinstance(value, TYPES[option.type]) and isinstance(value, bool) == (option.type == "boolean")
    chosen = not option.choices or value in option.choices
    if not typed or not chosen or not all(BOUNDS[key][1](value, bound) for key, bound in option.bounds.items()):
        raise InvalidOption(option.name, f"not in the range of the option; expected {option_range(option)}, got {str(value)[:100]!r}")
    if option.type == "number" and not math.isfinite(value):
        raise InvalidOption(option.name, f"not finite; expected a finite number, got {value}")
    return value


def check_options(loss: Loss, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, or InvalidOption for the first one that the loss does not have or that is outside of its declaration."""
    declared = {option.name: option for option in loss.options}
    for name in given:
        if name not in declared:
            raise InvalidOption(name, f"unknown option of {loss.name}; expected {', '.join(declared) or 'none'}")
    return {name: check_option(declared[name], value) for name, value in given.items()}
