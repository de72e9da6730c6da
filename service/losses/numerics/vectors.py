"""Lengths, cosines and distances of vectors, row by row or between all rows, with their derivatives.

Gradients are accurate relative to the largest element of each tensor. A zero vector has the cosine 0 with every vector, and no gradient.
Rows whose squared lengths would be out of range are first scaled by a power of two. Pairs of rows are processed in blocks of rows, so that
temporaries fit in a core's cache. All functions take float64; `norms` and `Cosines.of` float32 too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, divide_or_zero, surely_finite

VECTORS_BLOCK = 1 << 18
"""Elements at a time in losses of pairs of rows: their many calls on (n,) arrays cost more in smaller blocks than the cache gains (0.7 of 2^16's time)."""

Distance = Literal["euclidean", "squared_euclidean", "cosine", "manhattan"]


def exponents(x: Array) -> Array:
    """Return, for each row, the power of two that scales its largest entry into [1/2, 1); 0 for a zero row."""
    return np.frexp(np.abs(x).max(axis=-1, initial=0.0))[1]


def moderate(x: Array) -> tuple[Array, Array, Array]:
    """Return the rows of x (..., d) over 2^e, their squared lengths, and e, which is 0 where the squares are in range."""
    squares = np.vecdot(x, x)
    exponent = np.zeros(squares.shape, np.intc)
    info = np.finfo(x.dtype)
    extreme = ~((squares > info.smallest_normal / info.eps**2) & (squares < info.max))
    if extreme.any():
        rows = x[extreme]
        exponent[extreme] = e = exponents(rows)
        rows = np.ldexp(rows, -e[:, None])
        squares[extreme] = np.vecdot(rows, rows)
        if e.any():
            x = x.copy()
            x[extreme] = rows
    return x, squares, exponent


def norms(x: Array) -> Array:
    """Return Euclidean norms along the last axis, also for vectors whose squares are out of range."""
    _, squares, exponent = moderate(x)
    return scaled(np.sqrt(squares), exponent)


def scaled(x: Array, exponent: Array) -> Array:
    """Return x 2^exponent."""
    return np.ldexp(x, exponent) if exponent.any() else x


def by_rates(x: Array, rates: Array, out: Array | None = None) -> Array:
    """Return the rows of x times the float64 rates (n,) in the type of x, by arithmetic of that type if it holds the rates to their last bits."""
    narrow = rates.astype(x.dtype, copy=False)
    if narrow is not rates and not (np.abs(narrow - rates) <= np.finfo(x.dtype).eps * np.abs(rates)).all():
        narrow = rates
    return np.multiply(x, narrow[:, None], out=np.empty_like(x) if out is None else out, casting="same_kind")


@dataclass(frozen=True)
class Directions:
    """Lengths of rows (n, d). The rows are rows * 2^exponent; a row of zeros is not defined, has length 1 and stays zero."""

    rows: Array
    length: Array
    exponent: Array
    defined: Array

    @classmethod
    def of(cls, x: Array) -> Directions:
        rows, squares, exponent = moderate(x)
        defined = squares != 0
        length: Array = np.sqrt(np.where(defined, squares, 1.0))
        return cls(rows, length, exponent, defined)

    @cached_property
    def unit(self) -> Array:
        """The rows divided by their lengths."""
        return self.rows / self.length[:, None]

    def at(self, rows: Array | slice) -> Directions:
        """Select some of the rows, as float64."""
        return Directions(self.rows[rows].astype(np.float64, copy=False), self.length[rows], self.exponent[rows], self.defined[rows])

    def over_length(self, slope: Array, c: Array | float = 1.0, exponent: int = 0) -> Array:
        """Scale rows orthogonal to the directions by c and 2^exponent over the lengths; 0 for a zero row."""
        return scaled(slope * np.where(self.defined, c / self.length, 0.0)[:, None], (exponent - self.exponent)[:, None])

    def pull(self, slope: Array, exponent: int = 0) -> Array:
        """Convert 2^exponent times the derivative by the directions to the derivative by the rows."""
        return self.over_length(slope - np.vecdot(slope, self.unit)[:, None] * self.unit, exponent=exponent)


# ------------------------------------------------------------------ row by row


class Cosines:
    """Cosines of the rows of a with the rows of b."""

    def __init__(self, a: Directions, b: Directions) -> None:
        self.sides = a, b
        self.defined = a.defined & b.defined
        self.values = np.vecdot(a.rows, b.rows) / (a.length * b.length)  # of the original rows: exactly 0 for (1, 2) and (2, -1)
        self.sign = np.where(self.values < 0, -1.0, 1.0)
        self.near = np.flatnonzero(np.abs(self.values) > 0.5)  # where differences from the cosine would cancel

    @classmethod
    def of(cls, a: Array, b: Array) -> Cosines:
        """Return the cosines of rows that may be float32: then no float64 copy is kept, whose memory takes longer than the arithmetic."""
        cosines = cls(*(Directions.of(x.astype(np.float64, copy=False)) for x in (a, b)))
        if a.dtype != np.float64:
            cosines.sides = replace(cosines.sides[0], rows=a), replace(cosines.sides[1], rows=b)
        return cosines

    @cached_property
    def chord(self) -> Array:
        """The difference of the directions, or their sum where the cosine is negative."""
        a, b = self.sides
        return b.unit - self.sign[:, None] * a.unit

    @cached_property
    def short(self) -> Array:
        """1 - |cosine|: half the squared chord where the vectors are nearly parallel."""
        return np.where(np.abs(self.values) > 0.5, 0.5 * np.vecdot(self.chord, self.chord), 1.0 - np.abs(self.values))

    @cached_property
    def close(self) -> Cosines:
        """The near rows alone: chords of all rows would be a third of the time of a loss."""
        a, b = self.sides
        return Cosines(a.at(self.near), b.at(self.near))

    @property
    def one_minus(self) -> Array:
        """1 - cosine."""
        out = 1.0 - self.values
        if self.near.size:
            out[self.near] = np.where(self.close.sign > 0, self.close.short, out[self.near])
        return out

    def residual(self, of: int) -> Array:
        """Return the component of the other direction orthogonal to direction `of`, whose length is the sine.

        b - a cos is (b - a) + a (1 - cos), which does not cancel where a and b are nearly parallel.
        """
        out = (self.sign * self.short)[:, None] * self.sides[of].unit
        out += self.chord if of == 0 else -self.sign[:, None] * self.chord
        return out

    def derivative(self, of: int, c: Array | float = 1.0) -> Array:
        """Return the derivatives of c times the cosines by the rows, (n, d): c (b - a cos) over the length, for directions a and b."""
        a, b = self.sides[of], self.sides[1 - of]
        rate = np.where(a.defined, c / a.length, 0.0)
        out = by_rates(b.rows, rate / b.length)
        out -= by_rates(a.rows, rate * self.values / a.length)
        if self.near.size:
            out[self.near] = self.close.residual(of) * rate[self.near, None]
        return scaled(out, -a.exponent[:, None])


@dataclass(frozen=True)
class Measure:
    """Measure of the rows of a and b: its values (n,), and the pullback of a cotangent (n,) to both rows (n, d)."""

    values: Array
    by_a: Callable[[Array], Array]
    by_b: Callable[[Array], Array]


def of_difference(values: Array, slope: Callable[[Array], Array]) -> Measure:
    """Measure of a - b."""
    return Measure(values, slope, lambda c: slope(-c))


def distance_of_rows(a: Array, b: Array, distance: Distance, eps: float = 0.0) -> Measure:
    """Evaluate one of the named distances; eps is added to each coordinate difference of the Euclidean one."""
    if distance == "cosine":
        cosines = Cosines.of(a, b)
        return Measure(cosines.one_minus, lambda c: cosines.derivative(0, -c), lambda c: cosines.derivative(1, -c))
    if distance == "squared_euclidean":
        difference = a - b
        return of_difference(np.vecdot(difference, difference), lambda c: (2.0 * c)[:, None] * difference)
    return norm_of_difference(a, b, 1.0 if distance == "manhattan" else 2.0, eps if distance == "euclidean" else 0.0)


def norm_of_difference(a: Array, b: Array, p: float = 2.0, eps: float = 0.0) -> Measure:
    """Return the p-norm of a - b + eps. Its gradient is 0 where it is 0, and for p <= 1 at each coordinate that is 0."""
    return norm_of(a - b + eps if eps else a - b, p)


def norm_of(difference: Array, p: float = 2.0) -> Measure:
    """Return the p-norm of the difference of a and b."""
    if p == 1.0 or difference.shape[-1] == 1:
        return of_difference(np.abs(difference).sum(axis=-1), lambda c: c[:, None] * np.sign(difference))
    if p == 2.0:
        x, squares, exponent = moderate(difference)
        size = np.sqrt(squares)
        return of_difference(scaled(size, exponent), lambda c: divide_or_zero(c, size)[:, None] * x)
    part = np.abs(difference)
    top = part.max(axis=-1, keepdims=True)
    ratio = divide_or_zero(part, top)
    powers = np.maximum((ratio**p).sum(axis=-1, keepdims=True), 1.0)  # 0 where all are 0

    def slope(c: Array) -> Array:
        return c[:, None] * (np.sign(difference) * np.where(ratio == 0, 1.0, ratio) ** (p - 1.0) * powers ** (1.0 / p - 1.0))

    return of_difference((top * powers ** (1.0 / p))[:, 0], slope)


# ------------------------------------------------------------------ all rows with all rows

Rows = Callable[[Array, slice], tuple[Array, Array]]


def row_blocks(rows: int, columns: int) -> list[slice]:
    """Slice the rows of a matrix into blocks of BLOCK elements."""
    step = max(1, BLOCK // max(1, columns))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def by_rows(shape: tuple[int, int], similarities: Callable[[slice], Array], loss: Rows) -> tuple[Array, Array]:
    """Return values (n,) and slopes (n, m) of a loss with one number for each row of similarities; `loss` computes both for a block of rows."""
    values, slopes = np.empty(shape[0]), np.empty(shape)
    for rows in row_blocks(*shape):
        values[rows], slopes[rows] = loss(similarities(rows), rows)
    return values, slopes


class AllCosines:
    """Cosines of every row of a (n, d) with every row of b (m, d), or of a with itself."""

    def __init__(self, a: Array | Directions, b: Array | Directions | None = None) -> None:
        self.a = a if isinstance(a, Directions) else Directions.of(a)
        self.b = self.a if b is None else b if isinstance(b, Directions) else Directions.of(b)

    def at(self, rows: slice) -> Array:
        """Return the cosines of some rows of a."""
        return self.a.unit[rows] @ self.b.unit.T

    def by_rows(self, loss: Rows) -> tuple[Array, Array]:
        """Return values (n,) and slopes (n, m) of a loss with one number for each row of cosines."""
        return by_rows((len(self.a.unit), len(self.b.unit)), self.at, loss)

    def by_a(self, slopes: Array, c: Array, exponent: int = 0, beside: Array | float = 0.0) -> Array:
        """Return the derivative by a from 2^exponent times the slopes (n, m), row i times c_i; beside: a further derivative by the directions of a."""
        return self.a.pull(c[:, None] * (slopes @ self.b.unit) + beside, exponent)

    def by_b(self, slopes: Array, c: Array, exponent: int = 0, beside: Array | float = 0.0) -> Array:
        """Return the derivative by b."""
        return self.b.pull(slopes.T @ (c[:, None] * self.a.unit) + beside, exponent)

    def by_both(self, slopes: Array, c: Array) -> Array:
        """Return the derivative by a if b is a."""
        return self.a.pull(c[:, None] * (slopes @ self.a.unit) + slopes.T @ (c[:, None] * self.a.unit))


class AllDistances:
    """Distances of all rows of x (n, d) from direct differences, so that equal vectors have the distance 0, and equal pairs equal distances."""

    def __init__(self, x: Array, distance: Literal["euclidean", "squared_euclidean", "cosine"] = "euclidean") -> None:
        self.distance = distance
        self.directions = Directions.of(x) if distance == "cosine" else None
        self.x = x if self.directions is None else self.directions.unit

    def _differences(self) -> Iterator[tuple[slice, Array]]:
        for rows in row_blocks(len(self.x), self.x.size):
            yield rows, self.x[rows, None] - self.x[None]

    @cached_property
    def values(self) -> Array:
        """The distances; 1 - cosine is half the squared chord."""
        values = np.empty((len(self.x), len(self.x)))
        for rows, difference in self._differences():
            _, square, exponent = moderate(difference)
            values[rows] = scaled(np.sqrt(square), exponent) if self.distance == "euclidean" else scaled(square, 2 * exponent)
        if self.directions is not None:
            values *= 0.5
            values[~self.directions.defined] = values[:, ~self.directions.defined] = 1.0
            np.fill_diagonal(values, 0.0)
        return values

    def squares_beyond(self, reference: Array) -> Array:
        """Return the squared distances of row i minus the one to row reference[i], (n, n), as (x_j - x_r) . (x_j + x_r - 2 x_i)."""
        values = np.empty((len(self.x), len(self.x)))
        for rows, difference in self._differences():
            near = self.x[reference[rows]][:, None]
            apart, toward = near - self.x[None], difference + (self.x[rows, None] - near)
            found = np.vecdot(apart, toward)
            if not surely_finite(found):  # products overflowed, maybe with both signs
                (apart, _, exponent), (toward, _, other) = moderate(apart), moderate(toward)
                found = scaled(np.vecdot(apart, toward), exponent + other)
            values[rows] = found
        return values

    def pull(self, slopes: Array) -> Array:
        """Return the derivative by x from the derivative by the distances (n, n); 0 through a distance of 0."""
        slopes, unit = slopes + slopes.T, 1.0
        if self.distance == "euclidean":
            if self.values.min(initial=1.0, where=self.values > 0) < 1e-300 and self.values.max() < 1e100:
                unit = 2.0**600  # a slope over a denormal distance would be infinite
            slopes = divide_or_zero(slopes, unit * self.values)
        else:
            slopes *= 2.0
        out = np.empty_like(self.x)
        for rows, difference in self._differences():
            out[rows] = (slopes[rows, None, :] @ (difference if unit == 1.0 else unit * difference))[:, 0]
        return out if self.directions is None else self.directions.pull(0.5 * out)
