"""Distances between distributions given by samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import ABOVE_ZERO, Bound, TensorSpec, Work
from service.losses.divergence._shared import SETS, PointSet, TruePointSet, gaps
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_sum, spread
from service.losses.numerics.vectors import norms
from service.losses.registry import loss

Sample = Annotated[Array, TensorSpec("n m", gradient="default", description="numbers drawn from the predicted distribution, in any order")]
TrueSample = Annotated[Array, TensorSpec("n m", gradient="on request", description="numbers drawn from the true distribution, in any order")]


@loss(example={"predictions": [[0.1, 0.9, 0.5]], "labels": [[0.7, 0.2, 0.4]]}, hessian_diagonal=True)
def wasserstein_1d(predictions: Sample, labels: TrueSample, *, p: Annotated[float, annotated_types.Ge(1)] = 1.0) -> Evaluation:
    r"""Wasserstein distance, to the power p, of two samples of equal size in one dimension, which pairs them in sorted order.

    The gradient is 0 for equal partners. For equal numbers within a sample, it is that of one order.

    Use: Comparison of samples on a line (earth mover's distance), as sliced distances use it.
    Formula: \ell_i = \frac{1}{m} \sum_k |x_{i(k)} - t_{i(k)}|^p
    Where: x `predictions`; t `labels`
    p: exponent of the distance.
    Divisor: the number of samples; each is a mean over its m numbers
    Synonyms: earth_movers_distance, emd, wasserstein_distance, w1
    Reference: Villani, Topics in Optimal Transportation, 2003, theorem 2.18
    """
    m = predictions.shape[1]
    orders = {"predictions": np.argsort(predictions, axis=1, kind="stable"), "labels": np.argsort(labels, axis=1, kind="stable")}
    error = np.take_along_axis(predictions, orders["predictions"], 1) - np.take_along_axis(labels, orders["labels"], 1)
    size = np.abs(error)

    def unsorted(name: str, values: Array) -> Array:
        out = np.empty_like(values)
        np.put_along_axis(out, orders[name], values, 1)
        return out

    def slope() -> Array:
        return (p / m) * np.sign(error) * size ** (p - 1.0)

    def curvature() -> Array:
        return np.zeros_like(error) if p == 1 else (p * (p - 1.0) / m) * size ** (p - 2.0)

    def pulled(name: str, derivative: Callable[[], Array], sign: float = 1.0) -> Pullback:
        return lambda c: (sign * spread(c, error)) * unsorted(name, derivative())

    return Evaluation(
        per_sample_sum(size**p) / m,
        np.ones(predictions.shape[0]),
        {"predictions": pulled("predictions", slope), "labels": pulled("labels", slope, -1.0)},
        hessian_diagonal={name: pulled(name, curvature) for name in orders},
    )


Drawn = Annotated[Array, TensorSpec("n m", gradient="default", description="numbers drawn from the predicted distribution")]
TrueDrawn = Annotated[Array, TensorSpec("n k", gradient="on request", description="numbers drawn from the true distribution")]
Points = Annotated[Array, TensorSpec("n p d", gradient="default", description="predicted points")]
TruePoints = Annotated[Array, TensorSpec("n q d", gradient="on request", description="true points")]


@loss(example={"predictions": [[0.1, 0.9, 0.5]], "labels": [[0.7, 0.2]]}, hessian_diagonal=True, work=Work(memory="48 n m + 48 n k"))
def energy_distance(predictions: Drawn, labels: TrueDrawn) -> Evaluation:
    r"""Energy distance of two samples in one dimension: twice the squared distance of their distribution functions.

    It is summed over the gaps between neighbors, where no term is negative. scipy's energy_distance is its square root; for a single label it is
    twice crps_ensemble. The gradient of equal numbers is the mean of the one-sided gradients.

    Use: Comparison of samples on a line without bins.
    Formula: \ell_i = 2 \int (F_i - G_i)^2 = \frac{2}{m k} \sum_{j,l} |x_j - t_l| - \frac{1}{m^2} \sum_{j,l} |x_j - x_l| - \frac{1}{k^2} \sum_{j,l} |t_j - t_l|
    Where: x `predictions`; t `labels`
    Divisor: the number of samples
    Synonyms: cramer_distance, energy_statistic, cramer_von_mises
    Reference: Székely and Rizzo, Energy Statistics, 2013, Journal of Statistical Planning and Inference 143
    """
    m, k = predictions.shape[1], labels.shape[1]
    points = np.concatenate([predictions, labels], axis=1)
    order = np.argsort(points, axis=1, kind="stable")
    ordered = np.take_along_axis(points, order, 1)
    balance = np.cumsum(np.where(order < m, k, -m), axis=1)  # m k (F - G) right of each point
    share = (balance[:, :-1] / (m * k)).astype(points.dtype)

    def slopes() -> Array:
        """Return F - G on the left of each point and its ties plus that on the right, in the points' own order."""
        places = np.arange(m + k)
        new = np.ones(ordered.shape, bool)
        new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        last = np.ones_like(new)
        last[:, :-1] = new[:, 1:]
        first_tied = np.maximum.accumulate(np.where(new, places, 0), axis=1)
        last_tied = np.minimum.accumulate(np.where(last, places, m + k)[:, ::-1], axis=1)[:, ::-1]
        before = np.concatenate([np.zeros_like(balance[:, :1]), balance], axis=1)
        out = np.empty_like(points)
        both = np.take_along_axis(before, first_tied, 1) + np.take_along_axis(balance, last_tied, 1)
        np.put_along_axis(out, order, (both / (m * k)).astype(points.dtype), 1)
        return out

    return Evaluation(
        2.0 * per_sample_sum((share * share) * np.diff(ordered, axis=1)),
        np.ones(len(points)),
        {
            "predictions": lambda c: spread(c, predictions) * ((-2.0 / m) * slopes()[:, :m]),
            "labels": lambda c: spread(c, labels) * ((2.0 / k) * slopes()[:, m:]),
        },
        hessian_diagonal={"predictions": lambda c: np.zeros_like(predictions), "labels": lambda c: np.zeros_like(labels)},
    )


@loss(
    example={"predictions": [[[0.0, 0.0], [1.0, 0.5]]], "labels": [[[0.1, 0.0], [1.0, 1.0], [0.5, 0.5]]]},
    hessian_diagonal=True,
    bound=Bound(
        1e-14, 1e-13, "where distances differ by less than the rounding of their squares, the rounding decides which point is the nearest", "call"
    ),
    work=Work("60 n p q d", "48 n p q d"),
)
def chamfer_distance(predictions: Points, labels: TruePoints) -> Evaluation:
    r"""Chamfer distance: the mean squared distance of each point to its nearest point in the other set, in both directions.

    Of equally near points the first is used, as in pytorch3d, where this is norm 2 with point_reduction mean.

    Use: Reconstruction of point clouds and 3D shapes.
    Formula: \ell_i = \frac{1}{p} \sum_a \min_b \|x_{ia} - t_{ib}\|^2 + \frac{1}{q} \sum_b \min_a \|x_{ia} - t_{ib}\|^2
    Where: x `predictions`; t `labels`
    Divisor: the number of samples
    Synonyms: chamfer, chamfer_loss, CD
    Reference: Fan, Su and Guibas, A Point Set Generation Network for 3D Object Reconstruction from a Single Image, 2017, arXiv:1612.00603, equation 1
    """
    n, p, q = *predictions.shape[:2], labels.shape[1]
    gaps = predictions[:, :, None, :] - labels[:, None, :, :]
    squares = (gaps * gaps).sum(axis=3)
    weight = np.zeros((n, p, q), squares.dtype)  # weight of each pair
    rows = np.arange(n)[:, None]
    distances = squares if squares.min(initial=1.0) > np.finfo(squares.dtype).tiny else norms(gaps)
    weight[rows, np.arange(p), distances.argmin(axis=2)] += 1.0 / p
    weight[rows, distances.argmin(axis=1), np.arange(q)] += 1.0 / q

    def pulled(axis: int, sign: float, like: Array) -> Array:
        return sign * (2.0 * weight[..., None] * np.where(weight[..., None] == 0, 0.0, gaps)).sum(axis=axis).astype(like.dtype, copy=False)

    def bent(axis: int, like: Array) -> Array:
        return 2.0 * weight.sum(axis=axis)[:, :, None] * np.ones_like(like)

    return Evaluation(
        squares.min(axis=2).mean(axis=1, dtype=np.float64) + squares.min(axis=1).mean(axis=1, dtype=np.float64),
        np.ones(n),
        {
            "predictions": lambda c: spread(c, predictions) * pulled(2, 1.0, predictions),
            "labels": lambda c: spread(c, labels) * pulled(1, -1.0, labels),
        },
        hessian_diagonal={
            "predictions": lambda c: spread(c, predictions) * bent(2, predictions),
            "labels": lambda c: spread(c, labels) * bent(1, labels),
        },
    )


FAR = 1e150  # bandwidths, at which a kernel is 0
Bandwidths = Annotated[Array, TensorSpec("b", domain=ABOVE_ZERO, description="bandwidths (standard deviations) of the Gaussian kernels")]


@loss(
    example=SETS | {"bandwidth": [0.5, 1.0]},
    bound=Bound(1e-14, 1e-13, "it is a difference of means of kernels", "call", "tensor"),
    work=Work("150000 b + 90 b n m k + 20 b n m k d + 90 b n m m + 20 b n m m d + 90 b n k k + 20 b n k k d", "100 m + 100 k"),
)
@in_float64
def mmd(predictions: PointSet, labels: TruePointSet, bandwidth: Bandwidths, *, estimator: Literal["biased", "unbiased"] = "biased") -> Evaluation:
    r"""Squared maximum mean discrepancy of two sets of points, with a sum of Gaussian kernels.

    The median heuristic takes the median distance of the points of both sets for the bandwidth; multiples of it by powers of two are common. The
    bandwidths are constant in the gradient. Kernels are computed as their differences from 1, which a wide bandwidth does not round to 0.
    The value is a difference of means: its absolute error is about 1e-16 for each kernel.

    Use: Domain adaptation, generative models and two-sample tests, by the distance of distributions given by samples.
    Search: two_sample_test, domain_adaptation, kernel
    Formula: \ell_i = \frac{1}{m^2} \sum_{a,b} k(x_a, x_b) + \frac{1}{k^2} \sum_{a,b} k(t_a, t_b) - \frac{2}{m k} \sum_{a,b} k(x_a, t_b), \quad k(u, v) = \sum_s e^{-|u - v|^2 / (2 \sigma_s^2)}
    Where: x `predictions`; t `labels`; \sigma `bandwidth`
    estimator: biased includes the pairs of a point with itself (V-statistic), and is never negative; unbiased divides by m (m - 1) and k (k - 1) without them (U-statistic).
    Divisor: the number of samples
    Synonyms: maximum_mean_discrepancy, MMDLoss, mmd_rbf, kernel_two_sample
    Reference: Gretton et al., A Kernel Two-Sample Test, 2012, Journal of Machine Learning Research 13, equations 3 and 5
    """
    m, k = predictions.shape[1], labels.shape[1]
    less = 0 if estimator == "biased" else 1
    for name, size in (("predictions", m), ("labels", k)):
        if size <= less:
            raise InvalidTensor(name, f"too few points; expected at least 2 with estimator unbiased, got {size}")
    of_pairs = {"predictions": m * (m - less), "labels": k * (k - less)}
    sets = {"predictions": predictions, "labels": labels}
    values = 2.0 / (m * k) * _one_minus_kernels(predictions, labels, bandwidth)
    for name, x in sets.items():
        values -= _one_minus_kernels(x, x, bandwidth) / of_pairs[name]

    def by(name: str, other: str) -> Pullback:
        def pullback(c: Array) -> Array:
            apart, within = (_pull_of_kernels(sets[name], y, bandwidth) for y in (sets[other], sets[name]))
            return c[:, None, None] * (2.0 / (m * k) * apart - 2.0 / of_pairs[name] * within)

        return pullback

    return Evaluation(values, np.ones(len(values)), {"predictions": by("predictions", "labels"), "labels": by("labels", "predictions")})


def _kernels(gap: Array, bandwidth: float) -> tuple[Array, Array, int]:
    """Return the exponents of the kernels, the differences over the squared bandwidth times 2^e, and e, so that squares are in range."""
    mantissa, exponent = np.frexp(bandwidth)
    near = np.clip(np.ldexp(gap, -exponent), -FAR, FAR)
    return np.vecdot(near, near) / (-2.0 * mantissa * mantissa), near / (mantissa * mantissa), int(exponent)


def _one_minus_kernels(x: Array, y: Array, bandwidth: Array) -> Array:
    """Sum 1 - k(x_i, y_j) over all pairs and kernels of each sample."""
    out = np.zeros(len(x))
    for at, gap in gaps(x, y):
        for sigma in bandwidth:
            out[at[0]] -= np.expm1(_kernels(gap, sigma)[0]).sum(axis=(1, 2))
    return out


def _pull_of_kernels(x: Array, y: Array, bandwidth: Array) -> Array:
    """Return the derivative of the sum of 1 - k(x_i, y_j) by x, for y that stays."""
    out = np.zeros_like(x)
    for at, gap in gaps(x, y):
        for sigma in bandwidth:
            exponent, near, scale = _kernels(gap, sigma)
            out[at] += np.ldexp((np.exp(exponent)[:, :, None, :] @ near)[:, :, 0], -scale)
    return out
