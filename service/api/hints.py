"""Searches for the change of a request under which a claimed result would agree.

Nothing here names a loss: reductions, choices, ranges, domains and axes come from the declarations. An element's error is
|claimed - expected| / max(|expected|, largest |expected| of its tensor / 1000).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, combinations, product
from typing import Any

import ml_dtypes
import numpy as np
from scipy.special import expit, logit

from service.losses import Controls, Evaluation, InvalidOption, Loss, LossError
from service.losses.checking import Sizes
from service.losses.declaration import LINEAR, UNIT, Input, Option, TensorSpec
from service.losses.evaluation import Pullback
from service.losses.naming import COMPARISONS
from service.losses.numerics import Array
from service.losses.reduction import reduce

FLOOR = 1e-3  # of a tensor's largest element: below, an error is relative to that
BLOCK = 32 * 1024  # elements compared at a time: a million take an eighth of the time that whole temporaries do (17 and 134 ms, with BLOCK = 10**6)
MOST_HINTS = 10
LARGEST = float(np.finfo(np.float64).max)
LN2 = math.log(2.0)
FACTORS = (2.0, 0.5, -1.0, LN2, 1 / LN2, 100.0, 0.01, 10.0, 0.1, 4.0, 0.25)  # LN2: logarithms to base 2
NUMBERS = (0.0, 1.0, 0.5, 2.0, 0.1, -1.0, 0.25, 0.2, 0.75, 0.9, 0.01, 0.05, 0.07, 3.0, 4.0, 5.0, 10.0, 100.0, 1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12)
INTEGERS = (0, 1, 2, -1, -100, 255, 3, 4, 5, 10)
FEWER = 9  # alternatives of each option where two are changed

log = logging.getLogger("service")

Scaling = tuple[dict[str, float], float, tuple[str, ...]]
Claim = Mapping[str, Array]  # by `value`, `per_sample`, `gradients.predictions`, ...


@dataclass(frozen=True)
class Variant:
    """A call, and the `change` that leads to it from the request.

    pullbacks: for an input that was replaced, the input whose gradient its own is made of, and how.
    """

    loss: Loss
    tensors: Mapping[str, Array]
    options: Mapping[str, Any]
    controls: Controls
    change: Mapping[str, Any] = field(default_factory=dict)
    pullbacks: Mapping[str, tuple[str, Pullback]] = field(default_factory=dict)

    def outputs(self, key: str, evaluation: Evaluation, reduction: Any) -> tuple[Array, float]:
        """Return the output that a claim calls `key`, and the divisor of the value (0 without one). Raises LossError."""
        output, _, name = key.partition(".")
        source, pull = self.pullbacks.get(name, (name, np.asarray))
        outputs: Any = (output,)
        controls = Controls(
            reduction, self.controls.sample_weight, self.controls.cotangent if reduction == "none" else None, outputs, (source,) if name else None
        )
        with np.errstate(all="ignore"):
            result = reduce(self.loss, evaluation, controls, self.tensors)
            found = getattr(result, output)
            if found is None:
                raise InvalidOption("outputs", f"no {output}; expected reduction mean, sum or batchmean, got {reduction}")
            return pull(found[source]) if name else np.asarray(found), result.normalizer or 0.0

    def scale(self, key: str, evaluation: Evaluation, reduction: str) -> float:
        """Return the size of the terms of a value in which terms may cancel; 0 for all other outputs."""
        if key != "value" or evaluation.numerator.min(initial=0.0) >= 0:
            return 0.0
        return float(self.outputs(key, replace(evaluation, numerator=np.abs(evaluation.numerator)), reduction)[0])

    def changed(self, change: Mapping[str, Any], **fields: Any) -> Variant:
        """Return the call with one more change."""
        return replace(self, change={**self.change, **change}, **fields)


def relative_errors(claimed: Array, expected: Array, scale: float = 0.0) -> Iterator[Array]:
    """Yield the elements' errors in blocks, flat and finite; absolute ones where all that is expected is 0. `scale`: of terms that cancel."""
    theirs, ours = claimed.reshape(-1), expected.reshape(-1)
    floor = FLOOR * max(float(ours.max(initial=0.0)), -float(ours.min(initial=0.0)), scale) or 1.0
    for start in range(0, ours.size, BLOCK):
        part = ours[start : start + BLOCK]
        with np.errstate(all="ignore"):
            error = np.subtract(theirs[start : start + BLOCK], part, dtype=np.float64)
            error = np.abs(error, out=error) / np.maximum(np.abs(part, dtype=np.float64), floor)
            yield np.fmin(error, LARGEST, out=error)


class Late(Exception):
    """The search has reached its deadline."""


def work(call: Variant) -> float:
    """Return the declared operations, in those of one element of a linear loss. Raises InvalidTensor for shapes that do not fit."""
    forms(call.loss, call.tensors)
    return call.loss.cost(call.tensors, call.options).operations / LINEAR.operations


@dataclass(frozen=True)
class Hint:
    """A change under which the claim agrees, and the largest error that it leaves; `only`: the outputs that a factor applies to."""

    loss: Loss
    change: Mapping[str, Any]
    residual: float
    reduction: str
    only: tuple[str, ...] = ()


@dataclass
class Search:
    """A search for what explains a claim: at most so many elements are evaluated, and no evaluation begins after the deadline."""

    claimed: Claim
    tolerance: float
    elements: float
    deadline: float
    tried: int = 0
    cut: bool = False
    sizes: frozenset[int] = frozenset()

    def run(self, starts: Sequence[Variant]) -> list[Hint]:
        """Return the simplest changes. Two options are changed only where one explains nothing to the rounding of the claim."""
        shapes = {array.shape for start in starts for array in start.tensors.values()}
        self.sizes = frozenset(size for shape in shapes for axes in range(1, len(shape) + 1) if (size := math.prod(shape[:axes])))
        hints, costs = list[Hint](), [work(start) for start in starts]
        try:
            for level, variations in enumerate(LEVELS):
                if level == 2 and any(hint.residual <= self.tolerance / 30 for hint in hints):
                    break
                for start, cost in zip(starts, costs, strict=True):
                    variants = variations(start)
                    while self.affords(cost) and (variant := next(variants, None)):  # making a variant is work, too
                        hints += self.explain(variant)
        except Late:
            self.cut = True
        return self.simplest(hints)

    def affords(self, elements: float) -> bool:
        """Take an evaluation off the budget, if it holds so much. Raises Late after the deadline."""
        if time.perf_counter() > self.deadline:
            raise Late
        if elements > self.elements:
            self.cut = True
            return False
        self.elements -= elements
        return True

    def simplest(self, hints: list[Hint]) -> list[Hint]:
        """Keep each loss's hints with the fewest changes, of those that fit about as well as the best. Sort by changes, then by fit."""
        enough = 30 * max(min((hint.residual for hint in hints), default=0.0), self.tolerance / 1000)
        near = sorted((hint for hint in hints if hint.residual <= enough), key=lambda hint: (len(hint.change), hint.residual))
        fewest = {hint.loss: len(hint.change) for hint in reversed(near)}
        return [hint for hint in near if len(hint.change) == fewest[hint.loss]][:MOST_HINTS]

    def explain(self, variant: Variant) -> Iterator[Hint]:
        """Yield the reductions, and the factor or divisor with each, under which the claim agrees with a variant."""
        given = variant.controls.reduction
        try:
            evaluation = variant.loss(**variant.tensors, **variant.options)
        except LossError:
            return
        except Exception:  # a defect of one loss must not fail the search over all
            if not self.cut:
                log.exception("%s failed in a search", variant.loss.name)
            self.cut = True
            return
        scaled = False
        for reduction in (given, *(name for name in variant.loss.reductions if name != given)):
            self.tried += 1
            try:
                found = self.scalings(variant, evaluation, reduction)
            except LossError:
                continue
            if scaled and found and found[0][0]:
                continue  # reductions are mostly factors of one another: the first that a factor leads from is enough
            for scaling, residual, only in found:
                change = {**variant.change, **({"reduction": reduction} if reduction != given else {}), **scaling}
                yield Hint(variant.loss, change, residual, reduction, only)
            if found and not found[0][0]:
                return
            scaled |= bool(found)

    @np.errstate(all="ignore")
    def scalings(self, variant: Variant, evaluation: Evaluation, reduction: str) -> list[Scaling]:
        """Return the scalings under which the claim agrees: {} or a factor or divisor, the residual, and the outputs that are scaled."""
        scaled: tuple[str, ...] = ()
        factor, normalizer, residual, unscaled = 1.0, 0.0, 0.0, False
        for key, claim in self.claimed.items():
            expected, normalizer = variant.outputs(key, evaluation, reduction)
            if claim.shape != expected.shape:
                return []
            error = largest_error(claim, expected)
            if error > self.tolerance and (scale := variant.scale(key, evaluation, reduction)):
                error = largest_error(claim, expected, scale)
            if error > self.tolerance:
                factor = factor if scaled else ratio(claim, expected)
                error = largest_error(claim, factor * expected) if factor and math.isfinite(factor) else LARGEST
                scaled = (*scaled, key)
            elif claim.any():
                unscaled = True
            if error > self.tolerance:
                return []
            residual = max(residual, error)
        if not scaled:
            return [({}, residual, ())]
        found = self.named(factor, 0.0 if "per_sample" in scaled else normalizer, scaled)
        return [(change, max(residual, error), scaled if unscaled else ()) for change, error in found]

    def named(self, factor: float, normalizer: float, scaled: Sequence[str]) -> list[tuple[dict[str, float], float]]:
        """Return the known constants and sizes that a factor is, and the error; one that is none of them needs several numbers to confirm it."""
        known = [("factor", known, known) for known in FACTORS] + [("divisor", float(size), normalizer / size) for size in self.sizes if normalizer]
        errors = [({name: number}, abs(factor / meant - 1)) for name, number, meant in known]
        found = [change for change in errors if change[1] <= self.tolerance]
        if not found and ("per_sample" in self.claimed or sum(np.count_nonzero(self.claimed[key]) for key in scaled) > 1):
            found = [({"factor": factor}, 0.0)]
        return found + ([({"divisor": normalizer / factor}, 0.0)] if normalizer and "per_sample" in self.claimed else [])


def largest_error(claimed: Array, expected: Array, scale: float = 0.0) -> float:
    """Return the largest of the relative errors; of numbers without arrays, which take a tenth of the time."""
    if expected.ndim:
        return max((float(error.max()) for error in relative_errors(claimed, expected, scale)), default=0.0)
    size = abs(float(expected))
    return min(LARGEST, abs(float(claimed) - float(expected)) / (max(size, FLOOR * scale) or 1.0))


def ratio(claim: Array, expected: Array) -> float:
    """Return the factor from expected to claimed, by least squares."""
    if not expected.ndim:
        return float(claim) / float(expected) if expected else 0.0
    with np.errstate(all="ignore"):
        unit = np.ravel(expected).astype(np.float64) / np.abs(expected).max(initial=0.0)
        return float(np.ravel(claim) @ unit / (np.ravel(expected) @ unit))


def coarsest(arrays: Iterable[Array]) -> float:
    """Return the spacing at 1 of the coarsest floating type, float64's where there is none."""
    spacing: Any = ml_dtypes.finfo
    return max((float(spacing(array.dtype).eps) for array in arrays if array.dtype.kind not in "iub"), default=2.0**-52)


# ------------------------------------------------------------------ the changes that are tried


def with_options(start: Variant, count: int) -> Iterator[Variant]:
    """Yield the calls that differ in so many options."""
    for options in combinations(start.loss.options, count):
        values = [alternatives(option, start.options[option.name])[: FEWER if count > 1 else None] for option in options]
        for chosen in product(*values):
            change = {option.name: value for option, value in zip(options, chosen, strict=True)}
            yield start.changed(change, options={**start.options, **change})


def with_inputs(start: Variant) -> Iterator[Variant]:
    """Yield the calls that differ in one input, or in two that are swapped."""
    if start.controls.sample_weight is not None:
        yield start.changed({"sample_weight": "left_out"}, controls=replace(start.controls, sample_weight=None))
    placed, sizes = forms(start.loss, start.tensors)
    for item, form, array in placed:
        others = {name: tensor for name, tensor in start.tensors.items() if name != item.name}
        if not item.required:
            yield start.changed({item.name: "left_out"}, tensors=others)
        for word, replacement, pull in _replacements(item, form, array, sizes):
            yield start.changed({item.name: word}, tensors={**others, item.name: replacement}, pullbacks={item.name: (item.name, pull)})
    for (one, _, a), (two, _, b) in combinations(placed, 2):
        if a.shape == b.shape:
            pullbacks: Any = {one.name: (two.name, np.asarray), two.name: (one.name, np.asarray)}
            yield start.changed({"swapped": (one.name, two.name)}, tensors={**start.tensors, one.name: b, two.name: a}, pullbacks=pullbacks)


def alternatives(option: Option, value: Any) -> list[Any]:
    """Return the other choices of an option, or common numbers in its range and those near its own value, each once."""
    if option.type in ("string", "boolean"):
        return [choice for choice in option.choices or (False, True) if choice != value]
    if option.type == "integer":
        near: list[Any] = [option.default, *INTEGERS, *([value - 1, value + 1] if abs(value) < 2**31 else [])]
    else:
        near = [option.default, 1 - value, *NUMBERS, 2 * value, value / 2, -value, *([1 / value] if value else [])]
    allowed = (x for x in near if math.isfinite(x) and all(COMPARISONS[kind](x, bound) for kind, bound in option.bounds.items()))
    return [x for x in dict.fromkeys(allowed) if x != value]


def forms(loss: Loss, tensors: Claim) -> tuple[list[tuple[Input, TensorSpec, Array]], Mapping[str, int]]:
    """Return the inputs given, each with its declared form, and the sizes of the axes. Raises InvalidTensor."""
    sizes = Sizes()
    found = [(item, sizes.bind(item, tensors[item.name].shape), tensors[item.name]) for item in loss.inputs if item.name in tensors]
    return found, sizes.named


def _replacements(item: Input, form: TensorSpec, array: Array, sizes: Mapping[str, int]) -> Iterator[tuple[str, Array, Pullback]]:
    """Yield what else an input may have been: a word, the array, and the pullback of a gradient to the input given."""
    array = array.astype(np.int64) if array.dtype.kind in "ub" else array  # which have no -1
    if form.below:
        classes = sizes[form.below]
        valid = (array >= 0) & (array < classes)
        for step in (1, -1):
            yield f"{step:+d}", np.where(valid, (array + step) % classes, array), np.asarray
        if any(other.kind == "real" and len(other.names) > len(form.names) for other in item.forms):
            yield "one_hot", np.expand_dims(array, 1) == np.arange(classes).reshape(-1, *[1] * (array.ndim - 1)), np.asarray
    elif form.gradient != "default" and (form.domain == UNIT or form.domain.values in ((0, 1), (-1, 1))):
        yield "inverted", (-array if -1 in form.domain.values else 1 - array), np.negative
    elif form.gradient == "default" and array.ndim:
        x = array.astype(np.result_type(array.dtype, np.float32), copy=False)
        axis = form.names.index("c") if "c" in form.names else -1
        for word, function, pull in CHAINS:
            with np.errstate(all="ignore"):  # what leaves the domain is rejected by the loss
                y = function(x, axis)
            yield word, y, partial(pull, x, y, axis)


def _softmax(x: Array, axis: int) -> Array:
    exponentials = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return exponentials / exponentials.sum(axis, keepdims=True)


# a function of an input, and the pullback of a gradient through it
CHAINS: tuple[tuple[str, Callable[[Array, int], Array], Callable[[Array, Array, int, Array], Array]], ...] = (
    ("softmax", _softmax, lambda x, y, axis, gradient: y * (gradient - (gradient * y).sum(axis, keepdims=True))),
    ("sigmoid", lambda x, axis: expit(x), lambda x, y, axis, gradient: gradient * y * (1 - y)),
    ("log", lambda x, axis: np.log(x), lambda x, y, axis, gradient: gradient / x),
    ("exp", lambda x, axis: np.exp(x), lambda x, y, axis, gradient: gradient * y),
    ("logit", lambda x, axis: logit(x), lambda x, y, axis, gradient: gradient / (x * (1 - x))),
)

LEVELS: tuple[Callable[[Variant], Iterator[Variant]], ...] = (
    lambda start: iter([start]),
    lambda start: chain(with_options(start, 1), with_inputs(start)),
    lambda start: with_options(start, 2),
)
"""The number of changes, and the calls that differ so."""
