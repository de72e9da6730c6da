"""Cosines and triplets of ordinary rows at the speed of plain arithmetic. What needs more digits is looked at again, or goes the exact way of geometry.py.

The first look is plain float64. It knows how far its roundings reach; where a number is not large against that (one minus the cosine of vectors
nearly parallel, distances nearly tied, single elements of a gradient that cancel), the rows concerned get a second look in extended
precision, which on x86 has 64 bits. What even that leaves unsure, and rows whose squares leave the range, are hard, and left to the exact
way. On machines without extended precision the second look is as unsure as the first, and more rows are hard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array

Float = type[np.floating[Any]]
EXTENDED: Float = np.longdouble
RANGE = 1e-270, 1e270  # of squared norms: nothing overflows, and what vanishes counts for nothing
FEW = 1 << 12  # elements so few that extended precision at once costs less than a second look
BLOCK = 1 << 14  # elements of a temporary: a few of them stay in a core's own cache


def wide(x: Array) -> Array:
    """As float64."""
    return x.astype(np.float64, copy=False)


def blocks(x: Array) -> Iterator[slice]:
    """Rows of (n, d), so many at a time."""
    step = max(1, BLOCK // x.shape[1])
    return (slice(start, start + step) for start in range(0, len(x), step))


def patched(quick: Evaluation, hard: Array, exact: Callable[..., Evaluation], *tensors: Array) -> Evaluation:
    """The quick Evaluation, the hard rows from the exact one."""
    if not len(hard):
        return quick
    rest = exact(*(wide(tensor[hard]) if tensor.dtype.kind == "f" else tensor[hard] for tensor in tensors))
    quick.numerator[hard] = rest.numerator

    def pulled(name: str) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            easy = cotangent.copy()
            easy[hard] = 0.0
            out = quick.gradients[name](easy)
            out[hard] = rest.gradients[name](cotangent[hard])
            return out

        return pullback

    return replace(quick, gradients={name: pulled(name) for name in quick.gradients})


class Together:
    """Pullbacks that share their work: what the first one computes for all, each hands out once."""

    def __init__(self, names: tuple[str, ...], pull: Callable[[Array], Array]) -> None:
        self.names, self.pull, self.cotangent = names, pull, np.zeros(0)
        self.ready: dict[str, Array] = {}

    def pullbacks(self) -> dict[str, Pullback]:
        """By name."""
        return {name: partial(self._take, name) for name in self.names}

    def _take(self, name: str, cotangent: Array) -> Array:
        if name not in self.ready or not np.array_equal(cotangent, self.cotangent):
            self.cotangent, self.ready = cotangent.copy(), dict(zip(self.names, self.pull(cotangent), strict=True))
        return self.ready.pop(name)


class Places:
    """Elements of gradients that may have cancelled: which gradient, row numbers and columns."""

    def __init__(self) -> None:
        self.found = [(np.zeros(0, int),) * 3]

    def below(self, limits: Array, sizes: Array, start: int, of: int = 0) -> None:
        """Add what a block that begins at row `start` has below the largest of its rows' limits. A row of size 0 has none."""
        limit = limits.max(initial=0.0, where=np.isfinite(limits))
        small = sizes < limit
        if small.any():
            i, k = np.divmod(np.flatnonzero(small), sizes.shape[1])
            self.found.append((np.full(len(i), of), i + start, k))


def filled(cotangent: Array) -> Array:
    """The cotangent with its largest number for each 0, so that rows without a gradient do not look cancelled."""
    return np.where(cotangent == 0, np.abs(cotangent).max(initial=0.0), cotangent)


class Look:
    """Numbers of rows in one precision, and how far their roundings reach.

    unit: half a unit in the last place. An inner product of rows a and b is off by less than `unit` times `spread` |a| |b| plus `reach` |a b|,
    with what is computed of it: found with 10^5 random rows of 1 to 8192 columns, of all signs and of one. BLAS adds in lanes, extended
    precision in one. goals: the relative errors wanted, of values and of slopes. squares, error: the squared norms (2, n); the errors of the values.
    """

    goals: tuple[float, float]
    squares: Array
    error: Array

    def __init__(self, dtype: Float, rows: tuple[Array, ...]) -> None:
        self.rows, self.single = rows, rows[0].dtype == np.float32
        self.dtype: Float = EXTENDED if rows[0].size <= FEW and not self.single else dtype
        self.unit, root = float(np.finfo(self.dtype).eps) / 2, float(rows[0].shape[1]) ** 0.5
        self.spread, self.reach = 0.5 + 4.0 / root, 8.0
        if self.dtype != np.float64:
            self.spread, self.reach = 4.5, 8.0 + root / 2
        if self.single:
            self.goals = 2.0**-26, 2.0**-26

    def again(self, rows: Array) -> Self:
        """Some of the rows in extended precision."""
        raise NotImplementedError

    def elements(self, of: Array, i: Array, k: Array) -> tuple[Array, Array]:
        """Elements of derivatives, of which row's `of` says, and their errors."""
        raise NotImplementedError

    def work(self, number: int) -> list[Array]:
        """Room for temporaries of a block each."""
        n, d = self.rows[0].shape
        return [np.empty((min(n, max(1, BLOCK // d)), d), self.dtype) for _ in range(number)]

    def place(self, result: Array, rows: slice, work: Array) -> Array:
        """Where to compute a block of a result: in its place, or in `work` where the types differ."""
        return result[rows] if result.dtype == self.dtype else work[: len(result[rows])]

    def unsure(self, values: Array) -> Array:
        """Which values are not good enough. Of what is below 0 the sign is all that counts."""
        good = (values > self.error / self.goals[0]) | (values < -2.0 * self.error)
        good &= ((self.squares > RANGE[0]) & (self.squares < RANGE[1])).all(axis=0)
        return np.flatnonzero(~good)

    def corrected(self, results: Array, places: Places, cotangent: Array, exact: Callable[[Array], Array]) -> Array:
        """Gradients (m, n, d) with the elements at the places computed with more care; exact: the gradients of a few rows."""
        of, i, k = (np.concatenate(part) for part in zip(*places.found, strict=True))
        if not cotangent.all():
            results[:, cotangent == 0] = 0.0
            wanted = cotangent[i] != 0
            of, i, k = of[wanted], i[wanted], k[wanted]
        if len(i):
            of, i, k = self._better(results, of, i, i, k, cotangent)
        if len(i):
            rows, at = np.unique(i, return_inverse=True)
            _, i, _ = self.again(rows)._better(results, of, i, at, k, cotangent)
        if len(i):
            rows = np.unique(i)
            results[:, rows] = exact(rows)
        return results

    def _better(self, results: Array, of: Array, i: Array, at: Array, k: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        """Set elements (of, i, k), whose rows are `at` here; those that are not good enough yet."""
        out, error = self.elements(of, at, k)
        results[of, i, k] = out * cotangent[i]
        bad = np.abs(out) < error / self.goals[1]
        return of[bad], i[bad], k[bad]


def settled(first: Look, value: Callable[[Any, slice | Array], Array]) -> tuple[Array, Array]:
    """The values that a look (at some rows) gives, looked at again where that is needed, and the rows that stay hard."""
    values = value(first, slice(None))
    rows = first.unsure(values)
    if len(rows):
        second = first.again(rows)
        values[rows] = better = value(second, rows)
        rows = rows[second.unsure(better)]
    return wide(values), rows


class PairCosines(Look):
    """The cosines of the rows of a with the rows of b."""

    goals = 9e-15, 9e-14

    def __init__(self, a: Array, b: Array, dtype: Float = np.float64) -> None:
        super().__init__(dtype, (a, b))
        self.squares, self.product = np.empty((2, len(a)), self.dtype), np.empty(len(a), self.dtype)
        work = self.work(2)
        for rows in blocks(a):
            x, y = (self.cast(x[rows], out) for x, out in zip(self.rows, work, strict=True))
            np.vecdot(x, x, out=self.squares[0, rows])
            np.vecdot(y, y, out=self.squares[1, rows])
            np.vecdot(x, y, out=self.product[rows])
        self.sizes = np.sqrt(self.squares)
        self.cosine = self.product / self.sizes[0] / self.sizes[1]
        self.error = self.unit * (self.spread + self.reach * np.abs(self.cosine))

    def cast(self, x: Array, out: Array) -> Array:
        """A block in the look's precision, in `out` where it has another."""
        if x.dtype == self.dtype:
            return x
        out = out[: len(x)]
        np.copyto(out, x)
        return out

    def again(self, rows: Array) -> Self:
        return type(self)(self.rows[0][rows], self.rows[1][rows], EXTENDED)

    def elements(self, of: Array, i: Array, k: Array) -> tuple[Array, Array]:
        x, y = (side[i, k].astype(self.dtype) / size[i] for side, size in zip(self.rows, self.sizes, strict=True))
        a, b, size = np.where(of, y, x), np.where(of, x, y), self.sizes[of, i]
        return (b - self.cosine[i] * a) / size, (np.abs(a) * self.error[i] + np.abs(b) * self.unit) / size

    def pull(self, cotangent: Array, exact: Callable[[Array], Array]) -> Array:
        """From a cotangent of the cosines to both rows of each pair, (2, n, d); exact: the same for a few rows."""
        results, places, work = np.empty((2, *self.rows[0].shape), self.rows[0].dtype), Places(), self.work(4)
        some = filled(cotangent)
        scale = some / self.sizes[0] / self.sizes[1]
        slopes, limits = scale * (self.product / self.squares), np.abs(some) / self.sizes * ((self.error + self.unit) / self.goals[1])
        for rows in blocks(self.rows[0]):
            pair = [self.cast(x[rows], out) for x, out in zip(self.rows, work, strict=False)]
            for of in (0, 1):
                down = np.multiply(pair[of], slopes[of, rows, None], out=work[2][: len(pair[of])])
                out = np.multiply(pair[1 - of], scale[rows, None], out=self.place(results[of], rows, work[3]))
                out -= down
                results[of, rows] = out
                places.below(limits[of, rows], np.abs(out, out=down), rows.start, of)
        return self.corrected(results, places, cotangent, exact)


class TripletDistances(Look):
    """Euclidean distances of anchors to positives less those to negatives, plus the margin; eps is added to each difference.

    That is the difference of their squares by their sum: (n - p) (2 a + 2 eps - p - n), an inner product with terms of either sign, has lost
    less. float32 rows do not need that.
    """

    goals = 9e-15, 8e-13

    def __init__(self, rows: tuple[Array, Array, Array], margin: float, eps: float, dtype: Float = np.float64) -> None:
        super().__init__(dtype, rows)
        self.margin, self.eps = margin, eps
        self.squares, inner = np.empty((2, len(rows[0])), self.dtype), np.empty(len(rows[0]), self.dtype)
        work = self.work(3)
        for at in blocks(rows[0]):
            near, far = (self.apart(which, at, work[which]) for which in (0, 1))
            np.vecdot(near, near, out=self.squares[0, at])
            np.vecdot(far, far, out=self.squares[1, at])
            if not self.single:
                near += far
                across = np.subtract(rows[2][at], rows[1][at], out=work[2][: len(near)], dtype=self.dtype)
                np.vecdot(across, near, out=inner[at])
        self.sizes = np.sqrt(self.squares)
        total = self.sizes[0] + self.sizes[1]
        self.difference = self.sizes[0] - self.sizes[1] if self.single else inner / total
        self.beyond = self.difference + margin
        spread = total if self.single else self.spread * ((self.squares[0] + self.squares[1]) / total)  # |n - p| |2a + 2 eps - p - n| is less
        self.error = self.unit * (spread + self.reach * (total if self.single else np.abs(self.difference)))

    def apart(self, which: int, at: slice | Array | tuple[Array, Array], out: Array | None = None) -> Array:
        """Anchors less positives (0) or negatives (1), plus eps."""
        a, b = self.rows[0][at], self.rows[1 + which][at]
        result: Array = np.subtract(a, b, out=None if out is None else out[: len(a)], dtype=self.dtype)
        result += self.eps
        return result

    def again(self, rows: Array) -> Self:
        anchor, positive, negative = (x[rows] for x in self.rows)
        return type(self)((anchor, positive, negative), self.margin, self.eps, EXTENDED)

    def elements(self, of: Array, i: Array, k: Array) -> tuple[Array, Array]:
        """Near / |near| - far / |far| as (near - far) / larger - one of them times the difference of the sizes by both."""
        larger, smaller = np.maximum(*self.sizes)[i], np.minimum(*self.sizes)[i]
        across = np.subtract(self.rows[2][i, k], self.rows[1][i, k], dtype=self.dtype)
        side = np.where(self.difference[i] < 0, self.apart(0, (i, k)), self.apart(1, (i, k))) / smaller
        return (across - side * self.difference[i]) / larger, (np.abs(across) * self.unit + np.abs(side) * self.error[i]) / larger

    def pull(self, cotangent: Array, exact: Callable[[Array], Array]) -> Array:
        """From a cotangent of the difference to anchors, positives and negatives, (3, n, d); exact: to a few of the anchors, (1, rows, d)."""
        results, places, work = np.empty((3, *self.rows[0].shape), self.rows[0].dtype), Places(), self.work(2)
        anchor, positive, negative = results
        some = filled(cotangent)
        scales, limits = some / self.sizes, np.abs(some) * (0.75 * self.unit * self.reach / self.goals[1])
        for rows in blocks(anchor):
            near, far = (self.apart(which, rows, work[which]) for which in (0, 1))
            near *= scales[0][rows, None]
            far = np.multiply(far, scales[1][rows, None], out=self.place(negative, rows, far))
            np.negative(near, out=positive[rows], casting="same_kind")
            negative[rows] = far
            out = np.subtract(near, far, out=self.place(anchor, rows, far))
            anchor[rows] = out
            places.below(limits[rows], np.abs(out, out=near), rows.start)
        results[1:, cotangent == 0] = 0.0
        self.corrected(results[:1], places, cotangent, exact)
        return results
