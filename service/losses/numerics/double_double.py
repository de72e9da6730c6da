"""Double-double arithmetic: numbers as unevaluated sums of two floats, a high and a low part, with twice the digits where differences cancel.

Every function computes in the float type of its arguments. Arguments must be scaled beforehand: the products of Dekker's splitting
must not overflow. Error-free sums and products: Dekker, A Floating-Point Technique for Extending the Available Precision, 1971; Knuth, The Art
of Computer Programming, volume 2, section 4.2.2; Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997.
"""

from __future__ import annotations

import numpy as np

from service.losses.numerics import Array
from service.losses.numerics.special import expm1_minus

DoubleDouble = tuple[Array, Array]


def two_sum(a: Array, b: Array) -> DoubleDouble:
    """Return the sum and its exact rounding error (Knuth)."""
    s = np.asarray(a + b)
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: Array, b: Array) -> DoubleDouble:
    """Return the product and its exact rounding error (Dekker)."""
    p = np.asarray(a * b)
    (a1, a2), (b1, b2) = _split(a), _split(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def _split(a: Array) -> DoubleDouble:
    a = np.asarray(a)
    c = a * a.dtype.type(4097.0 if a.dtype == np.float32 else 134217729.0)
    high = c - (c - a)
    return high, a - high


def widened(x: Array) -> DoubleDouble:
    """Convert a float to a double-double."""
    return x, np.zeros_like(x)


def add(x: DoubleDouble, y: DoubleDouble) -> DoubleDouble:
    """Return x + y."""
    s, e = two_sum(x[0], y[0])
    return _settled(s, e + (x[1] + y[1]))


def negative(x: DoubleDouble) -> DoubleDouble:
    """Return -x."""
    return -x[0], -x[1]


def multiply(x: DoubleDouble, y: DoubleDouble) -> DoubleDouble:
    """Return x y."""
    p, e = two_product(x[0], y[0])
    return _settled(p, e + (x[0] * y[1] + x[1] * y[0]))


def scaled(x: DoubleDouble, exponent: Array) -> DoubleDouble:
    """Return x 2^exponent."""
    return np.ldexp(x[0], exponent), np.ldexp(x[1], exponent)


def total(x: DoubleDouble) -> DoubleDouble:
    """Sum along the last axis."""
    return _settled(*halved(x))


def halved(x: DoubleDouble) -> DoubleDouble:
    """Sum along the last axis, by halves. The high part is infinite where the sum is, and the low part NaN."""
    high, low = x
    while high.shape[-1] > 1:
        half = high.shape[-1] // 2
        s, e = two_sum(high[..., :half], high[..., half : 2 * half])
        e += low[..., :half] + low[..., half : 2 * half]
        if high.shape[-1] % 2:
            s, e = np.concatenate((s, high[..., -1:]), -1), np.concatenate((e, low[..., -1:]), -1)
        high, low = s, e
    return high[..., 0], low[..., 0]


def less_mean(scores: Array, values: DoubleDouble) -> Array:
    """Return each value minus the mean of all under the softmax of the scores, both (n, c, ...), in float64.

    A weight e^d near 1 is split into 1 and the double-double e^d - 1. If scores and values are nearly equal, so are the weights, and
    the gradient consists of their small differences. Small scores are their own d, larger ones are relative to the largest.
    """
    x, high, low = (np.moveaxis(part, 1, -1).astype(np.float64) for part in (scores, *values))
    largest = x.max(axis=-1, keepdims=True)
    d, lost = two_sum(x, np.where(np.abs(largest) < 0.35, 0.0, -largest))
    near = d > -0.7
    small = np.where(near, d, 0.0)
    rest = expm1_minus(small)
    excess = two_sum(np.where(near, d, np.exp(d)), np.where(near, rest + lost * (1.0 + small + rest), 0.0))
    exponent = np.frexp(np.abs(high).max(axis=-1, keepdims=True))[1]
    v = scaled((high, low), -exponent)
    alike = _less_moments(widened(near.astype(np.float64)), v)
    gap = add(alike, _less_moments(excess, v))
    mass = near.sum(axis=-1, keepdims=True) + excess[0].sum(axis=-1, keepdims=True)
    return np.moveaxis(np.ldexp((gap[0] + gap[1]) / mass, exponent), -1, 1)


def _less_moments(weights: DoubleDouble, v: DoubleDouble) -> DoubleDouble:
    """Return the sum of weights_j (v_k - v_j) over j."""
    mass, moment = ((high[..., None], low[..., None]) for high, low in (total(weights), total(multiply(weights, v))))
    return add(multiply(mass, v), negative(moment))


def _settled(high: Array, low: Array) -> DoubleDouble:
    """Renormalize the sum so that the low part is below half a unit of the high part (Dekker's fast sum)."""
    s = np.asarray(high + low)
    return s, low - (s - high)
