"""Checks of a call's tensors against the declaration of a loss.

A `TensorSpec` is data: named axes, element kind, domain, and gradient. The checks, the cards, the OpenAPI
document and the tests all read it. An axis name has one size per call; an unequal axis is an error, never a
broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np

from service.losses.declaration import REALS, Domain, Input, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.numerics import Array


def check(inputs: Iterable[Input], arrays: Mapping[str, Array], options: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays in the form that the loss takes, or raise InvalidTensor for the first problem.

    Real tensors are converted to one float type (the widest given, float32 for 16-bit ones), integers as int64.
    """
    checked = {}
    for place in fitted(inputs, arrays).places:
        name, form, array = place.name, place.form, arrays[place.name]
        if form.unless and (mask := arrays.get(form.unless)) is not None:
            array = np.where(mask == 0, 0, array).astype(array.dtype, copy=False)
        checked[name] = array = array.astype(place.dtype, "C", copy=False) if form.kind == "real" else _integers(name, array)
        domain = place.under(options) if form.narrowed else place.domain
        sure = domain is REALS and isfinite(np.vdot(array, array))  # as in surely_finite, without its frame
        if form.boxes or not (sure or domain.holds_all(array)):
            _check_elements(name, place, array, options)
    return checked


INT64_MAX = np.uint64(2**63 - 1)


@dataclass(frozen=True)
class Place:
    """Requirements of an input of given shapes: the form of its rank, the type of its reals, and the domain with axes replaced by their sizes."""

    name: str
    form: TensorSpec
    domain: Domain
    dtype: np.dtype[Any]

    def under(self, options: Mapping[str, Any]) -> Domain:
        """Return the domain as narrowed by the options."""
        return self.form.under(options).domain if self.form.narrowed else self.domain

    def said(self, options: Mapping[str, Any]) -> str:
        """The domain in words."""
        text = str(self.under(options))
        if self.form.below:
            text = f"a class index in [0, {self.domain.high + 1:.0f})"
        elif self.form.upto:
            text = f"a length in [{self.domain.low:g}, {self.domain.high:g}]"
        extra = self.besides(options)
        return text if extra is None else f"{text} or {extra if self.form.besides == str(extra) else f'{self.form.besides} ({extra})'}"

    def besides(self, options: Mapping[str, Any]) -> int | None:
        """The one more integer that is allowed."""
        literal = self.form.besides_literal
        return literal if literal is not None else options.get(self.form.besides)


@dataclass(frozen=True)
class Fit:
    """Inputs whose shapes match: their places, and the sizes of the axes, `...` for the product of the further ones."""

    places: tuple[Place, ...]
    dtype: np.dtype[Any]
    sizes: Mapping[str, int]


def fitted(inputs: Iterable[Input], arrays: Mapping[str, Array]) -> Fit:
    """Return the fit of the given inputs; raise InvalidTensor if the shapes do not match."""
    given = []
    for item in inputs:
        array = arrays.get(item.name)
        if array is not None:
            given.append((item, array.shape, array.dtype))
    return _fit(*given)


@lru_cache(maxsize=1024)
def _fit(*given: tuple[Input, tuple[int, ...], np.dtype[Any]]) -> Fit:
    """Fit shapes and types. Cached, since clients send the same ones repeatedly."""
    sizes, widths = Sizes(), [dtype.itemsize for _, _, dtype in given if dtype.kind not in "iub"]
    dtype = np.dtype(np.float32 if widths and max(widths) < 8 else np.float64)  # sums of exponentials overflow in 16-bit types
    forms = [(item.name, sizes.bind(item, shape)) for item, shape, _ in given]
    places = tuple(Place(name, form, _domain(form, sizes.named), dtype) for name, form in forms)
    return Fit(places, dtype, {**sizes.named, "...": math.prod(sizes.rest or ())})


def _domain(form: TensorSpec, sizes: Mapping[str, int]) -> Domain:
    if form.below:
        return Domain(0, sizes[form.below] - 1)
    return Domain(form.domain.low, sizes[form.upto]) if form.upto else form.domain


class Sizes:
    """Sizes of the named axes in one call, bound by the inputs in their order."""

    def __init__(self) -> None:
        self.named: dict[str, int] = {}
        self.rest: tuple[int, ...] | None = None  # the axes that `...` matches

    def bind(self, item: Input, shape: tuple[int, ...]) -> TensorSpec:
        """Return the form of `item` with this rank and bind its axes; raise InvalidTensor if a size differs from an earlier one."""
        form = next((form for form in item.forms if self._fits_rank(form, len(shape))), None)
        if form is None:
            expected = " or ".join(form.shape_text for form in item.forms)
            known = f", where ... is {self.rest}" if self.rest is not None and "..." in expected else ""
            raise InvalidTensor(item.name, f"wrong rank; expected {expected}{known}, got shape {shape}")
        before, after = form.split
        middle = shape[len(before) : len(shape) - len(after)]
        if 0 in (middle if before else middle[1:]):
            raise InvalidTensor(item.name, f"empty axis; expected only the first axis to be empty, got shape {shape}")
        for axis, size in [*zip(before, shape, strict=False), *zip(reversed(after), reversed(shape), strict=False)]:
            expected_size = self.named.setdefault(axis, int(axis) if axis.isdigit() else size)
            if size == 0 and axis != form.names[0]:
                raise InvalidTensor(item.name, f"empty axis {axis} of {form.shape_text}; expected only the first axis to be empty, got shape {shape}")
            if size != expected_size:
                raise InvalidTensor(item.name, f"wrong shape {form.shape_text}; expected {axis} = {expected_size}, got shape {shape}")
        if "..." in form.names:
            self.rest = middle if self.rest is None else self.rest
            if middle != self.rest:
                raise InvalidTensor(item.name, f"wrong shape {form.shape_text}; expected ... = {self.rest}, got shape {shape}")
        return form

    def _fits_rank(self, form: TensorSpec, rank: int) -> bool:
        fixed = len(form.names) - ("..." in form.names)
        if "..." not in form.names:
            return rank == fixed
        return rank >= fixed if self.rest is None else rank == fixed + len(self.rest)


def _integers(name: str, array: Array) -> Array:
    """Convert to int64; integers may be integral floats, since JSON has only numbers."""
    if array.dtype.kind in "iub":
        if array.dtype == np.uint64 and (array > INT64_MAX).any():  # the cast would wrap 2^64 - 100 to -100
            raise _bad_element(name, array, array <= INT64_MAX, "an integer below 2^63")
        return array.astype(np.int64, copy=False)
    whole = array.astype(np.int64)
    same = whole == array
    if same.size and not same.item(same.argmin()):  # a third of the time of logical_and.reduce for 32 numbers
        raise _bad_element(name, array, same, "an integer", "not an integer")
    return whole


def _check_elements(name: str, place: Place, array: Array, options: Mapping[str, Any]) -> None:
    """Raise InvalidTensor for the first invalid element or box."""
    good, extra = place.under(options).holds(array), place.besides(options)
    if extra is not None:
        good |= array == extra
    if not good.all():
        raise _bad_element(name, array, good, place.said(options))
    if place.form.boxes:
        _check_boxes(name, array)


def _check_boxes(name: str, array: Array) -> None:
    """Raise InvalidTensor for the first box that ends before it begins."""
    good = (array[..., 0] <= array[..., 2]) & (array[..., 1] <= array[..., 3])
    if not good.all():
        index = tuple(int(i) for i in np.unravel_index(int(np.argmin(good)), good.shape))
        x1, _, x2, _ = array[index]
        raise InvalidTensor(name, f"not a box; expected x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, got {'x2 < x1' if x2 < x1 else 'y2 < y1'}", index)


def _bad_element(name: str, array: Array, good: Array, expected: str, problem: str = "out of range") -> InvalidTensor:
    """Build the InvalidTensor for the first invalid element, named by its index."""
    index = tuple(int(i) for i in np.unravel_index(int(np.argmin(good)), good.shape)) if good.ndim else ()
    given, advice = array[index].item(), ""
    if not isfinite(given):
        problem, advice = "not finite", "; replace it, or leave its sample out"
    return InvalidTensor(name, f"{problem}; expected {expected}, got {given!r}{advice}", index)


def require(name: str, array: Array, domain: Domain) -> None:
    """Check an input against a domain narrowed by an option."""
    if not domain.holds_all(array):
        raise _bad_element(name, array, domain.holds(array), str(domain))
