"""Elementary functions without cancellation or overflow, and sums over samples."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from service.losses.numerics import Array

LN2 = float(np.log(2.0))
EQUAL = (0,)
BLOCK = 1 << 16  # elements of a temporary that fits in a core's cache


def surely_finite(x: Array) -> bool:
    """Return True if the sum of squares is finite, so that all elements are. False does not tell: the squares of large numbers overflow.

    It takes half the time of a sum of 320 numbers, and a third of that of a million. Unlike dot, vdot warns of no overflow.
    """
    return math.isfinite(np.vdot(x, x))


def per_sample_sum(values: Array) -> Array:
    """Return the float64 sum over all axes but the first."""
    if values.ndim == 1:
        return values.astype(np.float64, copy=False)
    return np.add.reduce(values, axis=tuple(range(1, values.ndim)), dtype=np.float64)


def per_sample_size(values: Array) -> Array:
    """Return the number of elements of each sample, as (n,) divisors."""
    return size_of_each(values.shape)


@lru_cache(maxsize=256)
def size_of_each(shape: tuple[int, ...]) -> Array:
    """Return per_sample_size of a shape: one number in memory, with the strides EQUAL; read-only, and kept, as half a microsecond goes to make it."""
    return np.ndarray(shape[:1], np.float64, np.float64(math.prod(shape[1:])), 0, EQUAL)


def spread(cotangent: Array, like: Array) -> Array:
    """Broadcast a cotangent of samples (n,) or elements to multiply `like`, which may have a class axis 1 that elements do not have."""
    if cotangent.dtype is not like.dtype:
        cotangent = cotangent.astype(like.dtype, copy=False)
    if cotangent.ndim == like.ndim:
        return cotangent
    return cotangent.reshape((-1,) + (1,) * (like.ndim - 1)) if cotangent.ndim == 1 else cotangent[:, None]


def blocks(x: Array, size: int = 0) -> list[slice]:
    """Slice the samples of x into blocks of `size` elements, or of as many as fit in a core's cache."""
    step = max(1, (size or BLOCK) // max(1, math.prod(x.shape[1:])))
    return [slice(start, start + step) for start in range(0, len(x), step)]


def decay(x: Array) -> Array:
    """Return e^-|x|, the only exponential that softplus and sigmoid need, for x and for -x."""
    out = np.abs(x)
    np.negative(out, out=out)
    return np.exp(out, out=out)


def sigmoid(x: Array, e: Array | None = None) -> Array:
    """Return 1 / (1 + e^-x), accurate to the last bits at both ends. e: decay(x), if known."""
    e = decay(x) if e is None else e
    return np.maximum(e, x >= 0) / (1.0 + e)


def log1p_in_unit(x: Array) -> Array:
    """Return log(1 + x) for x in [-1, 1]: the logarithm of the rounded sum, corrected for the rounding. Two thirds of log1p's time, a third in float32."""
    whole = 1.0 + x
    lost = whole - 1.0
    np.subtract(x, lost, out=lost)
    lost /= whole + np.finfo(whole.dtype).tiny  # 0 / 0 at -1
    np.log(whole, out=whole)
    whole += lost
    return whole


def log1pexp_small(x: Array, e: Array | None = None) -> Array:
    """Return log(1 + e^-|x|); softplus(x) is max(x, 0) plus this. e: decay(x), if known."""
    return log1p_in_unit(decay(x) if e is None else e)


def softplus(x: Array, e: Array | None = None) -> Array:
    """Return log(1 + e^x). e: decay(x), if known."""
    return np.maximum(x, 0.0) + log1pexp_small(x, e)


def times(factor: Array, x: Array) -> Array:
    """Return factor * x with 0 * infinity = 0, the convention of 0 log 0."""
    product: Array = factor * x
    if np.isnan(np.add.reduce(product, axis=None)):
        product = np.where(factor == 0, 0.0, product).astype(product.dtype, copy=False)
    return product


def exp_times(x: Array, factor: Array) -> Array:
    """Return e^x * factor, also where e^x alone is out of range; 0 where the factor is 0."""
    root = np.exp(0.5 * x)
    return np.where(factor == 0, 0.0, root * factor * root).astype(root.dtype, copy=False)


def positions(values: Array) -> Array:
    """Return the number of distributions of each sample, as (n,) divisors."""
    return per_sample_size(values) / values.shape[1]


def scattered(like: Array, rows: Array, values: Array) -> Array:
    """Return zeros like `like` with `values` added at `rows`, which may repeat."""
    out = np.zeros_like(like)
    if rows.size:
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
        out[ordered[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return out


def divide_or_zero(a: Array, b: Array | float) -> Array:
    """Return a / b, and 0 wherever b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape, np.result_type(a, b)), where=b != 0)


def divide_or_infinity(a: Array, b: Array) -> Array:
    """Return a / b, infinite where only b is 0, and 0 wherever a is 0, also for 0 / 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape, np.result_type(a, b)), where=a != 0)
