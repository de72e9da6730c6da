"""The vocabulary of declarations: domains, tensors, inputs, options, and the annotations that losses share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from math import inf, isfinite, prod
from typing import Annotated, Any, Literal, NamedTuple

import annotated_types
import numpy as np

from service.losses.numerics import Array

INT64 = np.dtype(np.int64)
Reduction = Literal["mean", "sum", "none", "batchmean"]


@dataclass(frozen=True)
class Domain:
    """Valid values of an element: an interval, or a few numbers."""

    low: float = -inf
    high: float = inf
    low_open: bool = False
    high_open: bool = False
    values: tuple[float, ...] = ()

    def __str__(self) -> str:
        if self.values:
            return "{" + ", ".join(f"{v:g}" for v in self.values) + "}"
        if self.low == -inf and self.high == inf:
            return "all finite numbers"
        left = "(" if self.low_open or self.low == -inf else "["
        right = ")" if self.high_open or self.high == inf else "]"
        low = "-infinity" if self.low == -inf else f"{self.low:g}"
        return f"{left}{low}, {'infinity' if self.high == inf else f'{self.high:g}'}{right}"

    def holds(self, x: Array) -> Array:
        """Return elementwise membership. Infinities and NaN are in no domain."""
        if self.values:
            return reduce(np.logical_or, [x == value for value in self.values])  # isin sorts
        if x.dtype is INT64 and self._of_indices:
            indices: Array = x.view(np.uint64) <= int(self.high)
            return indices
        above = x > self.low if self.low_open else x >= self.low
        below = x < self.high if self.high_open else x <= self.high
        result: Array = above & below & np.isfinite(x)
        return result

    def holds_all(self, x: Array) -> bool:
        """`holds(x).all()` in two passes without temporaries, for the common case that all are valid."""
        if self.values or x.size == 0:
            return bool(self.holds(x).all())
        if x.dtype is INT64 and self._of_indices:
            unsigned = x.view(np.uint64)
            return bool(unsigned.item(unsigned.argmax()) <= self.high)
        low, high = x.item(x.argmin()), x.item(x.argmax())  # both find NaN; minimum.reduce takes three times as long for 320 numbers
        above = low > self.low if self.low_open else low >= self.low
        below = high < self.high if self.high_open else high <= self.high
        return above and below and isfinite(low) and isfinite(high)

    @cached_property
    def _of_indices(self) -> bool:
        """Return True if one pass checks integers: from 0 on, negative ones viewed as unsigned are too large."""
        return self.low == 0 and isfinite(self.high) and not (self.low_open or self.high_open)


REALS = Domain()


@dataclass(frozen=True)
class TensorSpec:
    """One declared form of an input.

    axes: names separated by spaces; a number is a fixed size; `...` matches any further axes, the same ones in every input.
    kind: `real` (computed in the request's float type) or `integer` (passed to the loss as int64).
    domain: valid values of each element. below: the axis whose size bounds an integer, so that it is an index.
    upto: the axis whose size is the largest integer allowed, so that it is a length; domain.low is the smallest.
    besides: one more integer allowed, or the option that names it (`ignore_index`).
    narrowed: (option, choice, domain) for each choice of an option that narrows the domain.
    boxes: the last axis is x1, y1, x2, y2 with x1 <= x2 and y1 <= y2.
    unless: the mask of the same axes whose 0 excludes an element, which may then be any number, infinite or NaN too; the loss gets 0 for it.
    gradient: `default` for predictions, `on request` for labels with a gradient, `none` for constants.
    """

    axes: str
    kind: Literal["real", "integer"] = "real"
    domain: Domain = REALS
    below: str = ""
    upto: str = ""
    besides: str = ""
    narrowed: tuple[tuple[str, str | bool, Domain], ...] = ()
    boxes: bool = False
    unless: str = ""
    gradient: Literal["default", "on request", "none"] = "none"
    description: str = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the axes, including `...`."""
        return tuple(self.axes.split())

    @property
    def shape_text(self) -> str:
        """Format the axes as a shape: (n, c, ...)."""
        return f"({', '.join(self.names)}{',' * (len(self.names) == 1)})"

    @cached_property
    def split(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the axes before and after `...`."""
        at = self.names.index("...") if "..." in self.names else len(self.names)
        return self.names[:at], self.names[at + 1 :]

    @property
    def besides_literal(self) -> int | None:
        """Return `besides` as a number, or None if it is the name of an option."""
        return int(self.besides) if self.besides.lstrip("-").isdigit() else None

    @property
    def domain_text(self) -> str:
        """Describe the domain in words, as in cards and errors."""
        if self.upto:
            return f"lengths in [{self.domain.low:g}, {self.upto}]"
        text = f"class indices in [0, {self.below})" if self.below else str(self.domain)
        text += "".join(f"; {domain} with {option} {choice}" for option, choice, domain in self.narrowed)
        text += "; x1 <= x2 and y1 <= y2" if self.boxes else ""
        text += f"; anything where {self.unless} is 0" if self.unless else ""
        return f"{text}, or {self.besides}" if self.besides else text

    def under(self, options: Mapping[str, Any]) -> TensorSpec:
        """Return the same form with the domain as narrowed by the options."""
        found = [domain for option, choice, domain in self.narrowed if options.get(option) == choice]
        return replace(self, domain=found[0]) if found else self


# ------------------------------------------------------------------ the vocabulary of annotations

Real = Annotated[Array, TensorSpec("n ...", gradient="default", description="estimates")]
RealLabel = Annotated[Array, TensorSpec("n ...", gradient="on request", description="true values")]
ElementWeight = Annotated[Array, TensorSpec("n ...", domain=Domain(low=0), description="weight of each element")]
Logits = Annotated[Array, TensorSpec("n c ...", gradient="default", description="raw scores, one for each class")]
ClassWeight = Annotated[Array, TensorSpec("c", domain=Domain(low=0), description="weight of each class")]
ClassIndex = Annotated[Array, TensorSpec("n ...", kind="integer", below="c", description="index of the true class")]
ClassIndexOrIgnored = Annotated[Array, TensorSpec("n ...", kind="integer", below="c", besides="ignore_index", description="index of the true class")]
BinaryLogits = Annotated[Array, TensorSpec("n ...", gradient="default", description="raw scores; their sigmoid is the probability")]
UNIT = Domain(0.0, 1.0)
Probability = Annotated[Array, TensorSpec("n ...", domain=UNIT, gradient="default", description="probabilities")]
ProbabilityLabel = Annotated[Array, TensorSpec("n ...", domain=UNIT, gradient="on request", description="true probabilities, mostly 0 or 1")]
Positive = Annotated[float, annotated_types.Gt(0)]
NonNegative = Annotated[float, annotated_types.Ge(0)]
Fraction = Annotated[float, annotated_types.Ge(0), annotated_types.Le(1)]
IgnoreIndex = Annotated[int, annotated_types.doc("label of the positions to ignore.")]
LabelSmoothing = Annotated[
    float, annotated_types.Ge(0), annotated_types.Le(1), annotated_types.doc("share of the target spread evenly over all classes.")
]


# ------------------------------------------------------------------ a registered loss


@dataclass(frozen=True)
class Bound:
    """Largest relative error that a loss promises in float64, of its value and of each element of its gradients.

    A result that is exact for inputs perturbed by half a unit in the last place (two units for a norm of "tensor") has no error.
    unit: reference of the last place: each element; the largest element of its vector (along the last axis), of its tensor, or of all tensors
    of the call, relative to which smaller ones may be lost; or at least 1, for scores whose exponentials are rounded.
    norm: reference of a gradient's relative error: each element or the largest element of the tensor.
    """

    value: float
    gradient: float
    reason: str = ""
    unit: Literal["element", "vector", "tensor", "call", "one"] = "element"
    norm: Literal["element", "tensor"] = "element"

    @property
    def promise(self) -> str:
        """Return the note on the card of a loss whose gradients are not bounded element by element."""
        return "Gradients are accurate relative to the largest element of each tensor." if self.norm == "tensor" else ""


ELEMENTWISE = Bound(8 * 2.0**-52, 8 * 2.0**-52)  # 8 units in the last place
COMPOSED = Bound(1e-14, 1e-13)  # sums, norms, softmax, overlaps
VECTORS = Bound(1e-14, 1e-13, "gradients are sums along vectors, of which single elements may cancel", "vector", "tensor")


@dataclass(frozen=True)
class Option:
    """Keyword argument of a loss: its type (`number`, `integer`, `boolean` or `string`), default, bounds or choices, and meaning."""

    name: str
    type: str
    default: Any
    annotation: Any
    bounds: Mapping[str, float]
    choices: tuple[str, ...]
    description: str


@dataclass(frozen=True, eq=False)
class Input:
    """Tensor parameter of a loss; `forms` are distinguished by their rank."""

    name: str
    forms: tuple[TensorSpec, ...]
    required: bool
    description: str

    @property
    def gradient(self) -> str:
        """Return `default`, `on request` or `none`, from the first form that has a gradient."""
        return next((form.gradient for form in self.forms if form.gradient != "none"), "none")


ABOVE_MINUS_ONE = Domain(low=-1, low_open=True)
ABOVE_ZERO = Domain(low=0, low_open=True)
FROM_ZERO = Domain(low=0)
CountLabel = Annotated[Array, TensorSpec("n ...", domain=FROM_ZERO, gradient="on request", description="true counts, or any numbers of at least 0")]
PositiveReal = Annotated[Array, TensorSpec("n ...", domain=ABOVE_ZERO, gradient="default", description="estimates, above 0")]
PositiveLabel = Annotated[Array, TensorSpec("n ...", domain=ABOVE_ZERO, gradient="on request", description="true values, above 0")]
Vector = Annotated[Array, TensorSpec("n d", gradient="default", description="embeddings, one row per sample")]
Score = Annotated[Array, TensorSpec("n ...", gradient="default", description="scores or distances")]
Sign = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(-1, 1)), description="1 or -1")]


# ------------------------------------------------------------------ Void positions

INCLUDED = Domain(values=(0, 1))
ElementMask = Annotated[Array, TensorSpec("n ...", kind="integer", domain=INCLUDED, description="1 for the elements to include, 0 for the others")]
PositionMask = Annotated[Array, TensorSpec("n ...", kind="integer", domain=INCLUDED, description="1 for the positions to include, 0 for the others")]
ProbabilityLabelOrIgnored = Annotated[
    Array,
    TensorSpec("n ...", domain=UNIT, besides="ignore_index", gradient="on request", description="true probabilities, mostly 0 or 1"),
]


# ------------------------------------------------------------------ Work


class Cost(NamedTuple):
    """An upper estimate for one call.

    operations: elementary operations, each about a nanosecond of one core: one element of one NumPy pass.
    memory: bytes that the arrays of the call take at their peak, the inputs left out.
    """

    operations: float
    memory: float

    def __add__(self, other: object) -> Cost:
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(self.operations + other.operations, self.memory + other.memory)


LINEAR = Cost(100.0, 64.0)
"""Cost of each element of the inputs, in every loss. tests/losses/WORK.md has the measured costs."""


@dataclass(frozen=True)
class Work:
    """Cost of a loss beyond the LINEAR cost of its inputs' elements.

    Each field is a sum of products, such as "40 n n d + 2000 t". A factor is an axis, `...` for the product of the further
    axes, an integer option, each of them to a power as in "t^0.5", or a number. operations and memory have the units of Cost.
    """

    operations: str = ""
    memory: str = ""

    @cached_property
    def _terms(self) -> tuple[tuple[_Term, ...], ...]:
        return tuple(tuple(map(_term, filter(None, text.split(" + ")))) for text in (self.operations, self.memory))

    @cached_property
    def names(self) -> set[str]:
        """The axes and options that the cost depends on."""
        return {name for terms in self._terms for _, factors in terms for name, _ in factors}

    def cost(self, sizes: Mapping[str, float]) -> Cost:
        """Evaluate both sums; an axis of an input that is not given counts as 1."""
        return Cost(
            *(sum(number * prod(sizes.get(name, 1) ** power for name, power in factors) for number, factors in terms) for terms in self._terms)
        )


_Term = tuple[float, tuple[tuple[str, float], ...]]  # a number, and axes or options with their powers


def _term(text: str) -> _Term:
    numbers = [float(factor) for factor in text.split() if factor[0].isdigit()]
    parted = [factor.partition("^") for factor in text.split() if not factor[0].isdigit()]
    return prod(numbers), tuple((name, float(power or 1)) for name, _, power in parted)


NOTHING_MORE = Work()
"""The work of a loss whose cost is linear in its inputs."""
