"""Numbers as unevaluated sums of two floats, a high and a low part: twice the digits where differences cancel.

Every function works in the float type that it is given. Arguments are of ordinary size (scaled beforehand): the products
of Dekker's splitting must not overflow.
"""

from __future__ import annotations

import numpy as np

from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero
from service.losses.numerics.special import expm1_minus

Twofold = tuple[Array, Array]


def two_sum(a: Array, b: Array) -> Twofold:
    """The sum and its rounding error, exactly (Knuth)."""
    s = np.asarray(a + b)
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: Array, b: Array) -> Twofold:
    """The product and its rounding error, exactly (Dekker)."""
    p = np.asarray(a * b)
    (a1, a2), (b1, b2) = _split(a), _split(b)
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def _split(a: Array) -> Twofold:
    a = np.asarray(a)
    c = a * a.dtype.type(4097.0 if a.dtype == np.float32 else 134217729.0)
    high = c - (c - a)
    return high, a - high


def widened(x: Array) -> Twofold:
    """A float as a twofold."""
    return x, np.zeros_like(x)


def add(x: Twofold, y: Twofold) -> Twofold:
    """The sum x + y."""
    s, e = two_sum(x[0], y[0])
    return _settled(s, e + (x[1] + y[1]))


def negative(x: Twofold) -> Twofold:
    """The opposite -x."""
    return -x[0], -x[1]


def multiply(x: Twofold, y: Twofold) -> Twofold:
    """The product x y."""
    p, e = two_product(x[0], y[0])
    return _settled(p, e + (x[0] * y[1] + x[1] * y[0]))


def divide(x: Twofold, y: Twofold) -> Twofold:
    """The quotient x / y."""
    q = x[0] / y[0]
    p, e = two_product(q, y[0])
    return _settled(q, (((x[0] - p) - e) + x[1] - q * y[1]) / y[0])


def root(x: Twofold) -> Twofold:
    """The square root of x >= 0."""
    s = np.sqrt(x[0])
    p, e = two_product(s, s)
    return _settled(s, divide_or_zero(((x[0] - p) - e) + x[1], 2.0 * s))


def scaled(x: Twofold, exponent: Array) -> Twofold:
    """The product x 2^exponent."""
    return np.ldexp(x[0], exponent), np.ldexp(x[1], exponent)


def total(x: Twofold) -> Twofold:
    """The sum along the last axis, by halves."""
    high, low = x
    while high.shape[-1] > 1:
        half = high.shape[-1] // 2
        s, e = two_sum(high[..., :half], high[..., half : 2 * half])
        e += low[..., :half] + low[..., half : 2 * half]
        if high.shape[-1] % 2:
            s, e = np.concatenate((s, high[..., -1:]), -1), np.concatenate((e, low[..., -1:]), -1)
        high, low = s, e
    return _settled(high[..., 0], low[..., 0])


def others(x: Twofold) -> Twofold:
    """For each number along the last axis the sum of the others, by halves: nothing is subtracted."""
    count = x[0].shape[-1]
    if count == 1:
        return np.zeros_like(x[0]), np.zeros_like(x[1])
    half = (count + 1) // 2
    padding = [(0, 0)] * (x[0].ndim - 1) + [(0, count % 2)]
    high, low = np.pad(x[0], padding), np.pad(x[1], padding)
    left, right = (high[..., :half], low[..., :half]), (high[..., half:], low[..., half:])
    rest = others(add(left, right))
    parts = add(rest, right), add(rest, left)
    return np.concatenate((parts[0][0], parts[1][0]), -1)[..., :count], np.concatenate((parts[0][1], parts[1][1]), -1)[..., :count]


def inner(a: Twofold, b: Twofold) -> Twofold:
    """The inner product along the last axis."""
    p, e = two_product(a[0], b[0])
    return total((p, e + (a[0] * b[1] + a[1] * b[0])))


def less_mean(scores: Array, values: Twofold) -> Array:
    """Each value less the mean of all under the softmax of the scores, both (n, c, ...), in float64.

    A weight e^d near 1 counts as 1 and, apart, as the twofold e^d - 1: where scores and values hardly differ, neither do the weights, and
    what they leave of the difference is all that a gradient consists of. Small scores are their own d, larger ones count from the largest.
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


def _less_moments(weights: Twofold, v: Twofold) -> Twofold:
    """The sum of weights_j (v_k - v_j) over j."""
    mass, moment = ((high[..., None], low[..., None]) for high, low in (total(weights), total(multiply(weights, v))))
    return add(multiply(mass, v), negative(moment))


def _settled(high: Array, low: Array) -> Twofold:
    """The same sum with a low part below half a unit of the high part (Dekker's fast sum)."""
    s = np.asarray(high + low)
    return s, low - (s - high)
