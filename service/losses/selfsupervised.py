"""Two views of a batch: losses of the statistics of their features. Each is one number for the batch; parts of a batch do not merge."""

from __future__ import annotations

from typing import Literal

import numpy as np

from service.losses.contrastive import TWO
from service.losses.core import Bound, Evaluation, NonNegative, Positive, Pullback, loss
from service.losses.geometry import Angles, Cosines, column, exponents, products
from service.losses.metric import Vector
from service.losses.tensors import Array
from service.losses.twofold import Twofold, add, divide, inner, negative, root, scaled, total, widened


class Features:
    """The columns of x (n, d), centred and scaled by powers of two, as rows (d, n)."""

    def __init__(self, x: Array) -> None:
        self.exponent = exponents(x.T)
        rows = widened(np.ldexp(x.T, -self.exponent[:, None]))
        count = widened(np.full(len(rows[0]), len(x), dtype=x.dtype))
        self.centred = add(rows, negative(column(divide(total(rows), count))))[0]
        self.degrees = x.dtype.type(max(len(x) - 1, 1))

    def back(self, slope: Array) -> Array:
        """From the derivative by scaled rows to that by x."""
        return np.ldexp(slope, -self.exponent[:, None]).T


def neither(input1: Array, input2: Array) -> Evaluation:
    """The Evaluation of two empty views: one number, which counts for nothing."""
    return Evaluation(np.zeros(1), np.zeros(1), {"input1": lambda _: np.zeros_like(input1), "input2": lambda _: np.zeros_like(input2)})


@loss(example=TWO, merges=False, bound=Bound(1e-14, 1e-12, "centred features are rounded once before their angles are taken", "tensor"), pairs="d d")
def barlow_twins(input1: Vector, input2: Vector, *, lambd: NonNegative = 5e-3, deviation: Literal["biased", "unbiased"] = "biased") -> Evaluation:
    r"""Draws the cross-correlation matrix of the features of two views towards the identity.

    A feature that is constant over the batch has correlation 0. Two samples are always correlated by 1 or -1, so that their gradient is 0. Exact correlations: the paper's code (batch normalisation) adds 1e-5 to the variances,
    MONAI 1e-6 to the deviations.

    Formula: \ell = \sum_i (1 - C_{ii})^2 + \lambda \sum_{i \ne j} C_{ij}^2, \quad C_{ij} = \frac{1}{n} \sum_b \hat z^1_{bi} \hat z^2_{bj}
    lambd: weight of what is off the diagonal.
    deviation: which standard deviation divides the features; unbiased (MONAI) makes all correlations smaller by (n - 1) / n.
    Divisor: 1
    Synonyms: BarlowTwinsLoss, barlow_twins_loss
    Reference: Zbontar et al., Barlow Twins, 2021, arXiv:2103.03230, equations 1 and 2
    """
    n = len(input1)
    if not n:
        return neither(input1, input2)
    views = Features(input1), Features(input2)
    shrink = input1.dtype.type(1.0 if deviation == "biased" else (n - 1) / n)
    cosines, angles = Cosines(views[0].centred, views[1].centred), Angles(views[0].centred, views[1].centred)
    off = shrink * (cosines.values[0] + cosines.values[1])
    np.fill_diagonal(off, 0.0)
    short = shrink * angles.one_minus() + (0.0 if deviation == "biased" else input1.dtype.type(1.0 / n))

    def by(view: int) -> Pullback:
        def pullback(c: Array) -> Array:
            if n <= 2:
                return np.zeros_like(input1)
            factor = input1.dtype.type(2.0 * c[0]) * shrink
            slope = (cosines.by_a if view == 0 else cosines.by_b)((lambd * factor) * off)
            return views[view].back(slope - (factor * short)[:, None] * angles.derivative(view))

        return pullback

    value = (short * short).sum(dtype=np.float64) + lambd * (off * off).sum(dtype=np.float64)
    return Evaluation(np.array([float(value)]), np.ones(1), {"input1": by(0), "input2": by(1)})


class Spread:
    """The variances and covariances of one view's features, the two terms of VICReg and their derivatives."""

    def __init__(self, x: Array, eps: float) -> None:
        self.features = features = Features(x)
        self.dimensions = x.shape[1]
        squares = scaled(inner(widened(features.centred), widened(features.centred)), 2 * features.exponent)
        degrees = widened(np.full_like(squares[0], features.degrees))
        variance: Twofold = add(divide(squares, degrees), widened(np.full_like(squares[0], eps)))
        variance = variance[0], np.where(np.isfinite(variance[0]), variance[1], 0.0)
        self.deviation = root(variance)
        self.short = np.maximum((1.0 - self.deviation[0]) - self.deviation[1], 0.0)
        self.short[~np.isfinite(variance[0])] = 0.0
        rows = widened(features.centred)
        high, low = products(rows, rows)
        self.covariance = np.ldexp((high + low) / features.degrees, features.exponent[:, None] + features.exponent[None, :])
        np.fill_diagonal(self.covariance, 0.0)

    def variance_term(self) -> float:
        return float(self.short.sum(dtype=np.float64)) / self.dimensions

    def covariance_term(self) -> float:
        return float((self.covariance * self.covariance).sum(dtype=np.float64)) / self.dimensions

    def pull(self, of_variance: float, of_covariance: float) -> Array:
        """The derivative by x of the weighted sum of both terms."""
        x = np.ldexp(self.features.centred, self.features.exponent[:, None])
        degrees = self.features.degrees * self.dimensions
        slope = np.where(self.short > 0, -of_variance / (degrees * self.deviation[0]), 0.0).astype(x.dtype)[:, None] * x
        slope += x.dtype.type(4.0 * of_covariance) * (self.covariance @ x) / degrees
        return slope.T


@loss(example=TWO, merges=False, pairs="d d")
def vicreg(
    input1: Vector,
    input2: Vector,
    *,
    invariance_weight: NonNegative = 25.0,
    variance_weight: NonNegative = 25.0,
    covariance_weight: NonNegative = 1.0,
    eps: Positive = 1e-4,
    variance: Literal["halved", "whole"] = "halved",
) -> Evaluation:
    r"""Draws two views together while each feature keeps a variance of its own and no two of them covary.

    Variances and covariances are divided by n - 1 (by 1 for a single sample, where they are 0). Where a deviation is 1 its gradient is 0.

    Formula: \ell = \frac{\lambda}{nd} \sum_b |z^1_b - z^2_b|^2 + \sum_{v} \left( \frac{\mu}{2d} \sum_j \max\left(0, 1 - \sqrt{\mathrm{Var}(z^v_j) + \epsilon}\right) + \frac{\nu}{d} \sum_{i \ne j} \mathrm{Cov}(z^v_i, z^v_j)^2 \right)
    invariance_weight: lambda.
    variance_weight: mu.
    covariance_weight: nu.
    eps: added to the variances.
    variance: halved averages the variance terms of the two views (the authors' code, lightly, pytorch-metric-learning); whole adds them (the paper's equation).
    Divisor: 1
    Synonyms: VICRegLoss, vicreg_loss
    Reference: Bardes, Ponce and LeCun, VICReg, 2022, arXiv:2105.04906, equation 6
    """
    n, d = input1.shape
    if not n:
        return neither(input1, input2)
    difference = input1 - input2
    views = Spread(input1, eps), Spread(input2, eps)
    mu = variance_weight * (0.5 if variance == "halved" else 1.0)
    terms = {
        "invariance": float((difference * difference).sum(dtype=np.float64)) / (n * d),
        "variance": (0.5 if variance == "halved" else 1.0) * sum(view.variance_term() for view in views),
        "covariance": sum(view.covariance_term() for view in views),
    }
    value = invariance_weight * terms["invariance"] + variance_weight * terms["variance"] + covariance_weight * terms["covariance"]

    def by(view: int) -> Pullback:
        def pullback(c: Array) -> Array:
            near = difference.dtype.type((2.0 if view == 0 else -2.0) * invariance_weight * c[0] / (n * d))
            return near * difference + views[view].pull(mu * float(c[0]), covariance_weight * float(c[0]))

        return pullback

    return Evaluation(
        np.array([float(value)]), np.ones(1), {"input1": by(0), "input2": by(1)}, parts={name: np.array([term]) for name, term in terms.items()}
    )
