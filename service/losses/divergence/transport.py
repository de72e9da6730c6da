"""Optimal transport between sets of points: entropic, and along lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import Bound, Positive, TensorSpec, Work
from service.losses.divergence._shared import SETS, PointSet, TruePointSet, gaps
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, in_float64, nothing
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, divide_or_zero, per_sample_sum
from service.losses.numerics.softmax import Softmax
from service.losses.numerics.vectors import exponents, norms, scaled
from service.losses.registry import loss

Projections = Annotated[Array, TensorSpec("l d", gradient="on request", description="directions of the lines, as unit vectors; used as they are")]
Exponent = Annotated[float, annotated_types.Ge(1)]
Between = Annotated[float, annotated_types.Gt(0), annotated_types.Lt(1)]
MODERATE = 200  # powers of two of coordinates whose squares and products are in range


def _extreme(x: Array) -> Array:
    """Return, for each of the first axis, the power of two of its largest number, or 0 where that is moderate."""
    exponent = exponents(x.reshape(len(x), -1))
    return np.where(np.abs(exponent) > MODERATE, exponent, 0)


# ------------------------------------------------------------------ along lines


@loss(
    example=SETS | {"projections": [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]},
    bound=Bound(1e-13, 1e-12, "projections are sums along vectors, whose differences cancel", "call", "tensor"),
    work=Work("400 n l m + 400 n l k + 4 n l m d + 4 n l k d", "200 n m + 200 n k + 100 m + 100 k"),
)
@in_float64
def sliced_wasserstein(predictions: PointSet, labels: TruePointSet, projections: Projections, *, p: Exponent = 2.0) -> Evaluation:
    r"""Sliced Wasserstein distance, to the power p: the mean over lines of the Wasserstein distance of the points' projections.

    Sets may have different sizes; points have equal masses, and those of the larger set are split. POT and geomloss draw the directions at random;
    here they are an input, uniform on the sphere for the usual distance. POT's sliced_wasserstein_distance is the p-th root. The
    gradient of equal projections is that of one order.

    Use: Generative models and comparison of point clouds or features, in many dimensions (sliced optimal transport).
    Search: optimal_transport
    Formula: \ell_i = \frac{1}{L} \sum_l \int_0^1 \left| F^{-1}_{\langle x_i, \theta_l \rangle}(u) - F^{-1}_{\langle t_i, \theta_l \rangle}(u) \right|^p du
    Where: x `predictions`; t `labels`; \theta_l a row of `projections`; L their number; F^{-1} the quantile function
    p: exponent of the distance.
    Divisor: the number of samples
    Synonyms: SWD, sliced_wasserstein_distance, SlicedWasserstein
    Reference: Bonneel et al., Sliced and Radon Wasserstein Barycenters of Measures, 2015, Journal of Mathematical Imaging and Vision 51
    """
    n, m, k, lines = len(predictions), predictions.shape[1], labels.shape[1], len(projections)
    if not n:
        return nothing(predictions=predictions, labels=labels, projections=projections)
    if not lines:
        raise InvalidTensor("projections", "no line; expected at least 1, got 0")
    first, second, mass = _coupling(m, k)
    up = np.maximum(_extreme(predictions), _extreme(labels))
    turn = _extreme(projections)
    x, t = (scaled(points, -up[:, None, None]) for points in (predictions, labels))
    theta = scaled(projections, -turn[:, None])

    def errors(at: slice) -> tuple[Array, Array, Array]:
        """Return the orders of both sets along some lines, (n, lines, m) and (n, lines, k), and the differences of partners."""
        along = [np.swapaxes(points @ theta[at].T, 1, 2) for points in (x, t)]
        orders = [np.argsort(places, axis=2, kind="stable") for places in along]
        near, far = (np.take_along_axis(places, order, 2) for places, order in zip(along, orders, strict=True))
        return orders[0], orders[1], scaled(near[..., first] - far[..., second], up[:, None, None] + turn[None, at, None])

    def blocks() -> Iterator[slice]:
        step = max(1, BLOCK // (n * (m + k)))
        return (slice(start, start + step) for start in range(0, lines, step))

    def slopes(at: slice) -> tuple[Array, Array]:
        """Return the derivatives by the projections of both sets."""
        of_x, of_t, error = errors(at)
        slope = (p / lines) * mass * np.sign(error) * np.abs(error) ** (p - 1.0)
        out = np.empty(of_x.shape), np.empty(of_t.shape)
        for to, order, partner, sign in ((out[0], of_x, first, 1.0), (out[1], of_t, second, -1.0)):
            starts = np.flatnonzero(np.diff(partner, prepend=-1))
            np.put_along_axis(to, order, sign * np.add.reduceat(slope, starts, axis=2), 2)
        return out

    def by_points(side: int) -> Pullback:
        return lambda c: c[:, None, None] * sum(np.swapaxes(slopes(at)[side], 1, 2) @ projections[at] for at in blocks())

    def by_projections(c: Array) -> Array:
        out = np.empty_like(projections)
        for at in blocks():
            of_x, of_t = slopes(at)
            out[at] = np.tensordot(c, of_x @ predictions + of_t @ labels, 1)
        return out

    total = np.zeros(n)
    for at in blocks():
        total += per_sample_sum(mass * np.abs(errors(at)[2]) ** p)
    return Evaluation(total / lines, np.ones(n), {"predictions": by_points(0), "labels": by_points(1), "projections": by_projections})


def _coupling(m: int, k: int) -> tuple[Array, Array, Array]:
    """Return the partners of m and k points of equal mass in sorted order, and the mass that each pair shares."""
    edges = np.union1d(np.arange(1, m + 1) * k, np.arange(1, k + 1) * m)
    return (edges - 1) // k, (edges - 1) // m, np.diff(edges, prepend=0) / (m * k)


# ------------------------------------------------------------------ entropic


@loss(
    example=SETS,
    conventions=("gradients",),
    bound=Bound(1e-12, 1e-11, "it is a difference of potentials of the size of the cost, each the end of many iterations", "call", "tensor"),
    work=Work(
        "25 iterations n m k + 15 iterations n m m + 15 iterations n k k + 10 n m k d + 10 n m m d + 10 n k k d", "60 n m k + 40 n m m + 40 n k k"
    ),
)
@in_float64
def sinkhorn_divergence(
    predictions: PointSet,
    labels: TruePointSet,
    *,
    p: Annotated[int, annotated_types.Ge(1), annotated_types.Le(2)] = 2,
    blur: Positive = 0.05,
    scaling: Between = 0.5,
    iterations: Annotated[int, annotated_types.Ge(1), annotated_types.Le(200)] = 30,
    debias: bool = True,
) -> Evaluation:
    r"""Sinkhorn divergence: entropic optimal transport between two sets of points, without its bias.

    As in geomloss, the cost is |x - y|^p / p, points have equal masses, updates are symmetric and in the logarithmic domain, the temperature falls from
    the diameter of the bounding box to the p-th power of blur, and a last update is not averaged. geomloss stops where blur is reached; here the
    number of iterations is given, so that the work is known: more of them come nearer to the fixed point, and too few end at a larger blur.
    Gradients are those of the fixed point (geomloss): the potentials of the last update are constant in them. With p 1, geomloss takes
    squared distances for at least 1e-8, so that equal points are 1e-4 apart. The value is a difference: it is 0 for equal sets in the same order, and has an absolute error of
    about 1e-16 of the largest cost.

    Use: Generative models, domain adaptation, registration of point clouds and shapes, by optimal transport.
    Search: optimal_transport, earth_movers_distance
    Formula: \ell_i = \mathrm{OT}_\varepsilon(x_i, t_i) - \tfrac{1}{2} \mathrm{OT}_\varepsilon(x_i, x_i) - \tfrac{1}{2} \mathrm{OT}_\varepsilon(t_i, t_i), \quad \varepsilon = \mathrm{blur}^p
    Where: x `predictions`; t `labels`; OT_\varepsilon the entropic transport cost, relative to the product of the masses
    p: exponent of the distance in the cost.
    blur: distance below which points are not told apart; its p-th power is the last temperature.
    scaling: ratio of the blurs of successive iterations, until blur is reached.
    iterations: number of symmetric updates.
    debias: subtract the transport costs of both sets to themselves; without, it is the entropic transport cost.
    Divisor: the number of samples
    Synonyms: SamplesLoss, geomloss, sinkhorn, entropic_optimal_transport
    Reference: Feydy et al., Interpolating between Optimal Transport and MMD using Sinkhorn Divergences, 2019, arXiv:1810.08278, equations 3 and 13; geomloss.SamplesLoss
    """
    n = len(predictions)
    if not n:
        return nothing(predictions=predictions, labels=labels)
    up = np.maximum(_extreme(predictions), _extreme(labels))
    x, t = (scaled(points, -up[:, None, None]) for points in (predictions, labels))
    both = np.concatenate([x, t], axis=1)
    diameter = norms(both.max(axis=1) - both.min(axis=1))
    finest = np.ldexp(np.full(n, blur), -up)
    steps = [np.maximum(finest, diameter * scaling ** max(step - 1, 0)) for step in range(iterations)]
    temperatures = np.clip(np.stack([diameter, *steps]) ** p, 1e-290, 1e290)[..., None]
    across = _across(x, t, p, temperatures)
    within = [_within(points, p, temperatures) for points in (x, t)] if debias else []
    each = [side.potential.mean(axis=1) for side in across]
    values = sum(one - own.potential.mean(axis=1) for one, own in zip(each, within, strict=True)) if debias else each[0] + each[1]

    def by(side: int) -> Pullback:
        def pullback(c: Array) -> Array:
            slope = across[side].slope() - (within[side].slope() if debias else 0.0)
            return scaled(c[:, None, None] * slope, (p - 1) * up[:, None, None])

        return pullback

    return Evaluation(scaled(values, p * up), np.ones(n), {"predictions": by(0), "labels": by(1)})


@dataclass(frozen=True)
class _Potential:
    """Dual potential of the points x, in units of the cost: the soft minimum of the cost (n, m, k) to the points y less their potential `other`."""

    x: Array
    y: Array
    p: int
    cost: Array
    other: Array
    temperature: Array

    @cached_property
    def potential(self) -> Array:
        """The potential (n, m)."""
        return _soft_minimum(self.cost, self.other, self.temperature)

    def slope(self) -> Array:
        """Return the derivative of its mean by x, with `other` constant."""
        exponent = self.other[:, None, :] - self.cost
        share = Softmax(np.swapaxes(exponent, 1, 2) / self.temperature[..., None]).probabilities() / self.x.shape[1]
        out = np.empty_like(self.x)
        for at, gap in gaps(self.x, self.y):
            weight = np.swapaxes(share, 1, 2)[at]
            if self.p == 1:
                weight = divide_or_zero(weight, self.cost[at])
            out[at] = (weight[:, :, None, :] @ gap)[:, :, 0]
        return out


def _across(x: Array, y: Array, p: int, temperatures: Array) -> tuple[_Potential, _Potential]:
    """Iterate both potentials between two sets, of one temperature after another; the last is used again, without the mean."""
    cost = _costs(x, y, p)
    back = np.swapaxes(cost, 1, 2)
    f, g = (_soft_minimum(c, np.zeros((len(x), c.shape[2])), temperatures[0]) for c in (cost, back))
    for temperature in temperatures[1:]:
        f, g = 0.5 * (f + _soft_minimum(cost, g, temperature)), 0.5 * (g + _soft_minimum(back, f, temperature))
    return _Potential(x, y, p, cost, g, temperatures[-1]), _Potential(y, x, p, back, f, temperatures[-1])


def _within(x: Array, p: int, temperatures: Array) -> _Potential:
    """Iterate the potential between a set and itself."""
    cost = _costs(x, x, p)
    f = _soft_minimum(cost, np.zeros(x.shape[:2]), temperatures[0])
    for temperature in temperatures[1:]:
        f = 0.5 * (f + _soft_minimum(cost, f, temperature))
    return _Potential(x, x, p, cost, f, temperatures[-1])


def _costs(x: Array, y: Array, p: int) -> Array:
    """Return |x_i - y_j|^p / p."""
    out = np.empty((*x.shape[:2], y.shape[1]))
    for at, gap in gaps(x, y):
        out[at] = norms(gap) if p == 1 else 0.5 * np.vecdot(gap, gap)
    return out


def _soft_minimum(cost: Array, other: Array, temperature: Array) -> Array:
    """Return -T log of the mean of exp(-(cost_ij - other_j) / T) over j; where T is large, from the differences from 1."""
    beyond = cost - other[:, None, :]
    least = beyond.min(axis=2)
    np.subtract(least[..., None], beyond, out=beyond)
    beyond /= temperature[..., None]
    np.expm1(beyond, out=beyond)
    mean = beyond.mean(axis=2)
    beyond += 1.0
    return least - temperature * np.where(mean > -0.5, np.log1p(mean), np.log(beyond.mean(axis=2)))
