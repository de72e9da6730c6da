"""What a loss declares of its tensors, and the check that holds a call to it.

A `Tensor` is data: named axes, element kind, domain, and whether a gradient goes to it. The checker, the cards, the OpenAPI
document and the tests all read it. A name of an axis stands for one size per call: an unequal axis is an error, never a
broadcast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, reduce
from math import inf, isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from service.losses.errors import InvalidTensor

Array = NDArray[Any]


@dataclass(frozen=True)
class Domain:
    """The values that an element may have: an interval, or a few numbers."""

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
        """Elementwise membership. Infinities and NaN are in no domain."""
        if self.values:
            return reduce(np.logical_or, [x == value for value in self.values])  # isin sorts
        above = x > self.low if self.low_open else x >= self.low
        below = x < self.high if self.high_open else x <= self.high
        result: Array = above & below & np.isfinite(x)
        return result

    def holds_all(self, x: Array) -> bool:
        """`holds(x).all()` in two passes without temporaries, for the case where all is well."""
        if self.values or x.size == 0:
            return bool(self.holds(x).all())
        if x.dtype == np.int64 and self.low == 0 and isfinite(self.high):  # as unsigned numbers the negative ones are the largest: one pass
            return int(x.view(np.uint64).max()) <= self.high
        if self.low == -inf and self.high == inf and isfinite(x.sum()):  # a sum of finite numbers may overflow, but not the reverse
            return True
        low, high = float(x.min()), float(x.max())  # both carry a NaN on
        above = low > self.low if self.low_open else low >= self.low
        below = high < self.high if self.high_open else high <= self.high
        return above and below and isfinite(low) and isfinite(high)


REALS = Domain()
UNIT = Domain(0.0, 1.0)


@dataclass(frozen=True)
class Tensor:
    """One declared form of an input.

    axes: names parted by spaces; a number is a fixed size; `...` stands for any further axes, the same ones in every input.
    kind: `real` (computed in the request's float type) or `integer` (given to the loss as int64).
    domain: what each element may be. below: the axis whose size bounds an integer, so that it is an index.
    upto: the axis whose size is the largest integer allowed, so that it is a length; domain.low is the smallest.
    besides: one more integer allowed, or the option that names it (`ignore_index`).
    narrowed: (option, choice, domain) for each choice of an option that narrows the domain.
    boxes: the last axis is x1, y1, x2, y2 with x1 <= x2 and y1 <= y2.
    gradient: `default` for what is predicted, `on request` for labels that have one, `none` for constants.
    """

    axes: str
    kind: Literal["real", "integer"] = "real"
    domain: Domain = REALS
    below: str = ""
    upto: str = ""
    besides: str = ""
    narrowed: tuple[tuple[str, str | bool, Domain], ...] = ()
    boxes: bool = False
    gradient: Literal["default", "on request", "none"] = "none"
    description: str = ""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The axes, `...` among them."""
        return tuple(self.axes.split())

    @property
    def shape_text(self) -> str:
        """The axes as a shape is written: (n, c, ...)."""
        return f"({', '.join(self.names)}{',' * (len(self.names) == 1)})"

    @cached_property
    def split(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The axes before and after `...`."""
        at = self.names.index("...") if "..." in self.names else len(self.names)
        return self.names[:at], self.names[at + 1 :]

    @property
    def besides_literal(self) -> int | None:
        """The number that `besides` is, where it is not an option's name."""
        return int(self.besides) if self.besides.lstrip("-").isdigit() else None

    @property
    def domain_text(self) -> str:
        """The domain in words, as cards and errors say it."""
        if self.upto:
            return f"lengths in [{self.domain.low:g}, {self.upto}]"
        text = f"class indices in [0, {self.below})" if self.below else str(self.domain)
        text += "".join(f"; {domain} with {option} {choice}" for option, choice, domain in self.narrowed)
        text += "; x1 <= x2 and y1 <= y2" if self.boxes else ""
        return f"{text}, or {self.besides}" if self.besides else text

    def under(self, options: Mapping[str, Any]) -> Tensor:
        """The same form with the domain to which the options narrow it."""
        found = [domain for option, choice, domain in self.narrowed if options.get(option) == choice]
        return replace(self, domain=found[0]) if found else self


@dataclass(frozen=True, eq=False)
class Input:
    """A parameter of a loss that is a tensor; `forms` are told apart by their rank."""

    name: str
    forms: tuple[Tensor, ...]
    required: bool
    description: str

    @property
    def gradient(self) -> str:
        """`default`, `on request` or `none`; the first form that has a gradient decides."""
        return next((form.gradient for form in self.forms if form.gradient != "none"), "none")


def check(inputs: Iterable[Input], arrays: Mapping[str, Array], options: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays as the loss wants them, or InvalidTensor for the first thing that is wrong.

    Real tensors come back in one float type (the widest given, float32 for 16-bit ones), integers as int64.
    """
    given = [(item, arrays[item.name]) for item in inputs if arrays.get(item.name) is not None]
    dtype = compute_dtype([array for _, array in given])
    checked = {}
    for (item, array), place in zip(given, fit(*[(item, array.shape) for item, array in given]), strict=True):
        checked[item.name] = converted = _convert(item.name, place.form, array, dtype)
        if not place.under(options).holds_all(converted) or place.form.boxes:
            _check_elements(item.name, place, converted, options)
    return checked


@dataclass(frozen=True)
class Place:
    """What an input of these shapes has to be: the form that its rank chose, and a domain in which axes have become numbers."""

    form: Tensor
    domain: Domain

    def under(self, options: Mapping[str, Any]) -> Domain:
        """The domain to which the options narrow it."""
        return self.form.under(options).domain if self.form.narrowed else self.domain

    def said(self, options: Mapping[str, Any]) -> str:
        """The domain in words."""
        text = f"expected {self.under(options)}"
        if self.form.below:
            text = f"class indices lie in [0, {self.domain.high + 1:.0f})"
        elif self.form.upto:
            text = f"lengths lie in [{self.domain.low:g}, {self.domain.high:g}]"
        extra = self.besides(options)
        return text if extra is None else f"{text}, or are {extra if self.form.besides == str(extra) else f'{self.form.besides} ({extra})'}"

    def besides(self, options: Mapping[str, Any]) -> int | None:
        """The one more integer that is allowed."""
        literal = self.form.besides_literal
        return literal if literal is not None else options.get(self.form.besides)


@lru_cache(maxsize=1024)
def fit(*given: tuple[Input, tuple[int, ...]]) -> tuple[Place, ...]:
    """The place of each input; InvalidTensor where the shapes do not fit together. Callers send the same shapes again and again."""
    sizes = Sizes()
    forms = [sizes.bind(item, shape) for item, shape in given]
    return tuple(Place(form, _domain(form, sizes.named)) for form in forms)


def _domain(form: Tensor, sizes: Mapping[str, int]) -> Domain:
    if form.below:
        return Domain(0, sizes[form.below] - 1)
    return Domain(form.domain.low, sizes[form.upto]) if form.upto else form.domain


def compute_dtype(arrays: Sequence[Array]) -> np.dtype[Any]:
    """float64 unless all floats are narrower, then float32 (16-bit types have too little room for sums of exponentials)."""
    widths = [array.dtype.itemsize for array in arrays if array.dtype.kind not in "iub"]
    return np.dtype(np.float32 if widths and max(widths) < 8 else np.float64)


class Sizes:
    """The size that each axis name stands for in one call, learnt from the inputs in their order."""

    def __init__(self) -> None:
        self.named: dict[str, int] = {}
        self.rest: tuple[int, ...] | None = None  # what `...` stands for

    def bind(self, item: Input, shape: tuple[int, ...]) -> Tensor:
        """The form of `item` that has this rank, its axes bound; InvalidTensor where a size differs from before."""
        form = next((form for form in item.forms if self._fits_rank(form, len(shape))), None)
        if form is None:
            expected = " or ".join(form.shape_text for form in item.forms)
            known = f", where ... is {self.rest}" if self.rest is not None and "..." in expected else ""
            raise InvalidTensor(item.name, f"has shape {shape}; expected {expected}{known}")
        before, after = form.split
        middle = shape[len(before) : len(shape) - len(after)]
        if 0 in (middle if before else middle[1:]):
            raise InvalidTensor(item.name, f"has shape {shape}; only a first axis may be empty")
        for axis, size in [*zip(before, shape, strict=False), *zip(reversed(after), reversed(shape), strict=False)]:
            expected_size = self.named.setdefault(axis, int(axis) if axis.isdigit() else size)
            if size == 0 and axis != form.names[0]:
                raise InvalidTensor(item.name, f"has shape {shape}, that is {form.shape_text}; {axis} is empty, which only a first axis may be")
            if size != expected_size:
                raise InvalidTensor(item.name, f"has shape {shape}, that is {form.shape_text}; {axis} should be {expected_size}")
        if "..." in form.names:
            self.rest = middle if self.rest is None else self.rest
            if middle != self.rest:
                raise InvalidTensor(item.name, f"has shape {shape}, that is {form.shape_text}; ... should be {self.rest}")
        return form

    def _fits_rank(self, form: Tensor, rank: int) -> bool:
        fixed = len(form.names) - ("..." in form.names)
        if "..." not in form.names:
            return rank == fixed
        return rank >= fixed if self.rest is None else rank == fixed + len(self.rest)


def _convert(name: str, form: Tensor, array: Array, dtype: np.dtype[Any]) -> Array:
    """To the type that the loss computes in; integers may come as integral floats, as JSON has only numbers."""
    if form.kind == "real":
        return array.astype(dtype, "C", copy=False)
    if array.dtype.kind in "iub":
        return array.astype(np.int64, copy=False)
    whole = array.astype(np.int64)
    same = whole == array
    if not same.all():
        raise _bad_element(name, array, same, "expected an integer")
    return whole


def _check_elements(name: str, place: Place, array: Array, options: Mapping[str, Any]) -> None:
    """Name the first element that is not as it should be, or the first box."""
    good, extra = place.under(options).holds(array), place.besides(options)
    if extra is not None:
        good |= array == extra
    if not good.all():
        raise _bad_element(name, array, good, place.said(options))
    if place.form.boxes:
        _check_boxes(name, array)


def _check_boxes(name: str, array: Array) -> None:
    """Name the first box that ends before it begins."""
    good = (array[..., 0] <= array[..., 2]) & (array[..., 1] <= array[..., 3])
    if not good.all():
        index = tuple(int(i) for i in np.unravel_index(int(np.argmin(good)), good.shape))
        x1, _, x2, _ = array[index]
        raise InvalidTensor(name, f"has {'x2 < x1' if x2 < x1 else 'y2 < y1'}; expected x1, y1, x2, y2 with x1 <= x2 and y1 <= y2", index)


def _bad_element(name: str, array: Array, good: Array, expected: str) -> InvalidTensor:
    """The first element that is not good, named by its index."""
    index = tuple(int(i) for i in np.unravel_index(int(np.argmin(good)), good.shape)) if good.ndim else ()
    return InvalidTensor(name, f"is {array[index].item()!r}; {expected}", index)


def require(name: str, array: Array, domain: Domain) -> None:
    """Hold an input to a domain that an option has narrowed."""
    if not domain.holds_all(array):
        raise _bad_element(name, array, domain.holds(array), f"expected {domain}")
