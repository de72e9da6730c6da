"""Functions of one or two numbers that lose nothing where their textbook forms cancel."""

from __future__ import annotations

import numpy as np

from service.losses.tensors import Array

SERIES = tuple(1.0 / (2 * k + 3) for k in range(17))  # of (atanh(r) - r) / r^3 in r^2, good to 2^-56 for r^2 <= 1/9


def x_minus_log1p(x: Array) -> Array:
    """The difference x - log(1 + x) for x > -1; it is about x^2 / 2 near 0."""
    r = x / (2.0 + x)
    y = r * r
    series = np.full_like(x, SERIES[-1])
    for coefficient in SERIES[-2::-1]:
        series *= y
        series += coefficient
    near = (x >= -0.5) & (x <= 1.0)
    return np.where(near, r * (x - 2.0 * y * series), x - np.log1p(x))


def xlogx_excess(x: Array) -> Array:
    """The excess (1 + x) log(1 + x) - x for x >= 0; it is about x^2 / 2 near 0."""
    return x * np.log1p(x) - x_minus_log1p(x)


def log_ratio(p: Array, q: Array, difference: Array | None = None) -> Array:
    """log(p / q) for p >= 0 and q > 0, with all its digits where they are nearly equal. difference: p - q, if it is known better."""
    u = (p - q if difference is None else difference) / q
    ratio = p / q
    apart = (ratio < 1e-290) | (ratio > 1e290)
    out = np.log(ratio)
    if apart.any():
        out = np.where(apart, np.log(p) - np.log(q), out)
    return np.where((u >= -0.5) & (u <= 1.0), np.log1p(u), out)


def relative_entropy(p: Array, q: Array) -> Array:
    """The term p log(p / q) - p + q for p >= 0 and q > 0: never negative, and about (p - q)^2 / 2q where they are nearly equal."""
    difference = p - q
    u = difference / q
    near = (u >= -0.6) & (u <= 2.0)
    v = np.where(near, u, 0.0)
    close = q * (v * np.log1p(v) - x_minus_log1p(v))
    if near.all():
        return close
    return np.where(near, close, np.where(p == 0, 0.0, p * log_ratio(p, q)) - difference)
