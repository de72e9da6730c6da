"""Cosines and triplets of ordinary rows, at the speed of plain arithmetic; what is out of the ordinary goes the exact way of geometry.py.

Everything is float64. Products of float32 numbers are exact in it, and what it rounds is far below their last place. Of float64 rows the inner
products are kept to about 2^-70 of the norms: rows are cut into a coarse half, whose inner products are exact, and a rest. Rows are
hard, and left to the exact way, where that is not enough: vectors nearly parallel or at right angles, of very different sizes, tied
distances. So are rows with an element of the gradient that cancels, if not even a second look at it alone, in two floats, helps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from service.losses.core import Evaluation, Pullback
from service.losses.tensors import Array
from service.losses.twofold import Twofold, add, divide, multiply, negative, root, two_sum, widened

SIZES = 2.0**-10, 2.0**40  # of the largest entries of ordinary float64 arrays: nothing overflows, and what vanishes counts for nothing
SMALL = 2.0**-8  # how much shorter a row may be than the largest entry of all
DIGITS = 2.0**47  # how many times its error a number has to be, to be good enough
CANCELLED = 2.0**-7  # of a term of a difference, below which its rounding is felt
BLOCK = 1 << 14  # elements of a temporary: a few of them stay in a core's own cache


def blocks(x: Array) -> Iterator[slice]:
    """Rows of (n, d), so many at a time."""
    step = max(1, BLOCK // x.shape[1])
    return (slice(start, start + step) for start in range(0, len(x), step))


def wide(x: Array) -> Array:
    """As float64."""
    return x.astype(np.float64, copy=False)


def largest(x: Array) -> float:
    """The largest magnitude."""
    return max(float(x.max(initial=0.0)), -float(x.min(initial=0.0)))


def patched(quick: Evaluation, hard: Array, exact: Callable[..., Evaluation], *tensors: Array) -> Evaluation:
    """The quick Evaluation, the hard rows from the exact one."""
    if not len(hard):
        return quick
    rest = exact(*(wide(tensor[hard]) if tensor.dtype.kind == "f" else tensor[hard] for tensor in tensors))
    quick.numerator[hard] = rest.numerator

    def pulled(name: str) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            out = quick.gradients[name](cotangent)
            out[hard] = rest.gradients[name](cotangent[hard])
            return out

        return pullback

    return replace(quick, gradients={name: pulled(name) for name in quick.gradients})


@dataclass(frozen=True)
class Cut:
    """How rows with entries up to `top` are cut in halves. unit: the error of an inner product, in units of the norm and `top`."""

    top: float
    shift: float
    unit: float
    single: bool

    @classmethod
    def of(cls, top: float, like: Array) -> Cut | None:
        """None for a size that is not ordinary."""
        if like.dtype == np.float32:
            return cls(top, 0.0, 2.0**-78, True) if top else None  # an error of 2^-50, where 27 digits less are asked for
        if not SIZES[0] <= top <= SIZES[1]:
            return None
        bits = (53 - int(np.ceil(np.log2(like.shape[1])))) // 2
        return cls(top, 1.5 * 2.0 ** (52 - bits) * 2.0 ** float(np.frexp(top)[1]), 2.0 ** -(48 + bits), False)

    def halves(self, x: Array) -> tuple[Array, Array, Array]:
        """x, its coarse half and the rest."""
        if self.single:
            return x, x, x[:0]
        coarse = x + self.shift
        coarse -= self.shift
        return x, coarse, x - coarse

    def inner(self, x: tuple[Array, Array, Array], y: tuple[Array, Array, Array]) -> Twofold:
        """The inner products of rows, exact but for the last bits of the second number."""
        high = np.einsum("ij,ij->i", x[1], y[1])
        if self.single:
            return high, np.zeros_like(high)
        low = np.einsum("ij,ij->i", x[1], y[2])
        low += np.einsum("ij,ij->i", x[2], y[0])
        return high, low

    def error(self, square: Array) -> Array:
        """The error of inner products relative to the norms."""
        return np.full_like(square, self.unit) if self.single else self.unit * self.top / np.sqrt(square)

    def short(self, square: Array) -> Array:
        """Which rows are too short for that to be small."""
        return ~(square > (0.0 if self.single else (SMALL * self.top) ** 2))


def cancelled(out: Array, term: Array | None, floor: Array) -> tuple[Array, Array]:
    """Where `out`, a difference of which `term` is one part, has lost too many digits, or is below its row's floor: rows and columns."""
    limit = floor[:, None]
    if term is not None:
        limit = np.abs(term)
        limit *= CANCELLED
        np.maximum(limit, floor[:, None], out=limit)
    return np.divmod(np.flatnonzero(np.abs(out) < limit), out.shape[1])


def again(x: Twofold, y: Twofold, u: Twofold, v: Twofold) -> Array:
    """The difference x y - u v in two floats."""
    return add(multiply(x, y), negative(multiply(u, v)))[0]


def taken(x: Twofold, at: Array) -> Twofold:
    """Some of the numbers."""
    return x[0][at], x[1][at]


class Cosines:
    """The cosines of the rows of a with the rows of b. hard: rows of which neither they nor their derivatives are good enough."""

    def __init__(self, a: Array, b: Array, cuts: tuple[Cut, Cut]) -> None:
        self.sides = a, b
        sums = np.empty((6, len(a)))
        for rows in blocks(a):
            x, y = (cut.halves(wide(side[rows])) for cut, side in zip(cuts, self.sides, strict=True))
            sums[:, rows] = *cuts[0].inner(x, x), *cuts[0].inner(y, y), *cuts[0].inner(x, y)
        if cuts[0].single:  # one float has digits enough
            self.squares, self.product = ((sums[0], sums[1]), (sums[2], sums[3])), (sums[4], sums[5])
            self.norms = np.sqrt(sums[0] * sums[2]), sums[1]
            self.cosine = sums[4] / self.norms[0], sums[1]
        else:
            self.squares, self.product = (two_sum(sums[0], sums[1]), two_sum(sums[2], sums[3])), two_sum(sums[4], sums[5])
            self.norms = root(multiply(*self.squares))
            self.cosine = divide(self.product, self.norms)
        self.error = DIGITS * sum((cut.error(square[0]) for cut, square in zip(cuts, self.squares, strict=True)), np.zeros(len(a)))
        size = np.abs(self.cosine[0])
        short = cuts[0].short(self.squares[0][0]) | cuts[1].short(self.squares[1][0])
        self.hard = np.flatnonzero(short | ~((size > self.error) & (size < 1.0 - self.error)))

    @classmethod
    def of(cls, a: Array, b: Array) -> Cosines | None:
        """None for rows that are not ordinary."""
        first, second = Cut.of(largest(a), a), Cut.of(largest(b), b)
        return None if first is None or second is None else cls(a, b, (first, second))

    def pull(self, of: int, cotangent: Array, exact: Callable[[Array], Array]) -> Array:
        """From a cotangent of the cosines to row `of` of each pair; exact: the same for a few rows."""
        result, places = np.empty_like(self.sides[of]), [(np.zeros(0, int), np.zeros(0, int))]
        square, product, scale = self.squares[of], self.product, cotangent / self.norms[0]
        slope, floor = product[0] / square[0], self.error * np.sqrt(self.squares[1 - of][0])
        single = result.dtype == np.float32
        for rows in blocks(result):
            a, b = wide(self.sides[of][rows]), wide(self.sides[1 - of][rows])
            out = slope[rows, None] * a
            np.subtract(b, out, out=out)
            i, k = cancelled(out, None if single else b, floor[rows])
            places.append((i + rows.start, k))
            np.multiply(out, scale[rows, None], out=result[rows], casting="same_kind")
        i, k = (np.concatenate(part) for part in zip(*places, strict=True))
        a, b = self.sides[of][i, k], self.sides[1 - of][i, k]
        if not single:
            out = again(widened(b), taken(square, i), widened(a), taken(product, i)) / square[0][i]
            result[i, k] = out * scale[i]
            i, a, b = (x[np.abs(out) < floor[i]] for x in (i, a, b))
        return corrected(result, i[(a != 0) | (b != 0)], exact)


def corrected(result: Array, hard: Array, exact: Callable[[Array], Array]) -> Array:
    """The result, with the hard rows from `exact`."""
    if len(hard):
        rows = np.unique(hard)
        result[rows] = exact(rows)
    return result


def difference(a: Array, b: Array, eps: float) -> Twofold:
    """A - b + eps, of ordinary size: two_sum and add with as few temporaries as there can be."""
    first = a - b
    rough = first - a
    lost = first - rough
    np.subtract(a, lost, out=lost)
    rough += b
    lost -= rough
    high = first + eps
    np.subtract(high, first, out=first)
    np.subtract(eps, first, out=first)
    lost += first
    np.add(high, lost, out=rough)
    high -= rough
    lost += high
    return rough, lost


class Distances:
    """The euclidean distances of rows, eps added to each difference."""

    def __init__(self, a: Array, b: Array, eps: float, cut: Cut) -> None:
        self.rows, self.eps = (a, b), eps
        self.apart = np.empty(a.shape)
        sums = np.empty((2, len(a)))
        for rows in blocks(a):
            x, y = wide(a[rows]), wide(b[rows])
            if cut.single:
                high = np.subtract(x, y, out=self.apart[rows])
                high += eps
                sums[:, rows] = cut.inner(cut.halves(high), cut.halves(high))
            else:
                self.apart[rows], low = difference(x, y, eps)
                halves = cut.halves(self.apart[rows])
                sums[:, rows] = cut.inner(halves, halves)
                sums[1, rows] += 2.0 * np.einsum("ij,ij->i", halves[0], low)
        square = two_sum(sums[0], sums[1])
        self.size = (np.sqrt(square[0]), square[1]) if cut.single else root(square)
        self.error, self.short = cut.error(square[0]), cut.short(square[0])

    def at(self, i: Array, k: Array) -> Twofold:
        """Some of the differences, in two floats."""
        return difference(self.rows[0][i, k], self.rows[1][i, k], self.eps)


class Triplets:
    """Euclidean distances of anchors to positives less those to negatives, plus the margin. hard: as in Cosines."""

    def __init__(self, near: Distances, far: Distances, margin: float) -> None:
        self.near, self.far = near, far
        self.beyond = add(add(near.size, negative(far.size)), widened(np.full_like(near.size[0], margin)))[0]
        self.error = DIGITS * (near.error + far.error)
        self.hard = np.flatnonzero(near.short | far.short | ~(np.abs(self.beyond) > self.error * near.size[0]))

    @classmethod
    def of(cls, anchor: Array, positive: Array, negative: Array, margin: float, eps: float) -> Triplets | None:
        """None for rows that are not ordinary."""
        tops = [largest(x) for x in (anchor, positive, negative)]
        near, far = Cut.of(tops[0] + tops[1] + eps, anchor), Cut.of(tops[0] + tops[2] + eps, anchor)
        if near is None or far is None:
            return None
        return cls(Distances(anchor, positive, eps, near), Distances(anchor, negative, eps, far), margin)

    def of_anchor(self, cotangent: Array, exact: Callable[[Array], Array]) -> Array:
        """From a cotangent of the difference to the anchors; exact: the same for a few rows."""
        result, places = np.empty_like(self.near.rows[0]), [(np.zeros(0, int), np.zeros(0, int))]
        near, far = self.near.size, self.far.size
        single = result.dtype == np.float32
        for rows in blocks(result):
            term = self.near.apart[rows] / near[0][rows, None]
            out = self.far.apart[rows] / far[0][rows, None]
            np.subtract(term, out, out=out)
            if single:
                term *= 2.0**-21
            i, k = cancelled(out, term, np.zeros(len(out)))
            places.append((i + rows.start, k))
            np.multiply(out, cotangent[rows, None], out=result[rows], casting="same_kind")
        i, k = (np.concatenate(part) for part in zip(*places, strict=True))
        if not single:
            out = again(self.near.at(i, k), taken(far, i), self.far.at(i, k), taken(near, i)) / (near[0][i] * far[0][i])
            result[i, k] = out * cotangent[i]
            i = i[np.abs(out) < self.error[i] * np.abs(self.near.apart[i, k]) / near[0][i]]
        return corrected(result, i, exact)

    def of_other(self, which: int, cotangent: Array) -> Array:
        """To the positives (0) or the negatives (1)."""
        side, sign = ((self.near, -1.0), (self.far, 1.0))[which]
        scale = sign * cotangent / side.size[0]
        return np.multiply(side.apart, scale[:, None], out=np.empty_like(side.rows[0]), casting="same_kind")
