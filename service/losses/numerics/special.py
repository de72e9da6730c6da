"""Functions of one or two numbers, accurate where their textbook forms cancel."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import factorial

import numpy as np

from service.losses.numerics import Array

SERIES = tuple(1.0 / (2 * k + 3) for k in range(17))  # of (atanh(r) - r) / r^3 in r^2, accurate to 2^-56 for r^2 <= 1/9
EXCESS = tuple(2.0 / factorial(k + 2) for k in range(16))  # of (e^x - 1 - x) / (x^2 / 2) in x, accurate to 2^-56 for |x| <= 0.7
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)  # of 1 / z, 1 / z^3, ...
DIGAMMA = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12, 3617 / 8160)  # of 1 / z^2, 1 / z^4, ...
LARGE = 10.0  # above it these two series are accurate to the last bits
HALF_LOG_TWO_PI = 0.9189385332046728
PART = 1 << 14  # elements; several arrays of this size fit in a core's cache


def in_parts(function: Callable[..., Array]) -> Callable[..., Array]:
    """Apply an elementwise function to large arrays one part at a time."""

    @wraps(function)
    def parted(x: Array, *others: Array | None) -> Array:
        given = [x, *others]
        if np.size(x) <= PART or any(other is not None and np.shape(other) != x.shape for other in others):
            return function(*given)
        flat = [None if other is None else other.reshape(-1) for other in given]
        parts = [function(*(None if other is None else other[at : at + PART] for other in flat)) for at in range(0, x.size, PART)]
        return np.concatenate(parts).reshape(x.shape)

    return parted


@in_parts
def x_minus_log1p(x: Array) -> Array:
    """Return x - log(1 + x) for x > -1, about x^2 / 2 near 0."""
    near = (x >= -0.5) & (x <= 1.0)
    return np.where(near, x * (x * _x_minus_log1p_close(x)), x - np.log1p(np.minimum(x, np.finfo(x.dtype).max)))


@in_parts
def x_minus_log1p_per_square(x: Array) -> Array:
    """Return (x - log(1 + x)) / x^2, which is 1/2 at 0."""
    near = (x >= -0.5) & (x <= 1.0)
    return np.where(near, _x_minus_log1p_close(x), (x - np.log1p(x)) / x / x)


def _x_minus_log1p_close(x: Array) -> Array:
    """Return (x - log(1 + x)) / x^2 for x in [-1/2, 1]."""
    r = x / (2.0 + x)
    y = r * r
    series = np.full_like(x, SERIES[-1])
    for coefficient in SERIES[-2::-1]:
        series *= y
        series += coefficient
    return (1.0 - 2.0 * r * series / (2.0 + x)) / (2.0 + x)


def xlogx_excess(x: Array) -> Array:
    """Return (1 + x) log(1 + x) - x for x >= 0, about x^2 / 2 near 0."""
    return x * np.log1p(x) - x_minus_log1p(x)


@in_parts
def log_ratio(p: Array, q: Array, difference: Array | None = None) -> Array:
    """Return log(p / q) for p >= 0 and q > 0, accurate where they are nearly equal. difference: p - q, if known more accurately."""
    u = (p - q if difference is None else difference) / q
    ratio = p / q
    limit = np.finfo(ratio.dtype).tiny * 1e8
    apart = (ratio < limit) | (ratio > 1.0 / limit)
    out = np.log(ratio)
    if apart.any():
        out = np.where(apart, np.log(p) - np.log(q), out)
    return np.where((u >= -0.5) & (u <= 1.0), np.log1p(u), out)


@in_parts
def relative_entropy(p: Array, q: Array, difference: Array | None = None) -> Array:
    """Return p log(p / q) - p + q for p, q >= 0: never negative, and about (p - q)^2 / 2q where they are nearly equal.

    difference: p - q, if known more accurately.
    """
    difference = p - q if difference is None else difference
    u = difference / q
    near = (u >= -0.6) & (u <= 2.0)
    v = np.where(near, u, 0.0)
    close = q * (v * np.log1p(v) - x_minus_log1p(v))
    if near.all():
        return close
    return np.where(near, close, np.where(p == 0, 0.0, p * log_ratio(p, q)) - difference)


@in_parts
def relative_entropy_of_log(p: Array, log_p: Array, q: Array, log_q: Array) -> Array:
    """Return relative_entropy of numbers given with their logarithms; p may be 0 with any logarithm."""
    gap = log_q - log_p
    near = np.abs(gap) < 0.7
    return np.where(near, p * expm1_minus(np.where(near, gap, 0.0)), (q - p) - np.where(p == 0, 0.0, p * gap))


def times_exp(factor: Array, x: Array) -> Array:
    """Return factor * e^x, finite where the product is, even if e^x overflows; 0 where the factor is 0."""
    whole = np.exp(x)
    outside = (whole < np.finfo(whole.dtype).tiny) | np.isinf(whole)
    if not outside.any():
        return factor * whole
    half = np.exp(0.5 * x)
    return np.where(factor == 0, 0.0, np.where(outside, (factor * half) * half, factor * whole))


@in_parts
def expm1_minus(x: Array) -> Array:
    """Return e^x - 1 - x, about x^2 / 2 near 0."""
    near = np.abs(x) < 0.7
    small = np.where(near, x, 0.0)
    series = np.full_like(small, EXCESS[-1])
    for coefficient in EXCESS[-2::-1]:
        series *= small
        series += coefficient
    return np.where(near, 0.5 * small * small * series, np.expm1(x) - x)


# ------------------------------------------------------------------ the gamma function


def _series(coefficients: tuple[float, ...], z: Array, first: int) -> Array:
    """Sum of c[k] / z^(first + 2k)."""
    y = 1.0 / z
    square = y * y
    total = np.full_like(y, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * square + c
    return total * (y if first == 1 else square)


def _series_increment(coefficients: tuple[float, ...], z: Array, log_growth: Array, first: int, scale: int = 0) -> Array:
    """Return the series at z e^log_growth minus that at z, times z^scale, without cancellation."""
    total = np.zeros_like(z)
    for k, c in enumerate(coefficients):
        power = first + 2 * k
        total += c * np.expm1(-power * log_growth) / z ** (power - scale)
    return total


def _log1p_ratio(t: Array, z: Array) -> Array:
    """Return the logarithm of 1 + t / z, also where t / z is out of range."""
    ratio = t / z
    return np.where(np.isinf(ratio), np.log(t) - np.log(z), np.log1p(ratio))


@in_parts
def log_gamma_from_one(z: Array) -> Array:
    """Return log Gamma(z) for 1 <= z < 1e15, accurate near its roots 1 and 2, and log Gamma(1 + z) for z < 1."""
    from scipy.special import gammaln

    beyond_two = np.clip(z - 2.0, 0.0, 1.0)
    excess = np.where(z < 1.0, z, np.where(z < 2.0, z - 1.0, beyond_two)).astype(z.dtype, copy=False)
    near = lgamma_increment(np.ones_like(z), excess) + np.log1p(beyond_two)
    return np.where(z < 3.0, near, gammaln(z))


def log_gamma(z: Array) -> Array:
    """Return log Gamma(z) for 0 < z < 1e15."""
    return log_gamma_from_one(z) - np.log(np.minimum(z, 1.0))


def trigamma(z: Array) -> Array:
    """Return the derivative of the digamma function."""
    from scipy.special import zeta

    out: Array = zeta(2.0, z)
    return out


def stirling(z: Array) -> Array:
    """Return the error of Stirling's formula: log Gamma(z) - ((z - 1/2) log z - z + log(2 pi) / 2)."""
    from scipy.special import gammaln

    large = z >= LARGE
    small = np.where(large, 1.0, z).astype(z.dtype, copy=False)
    direct = gammaln(small) - ((small - 0.5) * np.log(small) - small + HALF_LOG_TWO_PI)
    return np.where(large, _series(STIRLING, np.maximum(z, LARGE), 1), direct)


def digamma_less_log(z: Array) -> Array:
    """Return psi(z) - log z."""
    from scipy.special import psi

    large = z >= LARGE
    far = np.maximum(z, LARGE)
    return np.where(large, _series(DIGAMMA, far, 2) - 0.5 / far, psi(z) - np.log(z))


@in_parts
def lgamma_increment(z: Array, t: Array) -> Array:
    """Return log Gamma(z + t) - log Gamma(z) - t log z for t >= 0, accurate for small t and for large z."""
    low = z < LARGE
    shifted = np.where(low, z + LARGE, z)
    u = t / shifted
    growth = np.log1p(u)
    out = shifted * xlogx_excess(u) - 0.5 * growth + _series_increment(STIRLING, shifted, growth, 1)
    steps = t * np.log1p(LARGE / z) - sum(_log1p_ratio(t, z + k) for k in range(int(LARGE)))
    return out + np.where(low, steps, 0.0)


@in_parts
def digamma_increment(z: Array, t: Array) -> Array:
    """Return psi(z + t) - psi(z) - log(1 + t / z), times z^2, for t >= 0: about t / 2 for large z."""
    low = z < LARGE
    shifted = np.where(low, z + LARGE, z)
    growth = np.log1p(t / shifted)
    out = 0.5 * t / (1.0 + t / shifted) + _series_increment(DIGAMMA, shifted, growth, 2, scale=2)
    steps = sum(t / (z + k + t) / (z + k) for k in range(int(LARGE)))
    missing = (growth - _log1p_ratio(t, z) + steps) * z * z
    return np.where(low, out * (z / shifted) ** 2 + missing, out)


@in_parts
def digamma_difference(z: Array, t: Array) -> Array:
    """Return psi(z + t) - psi(z) for t >= 0, accurate for small t and for small z."""
    low = z < LARGE
    shifted = np.where(low, z + LARGE, z)
    out = np.log1p(t / shifted) + digamma_increment(shifted, t) / shifted / shifted
    return out + np.where(low, sum(t / (z + k + t) / (z + k) for k in range(int(LARGE))), 0.0)


Derivatives = dict[str, Callable[[Array], Array]]


def gamma_terms(x: Array, t: Array, factor: float) -> tuple[Array, Derivatives, Derivatives]:
    """Return factor * (log(x / t) + t / x - 1), its gradients and its second derivatives."""
    u = (t - x) / x
    return (
        factor * np.where(u > -0.5, x_minus_log1p(u), u - log_ratio(t, x)).astype(u.dtype, copy=False),
        {"predictions": lambda c: (-factor * c) * (u / x), "labels": lambda c: (factor * c) * reciprocal_difference(x, t)},
        {"predictions": lambda c: (factor * c) * ((2.0 * t / x - 1.0) / x / x), "labels": lambda c: (factor * c) / t / t},
    )


def reciprocal_difference(x: Array, t: Array) -> Array:
    """Return 1 / x - 1 / t, without cancellation."""
    return (t - x) / np.maximum(x, t) / np.minimum(x, t)
