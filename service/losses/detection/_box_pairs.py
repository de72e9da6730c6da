"""Geometry of pairs of boxes (x1, y1, x2, y2), row by row.

Denominators have no epsilon (torchvision adds 1e-7 to areas and squared lengths, which affects boxes smaller than about 1e-3).
Lengths are relative to the box that encloses both, so that ratios are exact for boxes of any size, 1e-300 or 1e300. 1 - IoU is
a sum of the areas that the boxes do not share. 0 / 0 is 0: two boxes without area have IoU 0. Where sides touch (kinks), a slope is
the mean of the one-sided slopes, as for torch's min and max. Boxes that only touch do not overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero

Sides = tuple[Array, Array]  # derivatives of a quantity by the low and the high side moving outwards


@dataclass(frozen=True)
class Axis:
    """Two intervals on one axis, with all lengths relative to the interval that encloses both.

    low, high: ends of the interval whose sides move; other_low, other_high: ends of the other one.
    """

    low: Array
    high: Array
    other_low: Array
    other_high: Array

    @cached_property
    def unit(self) -> Array:
        """Length of the enclosing interval."""
        return np.maximum(self.high, self.other_high) - np.minimum(self.low, self.other_low)

    def relative(self, length: Array) -> Array:
        """Divide by the unit."""
        return divide_or_zero(length, self.unit)

    @cached_property
    def length(self) -> Array:
        """Length of the moving interval."""
        return self.relative(self.high - self.low)

    @cached_property
    def other(self) -> Array:
        """Length of the other interval."""
        return self.relative(self.other_high - self.other_low)

    @cached_property
    def overlap(self) -> Array:
        """Length of the intersection in absolute units; negative for a gap."""
        return np.minimum(self.high, self.other_high) - np.maximum(self.low, self.other_low)

    @cached_property
    def meets(self) -> Array:
        """True where the intersection has a positive length, however small relative to the unit."""
        return self.overlap > 0

    @cached_property
    def signed(self) -> Array:
        """Length of the intersection, negative for a gap."""
        return self.relative(self.overlap)

    @cached_property
    def log_shared(self) -> Array:
        """Logarithm of the length of the intersection, also where the length itself is out of range."""
        return np.log(self.overlap) - np.log(self.unit)

    def per_shared(self, x: Array) -> Array:
        """Divide by the length of the intersection; 0 where there is none."""
        short = self.meets & (self.shared < 1e3 * np.finfo(x.dtype).tiny)
        return np.where(short, divide_or_zero(x * self.unit, np.where(short, self.overlap, 0.0)), divide_or_zero(x, self.shared)).astype(
            x.dtype, copy=False
        )

    @cached_property
    def shared(self) -> Array:
        """Length of the intersection."""
        return np.maximum(self.signed, 0.0)

    @cached_property
    def gap(self) -> Array:
        """Length of the gap between disjoint intervals."""
        return np.maximum(-self.signed, 0.0)

    @cached_property
    def before(self) -> Array:
        """Length by which the moving interval begins earlier."""
        return self.relative(self.other_low - self.low)

    @cached_property
    def after(self) -> Array:
        """Length by which the moving interval ends later."""
        return self.relative(self.high - self.other_high)

    @cached_property
    def own(self) -> Array:
        """Length of the moving interval outside of the other."""
        return np.where(self.meets, np.maximum(self.before, 0.0) + np.maximum(self.after, 0.0), self.length)

    @cached_property
    def others_own(self) -> Array:
        """Length of the other interval outside of the moving one."""
        return np.where(self.meets, np.maximum(-self.before, 0.0) + np.maximum(-self.after, 0.0), self.other)

    @cached_property
    def excess(self) -> Array:
        """Length of the moving interval minus that of the other."""
        return self.before + self.after

    @cached_property
    def center(self) -> Array:
        """Distance of the centers, signed."""
        return (self.after - self.before) / 2

    def rest(self, sign: float) -> Array:
        """Return 1 - 2 center where the moving interval is higher (sign 1), 1 + 2 center where it is lower (-1)."""
        if sign > 0:
            return self.relative(self.other_high - self.low) + np.maximum(self.before, 0.0) + np.maximum(-self.after, 0.0)
        return self.relative(self.high - self.other_low) + np.maximum(self.after, 0.0) + np.maximum(-self.before, 0.0)

    @cached_property
    def inner(self) -> Sides:
        """Return, for either side, 1 where it is inside the other interval's end, 0 outside, 1/2 on it."""
        half = self.low.dtype.type(0.5)
        return half - half * np.sign(self.other_low - self.low), half - half * np.sign(self.high - self.other_high)

    def swapped(self) -> Axis:
        """Exchange the roles of the intervals."""
        return Axis(self.other_low, self.other_high, self.low, self.high)


@dataclass(frozen=True)
class Pair:
    """Pairs of boxes, one per row; derivatives are by the sides of the first box, moving outwards, in units of the enclosing box."""

    x: Axis
    y: Axis

    @classmethod
    def of(cls, boxes: Array, others: Array) -> Pair:
        """Build from (..., 4) arrays."""
        return cls(*(Axis(boxes[..., k], boxes[..., k + 2], others[..., k], others[..., k + 2]) for k in (0, 1)))

    def swapped(self) -> Pair:
        """Exchange the roles of the boxes."""
        return Pair(self.x.swapped(), self.y.swapped())

    @cached_property
    def area(self) -> Array:
        """Area of the first box."""
        return self.x.length * self.y.length

    @cached_property
    def other_area(self) -> Array:
        """Area of the second box."""
        return self.x.other * self.y.other

    @cached_property
    def shared(self) -> Array:
        """Area of the intersection."""
        return self.x.shared * self.y.shared

    @cached_property
    def meets(self) -> Array:
        """True where the intersection has a positive area."""
        return self.x.meets & self.y.meets

    @cached_property
    def apart(self) -> Array:
        """Area of the union without the intersection."""
        x, y = self.x, self.y
        parts = x.own * y.length + x.shared * y.own + x.others_own * y.other + x.shared * y.others_own
        return np.where(self.meets, parts, self.area + self.other_area)

    @cached_property
    def union(self) -> Array:
        """Area of the union."""
        return self.shared + self.apart

    @cached_property
    def iou(self) -> Array:
        """Intersection over union."""
        return divide_or_zero(self.shared, self.union)

    @cached_property
    def one_minus_iou(self) -> Array:
        """1 - IoU without cancellation."""
        return np.where(self.union > 0, divide_or_zero(self.apart, self.union), 1.0).astype(self.union.dtype, copy=False)

    @cached_property
    def empty(self) -> Array:
        """The part of the enclosing box that neither box covers: strips left and right of the narrower box, gaps."""
        x, y = self.x, self.y
        # in a strip that only one box reaches, the empty part is the enclosing height (1) minus that box's
        above, others_above = np.maximum(-y.before, 0.0) + np.maximum(-y.after, 0.0), np.maximum(y.before, 0.0) + np.maximum(y.after, 0.0)
        return x.own * above + x.others_own * others_above + x.gap + x.shared * y.gap

    def slopes(self, derivative: Callable[[Axis, Axis], Sides], factor: Array | float = 1.0) -> Array:
        """Return factor * d / d boxes (..., 4) of a quantity with the given `derivative` (a function of an axis and the other one) by sides moving outwards."""
        (x1, x2), (y1, y2) = derivative(self.x, self.y), derivative(self.y, self.x)
        x, y = self.x.unit, self.y.unit
        return np.stack(
            [divide_or_zero(-factor * x1, x), divide_or_zero(-factor * y1, y), divide_or_zero(factor * x2, x), divide_or_zero(factor * y2, y)],
            axis=-1,
        )

    # -------------------------------------------------------------- derivatives as (axis, across) -> sides

    def log_iou(self, axis: Axis, across: Axis, factor: Array | float = 1.0) -> Sides:
        """Return factor * d log IoU, for boxes that overlap."""
        gain = axis.per_shared(factor * divide_or_zero(self.other_area + axis.own * across.length, self.union))
        rate = divide_or_zero(np.broadcast_to(factor, self.union.shape), self.union)
        cost = np.where(np.isfinite(rate), rate * across.length, factor * divide_or_zero(across.length, self.union))
        return _sides(axis, lambda inner: np.where(self.meets, inner * gain - (1.0 - inner) * cost, 0.0).astype(cost.dtype, copy=False))

    def d_iou(self, axis: Axis, across: Axis) -> Sides:
        """Return d IoU."""
        gain = divide_or_zero(divide_or_zero(self.other_area + axis.own * across.length, self.union) * across.shared, self.union)
        cost = divide_or_zero(across.length * self.iou, self.union)
        return _sides(axis, lambda inner: np.where(self.meets, inner * gain - (1.0 - inner) * cost, 0.0).astype(cost.dtype, copy=False))

    def d_covered(self, axis: Axis, across: Axis) -> Sides:
        """Return d (union / enclosing box)."""
        within = np.where(self.meets, across.own, across.length)

        def moved(inner: Array, others_end: Array) -> Array:
            # a side of the enclosing box: h - union, with h the moving box's side across, in terms of the part beyond the moving box
            beyond = np.where(axis.meets, np.maximum(others_end, 0.0), axis.other)
            outer = beyond * across.excess + axis.gap * across.length - axis.shared * across.others_own
            return inner * within + (1.0 - inner) * outer

        return moved(axis.inner[0], -axis.after), moved(axis.inner[1], -axis.before)

    def d_excess(self, axis: Axis, across: Axis) -> Sides:
        """Return the derivative of the squared difference in length over the enclosing length."""
        rest = axis.other + np.maximum(-axis.before, 0.0) + np.maximum(-axis.after, 0.0)  # 1 - excess
        return _sides(axis, lambda inner: 2.0 * axis.excess * (inner + (1.0 - inner) * rest))

    # -------------------------------------------------------------- centers and angles

    @cached_property
    def diagonal(self) -> tuple[Array, Array, Array]:
        """Return the sides of the enclosing box divided by the longer one, and the longer one."""
        longer = np.maximum(self.x.unit, self.y.unit)
        return divide_or_zero(self.x.unit, longer), divide_or_zero(self.y.unit, longer), longer

    @cached_property
    def center(self) -> Array:
        """Squared distance of the centers over the squared diagonal of the enclosing box."""
        a, b, _ = self.diagonal
        return divide_or_zero(np.square(self.x.center * a) + np.square(self.y.center * b), a * a + b * b)

    def center_slopes(self) -> Array:
        """Return d center / d boxes."""
        a, b, longer = self.diagonal

        def sides(axis: Axis, side: Array, across: Axis, side_across: Array) -> Sides:
            square = a * a + b * b
            y, y_rest = np.abs(across.center), np.where(across.center > 0, across.rest(1.0), across.rest(-1.0))

            def moved(inner: Array, sign: float) -> Array:
                # x - 2 center, with x the center's distance: x - 2 (x a)^2 - 2 (y b)^2 over a^2 + b^2, in terms of 1 - 2 x and 1 - 2 y
                x, rest = sign * axis.center, axis.rest(sign)
                least = np.where((x > 0.25) & (y > 0.25), 0.5 * (y_rest * (2.0 - y_rest) - rest), x - 2.0 * y * y)
                grown = divide_or_zero(side * side * x * rest + side_across * side_across * least, square)
                return divide_or_zero(divide_or_zero(side * (inner * x + (1.0 - inner) * grown), square), longer)

            return moved(axis.inner[0], -1.0), moved(axis.inner[1], 1.0)

        (x1, x2), (y1, y2) = sides(self.x, a, self.y, b), sides(self.y, b, self.x, a)
        return np.stack([-x1, -y1, x2, y2], axis=-1)


def _sides(axis: Axis, derivative: Callable[[Array], Array]) -> Sides:
    return derivative(axis.inner[0]), derivative(axis.inner[1])


@dataclass(frozen=True)
class Shape:
    """Width and height of boxes divided by the longer one, and the longer one; a point has 0 and 0."""

    width: Array
    height: Array
    longer: Array

    @classmethod
    def of(cls, boxes: Array) -> Shape:
        """Build from (..., 4) arrays."""
        width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
        longer = np.maximum(width, height)
        return cls(divide_or_zero(width, longer), divide_or_zero(height, longer), longer)

    def angle_to(self, other: Shape) -> Array:
        """The angle atan(w'/h') - atan(w/h); 0 for points."""
        cross = other.width * self.height - self.width * other.height
        result: Array = np.arctan2(cross, self.height * other.height + self.width * other.width)
        return result

    def angle_slopes(self, factor: Array) -> Array:
        """Return factor * d (- atan(w/h)) / d boxes."""
        square = self.width * self.width + self.height * self.height
        by_width = -divide_or_zero(divide_or_zero(factor * self.height, square), self.longer)
        by_height = divide_or_zero(divide_or_zero(factor * self.width, square), self.longer)
        return np.stack([-by_width, -by_height, by_width, by_height], axis=-1)
