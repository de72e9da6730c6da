"""Angles and distances of vectors, row by row and of all rows with all rows, with their derivatives.

Rows are scaled by a power of two first, so that nothing overflows or vanishes between 1e-300 and 1e300. A zero vector has
cosine 0 with every vector, and no gradient through its direction. Cosines and differences are kept as two floats, because what the
losses do with them (1 - cosine, margins, differences of logits) cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np

from service.losses.numerics import Array
from service.losses.numerics.double_double import (
    Twofold,
    add,
    divide,
    inner,
    multiply,
    negative,
    others,
    root,
    scaled,
    total,
    two_product,
    two_sum,
    widened,
)
from service.losses.numerics.elementary import BLOCK

Distance = Literal["euclidean", "squared_euclidean", "cosine", "manhattan"]


def exponents(x: Array) -> Array:
    """For each row the power of two that brings its largest entry into [1/2, 1); 0 for a zero row."""
    return np.frexp(np.abs(x).max(axis=-1, initial=0.0))[1]


def column(x: Twofold) -> Twofold:
    """Numbers of rows, ready to multiply rows."""
    return x[0][..., None], x[1][..., None]


# ------------------------------------------------------------------ row by row


class Angles:
    """The cosines of the rows of a with the rows of b, both (n, d)."""

    def __init__(self, a: Array, b: Array) -> None:
        self.exponents = exponents(a), exponents(b)
        self.rows = tuple(np.ldexp(x, -e[:, None]) for x, e in zip((a, b), self.exponents, strict=True))
        squares = [total(two_product(x, x)) for x in self.rows]
        self.defined = (squares[0][0] != 0) & (squares[1][0] != 0)
        self.squares = tuple((np.where(q[0] == 0, 1.0, q[0]), q[1]) for q in squares)
        self.product = total(two_product(*self.rows))
        self.norms = root(multiply(*self.squares))

    @cached_property
    def cosine(self) -> Twofold:
        """The cosine."""
        return divide(self.product, self.norms)

    def residual(self, of: int, at: Array | slice = slice(None)) -> Array:
        """The part of the other row that is at right angles with row `of`, b - a (a . b) / (a . a), for the rows `at`.

        Coordinates where that cancels are computed in two floats, and rows with one coordinate that outweighs all others without it.
        """
        a, b = self.rows[of][at], self.rows[1 - of][at]
        square, product = (self.squares[of][0][at], self.squares[of][1][at]), (self.product[0][at], self.product[1][at])
        out = b - (product[0] / square[0])[:, None] * a
        i, k = np.nonzero(np.abs(out) < 0.125 * np.abs(b))
        terms = multiply(widened(b[i, k]), (square[0][i], square[1][i])), multiply(widened(a[i, k]), (product[0][i], product[1][i]))
        out[i, k] = add(terms[0], negative(terms[1]))[0] / square[0][i]
        lone = np.abs(a).max(axis=-1) ** 2 > 0.999 * square[0]
        if lone.any():
            a, b = a[lone], b[lone]
            terms = multiply(widened(b), others(two_product(a, a))), multiply(widened(a), others(two_product(a, b)))
            out[lone] = add(terms[0], negative(terms[1]))[0] / square[0][lone][:, None]
        return out

    def sine(self, at: Array | slice = slice(None)) -> Array:
        """The sine, from the residual: accurate for nearly parallel rows."""
        r = self.residual(0, at)
        return np.sqrt((r * r).sum(axis=-1) / self.squares[1][0][at]) * self.defined[at]

    def one_minus(self) -> Array:
        """1 - cosine to full relative accuracy: sine^2 / (1 + cosine) for nearly parallel rows."""
        high, low = self.cosine
        near = high > 0.5
        values = (1.0 - high) - low
        if near.any():
            values[near] = self.sine(near) ** 2 / (1.0 + high[near])
        return values

    def derivative(self, of: int) -> Array:
        """D cosine / d row, (n, d)."""
        over = np.where(self.defined, 1.0 / self.norms[0], 0.0).astype(self.norms[0].dtype)
        return np.ldexp(self.residual(of) * over[:, None], -self.exponents[of][:, None])


@dataclass(frozen=True)
class Pairing:
    """A measure of the rows of a and b: its value (n,), and on demand its derivatives (n, d) by either row."""

    value: Twofold
    first: Callable[[], Twofold]
    second: Callable[[], Twofold]


def of_difference(value: Twofold, slope: Callable[[], Twofold]) -> Pairing:
    """A measure of a - b."""
    known = cache(slope)
    return Pairing(value, known, lambda: negative(known()))


def length(a: Array, b: Array, p: float = 2.0, eps: float = 0.0) -> Pairing:
    """The p-norm of a - b + eps. Its gradient is 0 where it is 0, and for p <= 1 at each coordinate that is 0."""
    difference = two_sum(a, -b)
    if eps:
        difference = add(difference, widened(np.full_like(a, eps)))
    scale = exponents(difference[0])
    x = scaled(difference, -scale[:, None])
    value, slope = _norm(x, p)
    return of_difference(scaled(value, scale), slope)


def _norm(x: Twofold, p: float) -> tuple[Twofold, Callable[[], Twofold]]:
    """The p-norm of rows of ordinary size and its derivative."""
    if p == 1.0 or x[0].shape[-1] == 1:
        sign = np.sign(x[0])
        return total((np.abs(x[0]), sign * x[1])), lambda: widened(sign)
    if p == 2.0:
        size = root(inner(x, x))
        whole = np.where(size[0] == 0, 1.0, size[0]), size[1]
        return size, lambda: divide(x, column(whole))
    part = np.abs(x[0])
    top = part.max(axis=-1, keepdims=True)
    ratio = part / np.where(top == 0, 1.0, top)
    powers = (ratio**p).sum(axis=-1, keepdims=True)
    powers = np.where(powers == 0, 1.0, powers)

    def slope() -> Twofold:
        inside = np.where(ratio == 0, 1.0, ratio)
        return widened(np.sign(x[0]) * inside ** (p - 1.0) * powers ** (1.0 / p - 1.0))

    return widened((top * powers ** (1.0 / p))[:, 0]), slope


def measure(a: Array, b: Array, distance: Distance, eps: float = 0.0) -> Pairing:
    """One of the named distances; eps is added to each coordinate difference of the euclidean one."""
    if distance == "cosine":
        angles = Angles(a, b)
        return Pairing(widened(angles.one_minus()), *(cache(lambda of=of: widened(-angles.derivative(of))) for of in (0, 1)))
    if distance == "squared_euclidean":
        difference = two_sum(a, -b)
        scale = exponents(difference[0])
        x = scaled(difference, -scale[:, None])
        return of_difference(scaled(inner(x, x), 2 * scale), lambda: (2.0 * difference[0], 2.0 * difference[1]))
    return length(a, b, 1.0 if distance == "manhattan" else 2.0, eps if distance == "euclidean" else 0.0)


# ------------------------------------------------------------------ all rows with all rows


class Directions:
    """The rows of x (n, d), divided by their norms; a zero row stays zero."""

    def __init__(self, x: Array) -> None:
        self.exponent = exponents(x)
        rows = np.ldexp(x, -self.exponent[:, None])
        size = root(inner(widened(rows), widened(rows)))
        self.size: Array = np.where(size[0] == 0, 1.0, size[0])
        self.defined = size[0] != 0
        self.unit = divide(widened(rows), column((self.size, size[1])))

    def pull(self, slope: Twofold, exponent: Array) -> Array:
        """From the derivative by directions (times 2^-exponent) to the one by rows: what is at right angles with the row, over its norm.

        The term of each coordinate with itself is left out, where it would cancel.
        """
        unit = self.unit
        across = multiply(slope, others(multiply(unit, unit)))
        along = multiply(unit, others(multiply(slope, unit)))
        result = add(across, negative(along))[0] * self.defined[:, None] / self.size[:, None]
        return np.ldexp(result, (exponent - self.exponent)[:, None])


class Cosines:
    """The cosines of every row of a with every row of b, (n, m), as two floats."""

    def __init__(self, a: Array, b: Array | None = None) -> None:
        self.a = Directions(a)
        self.b = self.a if b is None else Directions(b)
        self.values = products(self.a.unit, self.b.unit)

    def by_a(self, slope: Array, balanced: bool = False, exponent: int = 0) -> Array:
        """D / d a from the derivative by the cosines (n, m), times 2^-exponent. balanced: in exact arithmetic each row of it adds up to 0."""
        return _towards(self.a, self.b, slope, balanced, exponent)

    def by_b(self, slope: Array, exponent: int = 0) -> Array:
        """D / d b from the derivative by the cosines (n, m), times 2^-exponent."""
        return _towards(self.b, self.a, slope.T, False, exponent)

    def by_both(self, slope: Array) -> Array:
        """D / d a where b is a."""
        return _towards(self.a, self.a, slope + slope.T)


def _towards(of: Directions, others: Directions, slope: Array, balanced: bool = False, exponent: int = 0) -> Array:
    """Pull sum_j slope_ij others_j, with slopes and coordinates scaled so that neither vanishes in the other's shadow.

    Balanced slopes take the directions from the first of them, so that what all share cancels.
    """
    slope = slope.astype(of.unit[0].dtype, copy=False)
    unit = others.unit[0].T, others.unit[1].T
    if balanced:
        unit = add(unit, (-unit[0][:, :1], -unit[1][:, :1]))
    rows, columns = exponents(slope), exponents(unit[0])
    sums = products(widened(np.ldexp(slope, -rows[:, None])), scaled(unit, -columns[:, None]))
    return of.pull(scaled(sums, columns[None, :]), rows + exponent)


def products(a: Twofold, b: Twofold) -> Twofold:
    """The inner products of all rows of a with all rows of b, entries within [-1, 1], as two floats.

    Rows are cut into slices of 21 bits (10 in float32), whose inner products are exact in a matrix product (Ozaki et al. 2012): an error of
    about 1e-19 in place of 1e-16, for the time of six matrix products. What the slices leave over keeps its own precision, however small.
    """
    (a1, a2, a3), (b1, b2, b3) = _slices(a), _slices(b)
    first = widened(a1 @ b1.T)
    second = widened(np.hstack((a1, a2)) @ np.hstack((b2, b1)).T)
    return add(add(first, second), widened(np.hstack((a[0], a2, a3)) @ np.hstack((b3, b2, b1 + b2)).T))


def _slices(x: Twofold) -> tuple[Array, Array, Array]:
    unit = 2.0**10 if x[0].dtype == np.float32 else 2.0**21
    first = np.rint(x[0] * unit) / unit
    rest = (x[0] - first) + x[1]
    second = np.rint(rest * unit**2) / unit**2
    return first, second, rest - second


def _squares(x: Array) -> tuple[Array, Array]:
    """The squared lengths along the last axis over 2^(2 e), and e: 0 where nothing can overflow or vanish."""
    squares = np.einsum("...k,...k->...", x, x)
    info = np.finfo(x.dtype)
    scale = np.zeros(squares.shape, np.intc)
    hard = ~((squares > info.smallest_normal / info.eps**2) & (squares < info.max))
    if hard.any():
        scale[hard] = exponents(x[hard])
        rest = np.ldexp(x[hard], -scale[hard][:, None])
        squares[hard] = np.einsum("...k,...k->...", rest, rest)
    return squares, scale


class Distances:
    """The distances of all rows of x (n, d), (n, n), from direct differences, a block of rows at a time."""

    def __init__(self, x: Array, distance: Literal["euclidean", "squared_euclidean", "cosine"] = "euclidean") -> None:
        self.x, self.distance = x, distance
        self.cosines = Cosines(x) if distance == "cosine" else None

    def _differences(self) -> Iterator[tuple[slice, Array]]:
        step = max(1, BLOCK // max(1, self.x.size))
        for start in range(0, len(self.x), step):
            rows = slice(start, start + step)
            yield rows, self.x[rows, None] - self.x[None]

    @cached_property
    def values(self) -> Array:
        """The distances."""
        if self.cosines is not None:
            high, low = self.cosines.values
            values = np.maximum((1.0 - high) - low, 0.0)
            np.fill_diagonal(values, 0.0)
            return values
        values = np.empty((len(self.x), len(self.x)), self.x.dtype)
        for rows, difference in self._differences():
            square, scale = _squares(difference)
            values[rows] = np.ldexp(np.sqrt(square), scale) if self.distance == "euclidean" else np.ldexp(square, 2 * scale)
        return values

    def squares_beyond(self, reference: Array) -> Array:
        """The squared distances of row i less the one to row reference[i], (n, n), as (x_j - x_r) . (x_j + x_r - 2 x_i)."""
        values = np.empty((len(self.x), len(self.x)), self.x.dtype)
        for rows, difference in self._differences():
            near = self.x[reference[rows]][:, None]
            values[rows] = -np.einsum("ijk,ijk->ij", self.x[None] - near, difference + (self.x[rows, None] - near))
        return values

    def pull(self, slope: Array) -> Array:
        """D / d x from the derivative by the distances (n, n); 0 through a distance that is 0."""
        slope = slope.astype(self.x.dtype, copy=False)
        if self.cosines is not None:
            return self.cosines.by_both(-slope)
        slope = slope + slope.T
        over = self.values if self.distance == "euclidean" else np.full_like(slope, 0.5)
        slope = np.divide(slope, over, out=np.zeros_like(slope), where=over != 0)
        out = np.empty_like(self.x)
        for rows, difference in self._differences():
            out[rows] = np.einsum("ij,ijk->ik", slope[rows], difference)
        return out


def norms(gaps: Array) -> Array:
    """Euclidean lengths along the last axis, also of what has no square in range."""
    largest = np.abs(gaps).max(axis=-1, keepdims=True)
    unit = np.divide(gaps, largest, out=np.zeros_like(gaps), where=largest > 0)
    return largest[..., 0] * np.sqrt((unit * unit).sum(axis=-1))
