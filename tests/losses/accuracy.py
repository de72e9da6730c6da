"""Measure the errors of every loss: adversarial calls drawn from its declaration, against its truth function in many digits.

Value: each numerator (and weight), and the mean that a caller gets. Gradient: a few elements of each, against differences of the truth on
both sides of the point; between the two (a kink) every answer is right, and so is every answer but NaN where the two diverge. A step that
would leave the declared domain is not taken.

An answer `a` to a truth `t` is within bound b when |a - t| <= b |t| + T + C.

T is the smallest normal number: below it floating point has no relative accuracy. C is by how much `t` itself changes when the inputs move
by half a unit in their last place, times SLACK: an answer that is exact for inputs nearer than their neighbors can be told from no
better one. C is what it takes where the function is ill-conditioned: exp(a - b) at |a - b| = 700 multiplies the rounding of a - b by
700, and near a root, or where a sum cancels, no algorithm that rounds once meets a relative bound. It forgives nothing else: a loss of
digits inside a formula (1 - p, log(1 + small), e^x - 1, x^2 out of range) does not come from the inputs, and stays an error. C is looked
for only when the strict criterion fails, so an exact loss never needs it. A few losses declare, with a reason, that the last place is
not each element's own but that of the largest beside it (Bound.unit).

Gradients of losses of vectors are held relative to the largest element of their tensor (Bound.norm): |a - t| <= b max |t| + T + C.
There the inputs are moved by two units, since directions, products and projections are rounded in turn: 1 - cos of parallel vectors is what
that leaves. A tensor with an infinite element is an error as a whole, of which that element is compared.

Where the truth is out of range the answer is an infinity (the service's 422), never NaN; where it is in range the answer is finite.
float32: the same on float32 inputs, 8 units in the last place of float32 elementwise, 16 composed; sums are float64.
Digits: enough for the smallest and largest numbers of the call; whatever differs is computed again with many more and far smaller steps.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
from mpmath import mp
from numpy.random import Generator

from service.losses import LOSSES, Controls, Evaluation, Loss, NonFinite, compute
from service.losses.declaration import COMPOSED, ELEMENTWISE
from service.losses.numerics import Array
from tests.losses import truth
from tests.losses.adversarial import Call, calls

CALLS = {"float64": 24, "float32": 8}
ELEMENTS = 6  # how many elements of gradients are compared in a call, at least one of each input
ENOUGH = 8  # failures after which a loss is not looked at any further
SLACK = 2.0  # how often the change by moving the inputs is allowed
MOVED = {"element": 0.5, "tensor": 2.0}  # by how many units in their last place the inputs are moved, by Bound.norm


# ------------------------------------------------------------------ truths


@cache
def truths() -> dict[str, Callable[..., Any]]:
    """The truth function of each loss that has one."""
    found = {}
    for module in pkgutil.walk_packages(truth.__path__, f"{truth.__name__}."):
        for name, function in vars(importlib.import_module(module.name)).items():
            if name in LOSSES and callable(function) and function.__module__ == module.name:
                found[name] = function
    return found


def exact(array: Array | None) -> Any:
    """As mpmath numbers, where it is real."""
    if array is None or array.dtype.kind != "f":
        return array
    out = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        out[index] = mp.mpf(float(array[index]))
    return out


Change = Mapping[tuple[str, tuple[int, ...]], Any]  # input and index -> what is added to that element


class Truth:
    """The truth function at one call, and near it."""

    def __init__(self, loss: Loss, call: Call, strict: bool = False) -> None:
        self.loss, self.call = loss, call
        reals = [np.abs(a.astype(float)).ravel() for a in call.tensors.values() if a.dtype.kind == "f"]
        numbers = [abs(v) for v in call.options.values() if isinstance(v, float)]
        magnitudes = np.concatenate([*reals, np.array(numbers, dtype=float)])
        tiny = float(np.log10(magnitudes[magnitudes > 0].min(initial=1.0)))
        huge = float(np.log10(magnitudes.max(initial=1.0)))
        exponent = 0.4343 * min(10.0**huge, 750.0)
        self.step_digits = int(40 - tiny) + (300 if strict else 0)
        self.point: tuple[Any, list[Any]] | None = None  # what at_point found, and what it recorded
        self.arguments: dict[str, Any] | None = None
        self.dps = int((self.step_digits + 2 * huge - tiny + exponent + 60) * (1.5 if strict else 1))

    @property
    def function(self) -> Callable[..., Any]:
        return truths()[self.loss.name]

    def __call__(self, change: Change | None = None) -> tuple[list[Any], list[Any] | None]:
        """Numerators and, where they are not the sizes, weights."""
        if self.arguments is None:
            self.arguments = {item.name: exact(self.call.tensors.get(item.name)) for item in self.loss.inputs}
        changed = {name: self.arguments[name].copy() for name, _ in change or {}}
        for (name, index), amount in (change or {}).items():
            changed[name][index] += amount
        options = {name: mp.mpf(value) if isinstance(value, float) else value for name, value in self.call.options.items()}
        result = self.function(**(self.arguments | changed), **options)
        numerators, weights = result if isinstance(result, tuple) else (result, None)
        return list(numerators), None if weights is None else list(weights)

    def at_point(self, moved: Change | None = None) -> tuple[tuple[list[Any], list[Any] | None], list[Any]]:
        """The truth, and the constants that it recorded."""
        if self.point is not None and not moved:
            return self.point
        truth.tape.clear()
        found = self(moved), list(truth.tape)
        if not moved:
            self.point = found
        return found

    def nearby(self, change: Change, tape: list[Any]) -> tuple[list[Any], list[Any] | None]:
        truth.replay = list(tape)
        try:
            return self(change)
        finally:
            truth.replay = None

    def slopes(self, name: str, index: tuple[int, ...], cotangent: Array, moved: Change | None = None) -> list[Any]:
        """One-sided derivatives of sum(cotangent * numerators), the sides that the domain has."""
        step = mp.mpf(10) ** -self.step_digits
        (base, _), tape = self.at_point(moved)
        found = []
        for sign in (1, -1):
            if self.inside(name, index, sign):
                change = dict(moved or {})
                change[name, index] = change.get((name, index), 0) + sign * step
                there, _ = self.nearby(change, tape)
                found.append(sign * mp.fsum(mp.mpf(float(c)) * (a - b) for c, a, b in zip(cotangent, there, base, strict=True) if a != b) / step)
        return found

    def inside(self, name: str, index: tuple[int, ...], sign: int, amount: float = 0.0) -> bool:
        """Return true if the domain continues in that direction for more than the amount."""
        item = next(item for item in self.loss.inputs if item.name == name)
        value = float(self.call.tensors[name][index])
        return all(
            not form.domain.values and (value < form.domain.high - amount if sign > 0 else value - amount > form.domain.low)
            for form in (form.under(self.call.options) for form in item.forms)
            if form.kind == "real"
        )

    def movements(self, rng: Generator) -> Iterator[Change]:
        """All inputs moved by units in their last place, up or down: in random directions, and each tensor alone."""
        bound = self.loss.bound
        for whose in ("vector", "call") if bound.norm == "tensor" and bound.unit == "call" else (bound.unit,):
            yield from self.movements_of(whose, MOVED[bound.norm], rng)

    def movements_of(self, whose: str, units: float, rng: Generator) -> Iterator[Change]:
        sizes = {
            (name, index): size
            for name, array in self.call.tensors.items()
            if array.dtype.kind == "f"
            for index in np.ndindex(array.shape)
            if (size := self.size(array, index, whose))
        }
        unit = {place: float(np.spacing(size)) for place, size in sizes.items()}
        directions = [rng.choice((-1, 1), size=len(unit)) for _ in range(4 if whose == "element" else 16)]
        names = {name for name, _ in unit}
        directions += [np.array([sign if name == chosen else 0 for name, _ in unit]) for chosen in names for sign in (1, -1)]
        for direction in directions:
            signs = {place: int(sign) for place, sign in zip(unit, direction, strict=True)}
            room = {place: 0.0 if whose == "element" else max(units, 1.0) * unit[place] for place in unit}
            moved = {place for place, sign in signs.items() if sign and self.inside(*place, sign, room[place])}
            yield {place: signs[place] * mp.mpf(unit[place]) * units for place in moved}

    def size(self, array: Array, index: tuple[int, ...], whose: str) -> Any:
        """Of the number whose last place this element is known to (Bound.unit), its size."""
        match whose:
            case "element":
                return np.abs(array[index])
            case "vector":
                return np.abs(array[index[:-1]]).max()
            case "tensor":
                return np.abs(array).max()
            case "call":
                return array.dtype.type(max(np.abs(other).max() for other in self.call.tensors.values() if other.dtype.kind == "f"))
            case "one":
                return np.abs(array).max(initial=1)


# ------------------------------------------------------------------ the comparison


@dataclass
class Worst:
    """The largest error of one quantity, in units of what is relative to the truth, and each that is over its bound."""

    error: float = 0.0
    failures: list[str] = field(default_factory=list)
    compared: int = 0

    def take(self, error: float, bound: float, where: Callable[[], str]) -> None:
        """where: says what was compared; writing numbers out takes longer than comparing them."""
        self.compared += 1
        self.error = max(self.error, error)
        if error > bound:
            self.failures.append(f"{where()}: error {error:.3g}, bound {bound:.3g}")


@dataclass
class Report:
    value: Worst = field(default_factory=Worst)
    gradient: Worst = field(default_factory=Worst)

    @property
    def failures(self) -> list[str]:
        return [*self.value.failures, *self.gradient.failures]


def bounds(loss: Loss, dtype: str) -> tuple[float, float]:
    if dtype == "float64":
        return loss.bound.value, loss.bound.gradient
    unit = 2.0**-23
    if loss.bound.norm == "tensor":
        return 16 * unit, 16 * unit  # computed in float64

    def single(bound: float, composed: float) -> float:
        return 8 * unit if bound <= ELEMENTWISE.value else 16 * unit if bound <= composed else bound / 2.0**-52 * unit

    return single(loss.bound.value, COMPOSED.value), single(loss.bound.gradient, COMPOSED.gradient)


class Judge:
    """Compares answers with the truths of one call."""

    def __init__(self, loss: Loss, call: Call, dtype: str, report: Report) -> None:
        self.loss, self.call, self.report = loss, call, report
        self.truth, self.strict = Truth(loss, call), Truth(loss, call, strict=True)
        self.info = np.finfo(dtype)
        self.floor = mp.mpf(float(self.info.smallest_normal))
        self.bounds = bounds(loss, dtype)
        self.rng = np.random.default_rng(0)
        self.sizes: dict[str, Any] = {}  # the largest element of each gradient

    def relative(self, ours: float, low: Any, high: Any, allowance: Any = 0, size: Any = 0) -> float:
        """The error relative to the truth, or to `size` if that is larger, beyond the smallest normal number and the allowance.

        low and high bracket the truth.
        """
        if np.isnan(ours):
            return float("inf")
        limit = mp.mpf(float(self.info.max)) * (1 - mp.mpf(2) ** -20)
        if np.isinf(ours):
            return 0.0 if (high >= limit if ours > 0 else low <= -limit) else float("inf")
        if not (mp.isfinite(low) and mp.isfinite(high)):
            return float("inf")  # or the truth function has too few digits: 1 - sigmoid(1e5) has to be written sigmoid(-1e5)
        mine = mp.mpf(ours)
        miss = max(low - mine, mine - high, mp.mpf(0)) - self.floor - allowance
        if miss <= 0:
            return 0.0
        against = max(abs(low if mine < low else high), size)
        return float(min(miss / against, mp.mpf("1e300"))) if against else float("inf")

    def value(self, ours: Array, pick: Callable[[tuple[list[Any], list[Any] | None]], list[Any]], what: str) -> None:
        """Compare numbers with those that `pick` takes from the truth."""
        with mp.workdps(self.truth.dps):
            wanted = pick(self.truth.at_point()[0])
            for i in range(len(wanted)):
                error = self.relative(float(ours[i]), wanted[i], wanted[i])
                if error > self.bounds[0]:
                    error = self.value_again(float(ours[i]), pick, i)
                said = partial(self.described, what, i, float(ours[i]), wanted[i])
                self.report.value.take(error, self.bounds[0], said)

    def described(self, what: str, at: int, ours: float, wanted: Any) -> str:
        return f"{what}[{at}] = {ours!r}, truth {mp.nstr(wanted, 20)} in {self.call}"

    def value_again(self, ours: float, pick: Callable[[Any], list[Any]], at: int) -> float:
        """The error beyond what the inputs' own rounding explains; with more digits where that is not all of it."""
        for true in (self.truth, self.strict):
            with mp.workdps(true.dps):
                result, tape = true.at_point()
                wanted, change = pick(result)[at], mp.mpf(0)
                error = self.relative(ours, wanted, wanted)
                if np.isfinite(ours):
                    for moved in self.truth.movements(self.rng):
                        if error <= self.bounds[0]:
                            return error
                        change = max(change, SLACK * abs(pick(true.nearby(moved, tape))[at] - wanted))
                        error = self.relative(ours, wanted, wanted, change)
            if error <= self.bounds[0]:
                break
        return error

    def gradients(self, ours: Array, name: str, cotangent: Array, places: list[tuple[int, ...]]) -> None:
        """Compare some elements of a gradient."""
        if self.loss.bound.norm == "tensor" and self.out_of_range(ours, name, cotangent):
            return
        for index in places:
            with mp.workdps(self.truth.dps):
                slopes = self.truth.slopes(name, index, cotangent)
                if not slopes:
                    continue
                mine = float(ours[index])
                error = self.relative(mine, min(slopes), max(slopes))
                if error > self.bounds[1] and self.loss.bound.norm == "tensor":
                    error = self.relative(mine, min(slopes), max(slopes), size=self.largest(ours, name, cotangent, places))
                if error > self.bounds[1]:
                    error = self.gradient_again(mine, name, [index, *places], cotangent, slopes)

            def said(index: tuple[int, ...] = index, slopes: list[Any] = slopes) -> str:
                found = " to ".join(mp.nstr(slope, 20) for slope in sorted(slopes))
                return f"gradient {name}{list(index)} = {float(ours[index])!r}, truth {found} in {self.call}"

            self.report.gradient.take(error, self.bounds[1], said)

    def out_of_range(self, ours: Array, name: str, cotangent: Array) -> bool:
        """Return true where an infinite element of ours is one of the truth: then the tensor is an error as a whole."""
        limit = mp.mpf(float(self.info.max)) * (1 - mp.mpf(2) ** -20)
        with mp.workdps(self.truth.dps):
            infinite = (tuple(int(k) for k in index) for index in np.argwhere(np.isinf(ours)))
            return any(abs(slope) >= limit for index in infinite for slope in self.truth.slopes(name, index, cotangent))

    def largest(self, ours: Array, name: str, cotangent: Array, places: list[tuple[int, ...]]) -> Any:
        """The largest true element among those compared and the one that is the largest of ours: no more than the tensor's largest."""
        if name not in self.sizes:
            top = tuple(int(k) for k in np.unravel_index(int(np.abs(ours).argmax()), ours.shape))
            found = [self.truth.slopes(name, index, cotangent) for index in (top, *places)]
            self.sizes[name] = max((max(map(abs, slopes)) for slopes in found if slopes), default=mp.mpf(0))
        return self.sizes[name]

    def gradient_again(self, ours: float, name: str, places: list[tuple[int, ...]], cotangent: Array, first: list[Any]) -> float:
        """The error of the first place beyond what the inputs' own rounding explains; with more digits where that is not all of it.

        With the norm of a tensor, what moving the inputs changes at any of the places explains it.
        """
        size = self.sizes.get(name, 0)
        error = float("inf")
        for true in (self.truth, self.strict):
            with mp.workdps(true.dps):
                slopes = true.slopes(name, places[0], cotangent)
                if any(abs(a - b) > mp.mpf("1e-3") * max(abs(a), abs(b), 1) for a, b in zip(slopes, first, strict=True)):
                    return float("inf") if np.isnan(ours) else 0.0  # no derivative: the differences diverge as the step shrinks
                error, change = self.relative(ours, min(slopes), max(slopes), 0, size), mp.mpf(0)
                for place in places if self.loss.bound.norm == "tensor" else places[:1]:
                    here = true.slopes(name, place, cotangent)
                    for moved in true.movements(self.rng) if np.isfinite(ours) and error > self.bounds[1] else ():
                        there = true.slopes(name, place, cotangent, moved)
                        change = max([change, *(SLACK * abs(a - b) for a, b in zip(there, here, strict=True))])
                        error = self.relative(ours, min(slopes), max(slopes), change, size)
                        if error <= self.bounds[1]:
                            return error
            if error <= self.bounds[1]:
                break
        return error


def evaluate(loss: Loss, call: Call) -> Evaluation:
    with np.errstate(all="ignore"):
        return loss.function(**call.tensors, **call.options)


Answerer = Callable[[Loss, Call], Evaluation | None]


def measure(loss: Loss, dtype: str = "float64", number: int | None = None, answerer: Answerer = evaluate, enough: int = ENOUGH) -> Report:
    """The worst errors over adversarial calls, of our answers or another's (None where it has none)."""
    report = Report()
    for call in calls(loss, dtype, number or CALLS[dtype]):
        if len(report.failures) >= enough:
            break
        compare(loss, call, dtype, report, answerer)
    return report


def compare(loss: Loss, call: Call, dtype: str, report: Report, answerer: Answerer = evaluate) -> None:
    """One call's errors, added to the report."""
    evaluation = answerer(loss, call)
    if evaluation is None:
        return
    judge = Judge(loss, call, dtype, report)
    judge.value(evaluation.numerator, lambda result: result[0], "numerator")
    if answerer is evaluate:
        judge.value(evaluation.weight, lambda result: result[1] or [], "weight")
    if not np.isfinite(evaluation.numerator).all():
        return
    rng = np.random.default_rng(len(call.label))
    cotangent = 2.0 ** -rng.integers(0, 4, size=evaluation.numerator.shape)
    given = {name: pullback for name, pullback in evaluation.gradients.items() if name in call.tensors}
    share = max(1, ELEMENTS // max(1, len(given)))
    for name, pullback in given.items():
        with np.errstate(all="ignore"):
            gradient = pullback(cotangent)
        places = list(np.ndindex(gradient.shape))
        chosen = rng.choice(len(places), size=min(share, len(places)), replace=False)
        judge.gradients(gradient, name, cotangent, [places[at] for at in chosen])
    if "mean" in loss.reductions and answerer is evaluate:
        mean_of_the_call(loss, call, judge, evaluation)


def mean_of_the_call(loss: Loss, call: Call, judge: Judge, evaluation: Evaluation) -> None:
    """Compare the mean of `compute`, divided by the weights that were just compared."""
    try:
        value = compute(loss, call.tensors, call.options, Controls(outputs=("value",))).value
    except NonFinite:
        value = float("inf")
    weights = [mp.mpf(float(w)) for w in evaluation.weight]

    def mean(result: tuple[list[Any], list[Any] | None]) -> list[Any]:
        if evaluation.mean_of == "samples":
            return [mp.fsum(u / w for u, w in zip(result[0], weights, strict=True) if w) / len(weights)]
        total = mp.fsum(weights)
        return [mp.fsum(result[0]) / total if total else mp.mpf(0)]

    judge.floor /= float(np.clip(evaluation.weight.sum(), judge.info.smallest_normal, 1.0))  # a numerator below the smallest normal number is lost
    judge.value(np.array([value]), mean, "mean")


if __name__ == "__main__":
    from tests.losses.accuracy_table import main

    main(sys.argv[1:])
