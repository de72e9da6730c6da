"""The normal distribution: probabilities of intervals, accurate in its tails and for short intervals."""

from __future__ import annotations

import math

import numpy as np

from service.losses.numerics import Array

LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
NODES, NODE_WEIGHTS = (half[8:] for half in np.polynomial.legendre.leggauss(16))  # the positive ones


def _narrow(middle: Array, wide: Array) -> tuple[Array, Array]:
    """The integral of the density over a short interval, symmetric about its middle."""
    s = 0.5 * wide[:, None] * NODES.astype(wide.dtype)
    weight = NODE_WEIGHTS.astype(wide.dtype) * np.exp(-0.5 * s * s)
    even = (weight * np.cosh(middle[:, None] * s)).sum(axis=1)
    odd = (weight * s * np.sinh(middle[:, None] * s)).sum(axis=1)
    return 0.5 * middle * middle + LOG_ROOT_2PI - np.log(wide * even), middle - odd / even


def _wide(low: Array, high: Array, middle: Array, wide: Array) -> tuple[Array, Array]:
    """Phi(high) - Phi(low) in the left tail (middle <= 0), relative to Phi(high)."""
    from scipy.special import erfcx, log_ndtr, ndtr

    root = math.sqrt(0.5)
    tail = high < -1
    scaled = erfcx(-root * np.minimum(high, -1.0))
    log_high = np.where(tail, np.log(0.5 * scaled) - 0.5 * high * high, log_ndtr(high))
    hazard = np.where(tail, math.sqrt(2 / math.pi) / scaled, np.exp(-0.5 * high * high) / math.sqrt(2 * math.pi) / ndtr(high))
    fall = np.where(np.isinf(low), -np.inf, wide * middle)  # log of the ratio of the densities
    ratio = np.where(tail, fall + np.log(erfcx(-root * np.minimum(low, -1.0)) / scaled), log_ndtr(low) - log_ndtr(high))
    ratio = np.where(np.isinf(low), -np.inf, ratio)
    return -log_high - np.log1p(-np.exp(ratio)), -hazard * np.expm1(fall) / np.expm1(ratio)


def minus_log_of_interval(low: Array, high: Array, width: Array) -> tuple[Array, Array]:
    """Return -log(Phi(high) - Phi(low)) of each interval (n,), and its slope where both ends move. width: high - low, without cancellation."""
    middle = 0.5 * (low + high)
    narrow = width * np.maximum(np.abs(middle), 1.0) < 1.0
    right = middle > 0
    left, end = np.where(right, -high, low), np.where(right, -low, high)
    value, slope = _wide(left, end, -np.abs(middle), width)
    near, near_slope = _narrow(np.where(narrow, middle, 0.0), np.where(narrow, width, 1.0))
    return np.where(narrow, near, value), np.where(narrow, near_slope, np.where(right, -slope, slope))
