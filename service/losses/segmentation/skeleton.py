"""Losses of centerlines: soft skeletons by minima and maxima of neighbors, which keep the topology of thin structures.

At ties, gradients follow torch's pooling: the first extreme of a window, half to either of two equal minima, and 0 through relu at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import UNIT, Bound, NonNegative, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_infinity, divide_or_zero, per_sample_sum, spread
from service.losses.registry import loss
from service.losses.segmentation._shared import Activation, IncludeBackground, Masks, SmoothDenominator, SmoothNumerator, activated, masks

WholeMaskLabels = Annotated[
    Array,
    TensorSpec(
        "n c ...", domain=UNIT, gradient="on request", description="true masks (n, c, ...) in [0, 1], or the index of the true class (n, ...)"
    ),
    TensorSpec("n ...", kind="integer", below="c"),
]
Iterations = Annotated[int, annotated_types.Ge(0), annotated_types.Le(50)]
SKELETON = Bound(2e-14, 1e-12, "gradients are differences of slopes, and the extreme of values that are equal after rounding is the first one", "one")


def pooled(x: Array, axis: int, largest: bool) -> tuple[Array, Array]:
    """Return the largest or smallest of each element and its two neighbors along an axis, and which of the three it is, the first of equal ones."""
    before, after = np.roll(x, 1, axis), np.roll(x, -1, axis)
    ends: list[slice | int] = [slice(None)] * x.ndim
    outside = -np.inf if largest else np.inf
    for array, end in ((before, 0), (after, -1)):
        ends[axis] = end
        array[tuple(ends)] = outside
    beats = np.greater if largest else np.less
    place = np.where(beats(x, before), 1, 0).astype(np.int8)
    found = np.where(place, x, before)
    later = beats(after, found)
    place[later] = 2
    return np.where(later, after, found), place


def pooled_back(slopes: Array, place: Array, axis: int) -> Array:
    """Apply the transpose of `pooled`."""
    out = np.where(place == 1, slopes, 0.0)
    for which, shift in ((0, -1), (2, 1)):
        out += np.roll(np.where(place == which, slopes, 0.0), shift, axis)
    return out.astype(slopes.dtype, copy=False)


def eroded(x: Array) -> tuple[Array, Pullback]:
    """Return the smallest of each element and its direct neighbors."""
    axes = range(2, x.ndim)
    pools = [pooled(x, axis, largest=False) for axis in axes]
    found, share = pools[0][0], [np.ones(x.shape, x.dtype)]
    for values, _ in pools[1:]:
        later = np.where(values < found, 1.0, np.where(values == found, 0.5, 0.0)).astype(x.dtype)
        share = [*(part * (1.0 - later) for part in share), later]
        found = np.minimum(found, values)

    def pullback(slopes: Array) -> Array:
        parts = [pooled_back(slopes * part, place, axis) for axis, part, (_, place) in zip(axes, share, pools, strict=True)]
        return sum(parts[1:], parts[0])

    return found, pullback


def dilated(x: Array) -> tuple[Array, Pullback]:
    """Return the largest of each element and all its neighbors."""
    places = []
    for axis in range(x.ndim - 1, 1, -1):
        x, place = pooled(x, axis, largest=True)
        places.append((axis, place))

    def pullback(slopes: Array) -> Array:
        for axis, place in reversed(places):
            slopes = pooled_back(slopes, place, axis)
        return slopes

    return x, pullback


@dataclass(frozen=True)
class Step:
    """One iteration: the part that its opening removes, the part not yet in the skeleton before it, and the pullbacks of erosion and dilation."""

    removed: Array
    free: Array
    erosion: Pullback
    dilation: Pullback


def skeleton(x: Array, iterations: int) -> tuple[Array, Callable[[Array], Array]]:
    """Return the soft skeleton of masks (n, c, ...): the parts that the openings of repeated erosions remove, and its pullback."""
    steps, found, free = [], np.zeros_like(x), np.ones_like(x)
    for _ in range(iterations + 1):
        smaller, erosion = eroded(x)
        opened, dilation = dilated(smaller)
        removed = np.maximum(x - opened, 0.0)
        steps.append(Step(removed, free, erosion, dilation))
        found = found + removed * free
        free = free * (1.0 - removed)
        x = smaller

    def pullback(slopes: Array) -> Array:
        below = np.zeros_like(slopes)  # the slope on the next erosion
        for step in reversed(steps):
            grows = (step.removed > 0) & (step.free > 0)
            by_removed = np.where(grows, slopes * step.free, 0.0)
            below = by_removed + step.erosion(below - step.dilation(by_removed))
            slopes = np.where(grows, slopes * (1.0 - step.removed), slopes)
        return below.astype(slopes.dtype, copy=False)

    return found, pullback


@dataclass(frozen=True)
class Covered:
    """Share of a skeleton within a mask, for each sample, 1 minus it, and the pullbacks of slopes to the skeleton and to the mask."""

    skeleton: Array
    mask: Array
    rest: Array
    share: Array
    missed: Array
    whole: Array

    @classmethod
    def of(cls, skeleton: Array, mask: Array, rest: Array, smooth_nr: float, smooth_dr: float) -> Covered:
        """Compare a skeleton with a mask and 1 minus the mask."""
        inside, outside = per_sample_sum(skeleton * mask), per_sample_sum(skeleton * rest)
        whole = inside + outside + smooth_dr
        return cls(
            skeleton, mask, rest, divide_or_infinity(inside + smooth_nr, whole), divide_or_infinity(outside + (smooth_dr - smooth_nr), whole), whole
        )

    def by_skeleton(self, c: Array) -> Array:
        """Pull slopes on the share back to the skeleton."""
        unit = divide_or_zero(c, self.whole)
        return spread(unit * self.missed, self.mask) * self.mask - spread(unit * self.share, self.mask) * self.rest

    def by_mask(self, c: Array) -> Array:
        """Pull slopes on the share back to the mask."""
        return spread(divide_or_zero(c, self.whole), self.skeleton) * self.skeleton


@loss(
    example={
        "predictions": [[[[0.1, 0.8, 0.2, 0.0], [0.1, 0.9, 0.7, 0.1], [0.2, 0.6, 0.9, 0.2], [0.0, 0.1, 0.8, 0.3]]]],
        "labels": [[[[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0]]]],
    },
    bound=SKELETON,
    conventions=("gradients",),
    work=Work("300 n c ... + 300 n c ... iterations", "200 n c ... + 160 n c ... iterations"),
)
def cl_dice(
    predictions: Masks,
    labels: WholeMaskLabels,
    *,
    iterations: Iterations = 3,
    activation: Activation = "none",
    smooth_nr: SmoothNumerator = 1.0,
    smooth_dr: SmoothDenominator = 1.0,
    smooth: NonNegative = 1e-4,
    include_background: IncludeBackground = True,
) -> Evaluation:
    r"""Soft clDice loss: one minus the harmonic mean of the skeletons' shares within the other mask (topological precision and sensitivity).

    Sums go over all classes and positions of a sample. Names and defaults are MONAI's; the authors' code has smooth 0 and sums over the whole batch too.
    A share of an empty skeleton without smoothing, 0 / 0, is 0. Gradients at ties of neighbors follow torch's pooling.

    Use: Segmentation of tubular structures whose connectedness counts: vessels, neurons, roads; beside dice.
    Search: centerline, vessel_segmentation, road_segmentation, topology, skeleton
    Formula: \ell_i = 1 - \frac{2 P S}{P + S + s}, \quad P = \frac{\sum K(p) \, t + s_{nr}}{\sum K(p) + s_{dr}}, \quad S = \frac{\sum K(t) \, p + s_{nr}}{\sum K(t) + s_{dr}}
    Where: p the predicted probability of a position; t `labels`; s_{nr} `smooth_nr`; s_{dr} `smooth_dr`; s `smooth`; K the soft skeleton
    iterations: number of erosions of the soft skeleton, about the largest radius of the structures in pixels.
    smooth_nr: added to the numerators of both shares.
    smooth_dr: added to the denominators of both shares.
    smooth: s, added to the denominator of the harmonic mean.
    Divisor: the number of samples
    Synonyms: soft_cldice, soft_cl_dice, cldice_loss, centerline_dice
    Equivalents: monai.losses.SoftclDiceLoss
    Reference: Shit et al., clDice - A Novel Topology-Preserving Loss Function for Tubular Structure Segmentation, 2021, arXiv:2003.07311, algorithms 1 and 2
    """
    if predictions.ndim < 3:
        raise InvalidTensor("predictions", f"wrong rank; expected (n, c, ...) with at least one axis of positions, got shape {predictions.shape}")
    made, first = activated(predictions, activation), 0 if include_background or predictions.shape[1] == 1 else 1
    p, q, t = made.p[:, first:], made.q[:, first:], masks(labels, made.p)[:, first:]
    (of_p, back_p), (of_t, back_t) = skeleton(p, iterations), skeleton(t, iterations)
    precision = Covered.of(of_p, t, 1.0 - t, smooth_nr, smooth_dr)
    sensitivity = Covered.of(of_t, p, q, smooth_nr, smooth_dr)
    whole = precision.share + sensitivity.share + smooth
    missed = precision.share * sensitivity.missed + sensitivity.share * precision.missed + smooth

    def slope(c: Array, other: Covered) -> Array:
        return -2.0 * divide_or_zero(divide_or_zero(c * other.share * (other.share + smooth), whole), whole)

    def pulled(c: Array, own: Covered, back: Pullback, other: Covered) -> Array:
        """Pull back to the mask whose skeleton `own` has and within which `other` lies."""
        out = np.zeros_like(made.p)
        out[:, first:] = back(own.by_skeleton(slope(c, other))) + other.by_mask(slope(c, own))
        return out

    gradients: dict[str, Pullback] = {"predictions": lambda c: made.back(pulled(c, precision, back_p, sensitivity))}
    if labels.ndim == predictions.ndim:
        gradients["labels"] = lambda c: pulled(c, sensitivity, back_t, precision)
    return Evaluation(divide_or_infinity(missed, whole), np.ones(len(p)), gradients)
