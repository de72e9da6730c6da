"""Softmax and its complements, accurate for probabilities near 0 and near 1."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache

import numpy as np

from service.losses.numerics import Array
from service.losses.numerics.elementary import spread

SMALL = 1 << 12  # elements


def places(x: Array, index: Array) -> Array:
    """Return the positions of x[i, index[i], ...] in x.ravel(), for an index (n, 1, ...), in a fifth of the time of take_along_axis for small x."""
    first, step = _firsts(x.shape)
    return first[:, None] + (index if step == 1 else index * step)


def _firsts(shape: tuple[int, ...]) -> tuple[Array, int]:
    """Return the positions of x[i, 0, ...] in x.ravel(), (n, ...), and the stride to x[i, 1, ...]."""
    step = math.prod(shape[2:])
    first = np.arange(0, math.prod(shape), shape[1] * step)
    if len(shape) > 2:
        first = first.reshape((-1,) + (1,) * (len(shape) - 2)) + np.arange(step).reshape(shape[2:])
    first.setflags(write=False)
    return first, step


_small_firsts = lru_cache(maxsize=64)(_firsts)  # 1.4 of the 33 microseconds of a cross entropy of 32 x 10


def sum_of_others(x: Array) -> Array:
    """Return, for each x[k] >= 0, the sum of the others along axis 1, without the cancellation of `total - x[k]`."""
    top = places(x, np.argmax(x, axis=1, keepdims=True))
    largest = x.take(top)
    rest = x.copy()
    rest.put(top, 0.0)
    below = rest.sum(axis=1, keepdims=True)
    others = (largest + below) - x  # at least half of the sum: the others of an x that is not the largest include it
    others.put(top, below)
    return others


class Softmax:
    """Softmax of logits along axis 1, kept in parts that do not cancel.

    top, largest: index and value of the largest logit, axis kept. exponentials: exp(x - largest). rest: the sum of all exponentials
    but the largest, axis kept: log(sum exp(x - largest)) is log1p(rest), accurate when one class holds nearly all probability. total: 1 + rest.
    """

    def __init__(self, logits: Array) -> None:
        self.logits = logits
        self._firsts, self._step = _small_firsts(logits.shape) if logits.size <= SMALL else _firsts(logits.shape)
        self._top = logits.argmax(axis=1)  # without the axis, as all that begins with _: NumPy keeps it for a third more time
        self._top_places = self._firsts + (self._top if self._step == 1 else self._top * self._step)
        self._largest = logits.take(self._top_places)
        e = logits - self._largest[:, None]
        np.exp(e, out=e)
        e.put(self._top_places, 0.0)
        self._rest = np.add.reduce(e, axis=1)
        e.put(self._top_places, 1.0)
        self.exponentials, self._total = e, 1.0 + self._rest
        self._complements: Array | None = None
        self._labels: Array | None = None

    @cached_property
    def exponentials(self) -> Array:
        """Return exp(x - largest), again after `pull` has turned the first ones into a gradient."""
        e = self.logits - self.largest
        np.exp(e, out=e)
        e.put(self._top_places, 1.0)
        return e

    @property
    def top(self) -> Array:
        return self._top[:, None]

    @property
    def largest(self) -> Array:
        return self._largest[:, None]

    @property
    def rest(self) -> Array:
        return self._rest[:, None]

    @property
    def total(self) -> Array:
        return self._total[:, None]

    def probabilities(self) -> Array:
        """Return softmax(x)."""
        return self.exponentials / self.total

    def pull(self, labels: Array, upstream: Array) -> Array:
        """Return d sum(upstream * -log softmax at the labels) / d logits, for labels and upstream (n, ...), in one pass over the classes.

        It takes the memory of the exponentials, which a second use computes again: fresh memory for 16384 x 100 float64 took half of the time.
        """
        if self._labels is not labels:
            self.negative_log_at(labels)
        at_label = np.expm1(-self._surprise)  # p - 1, to full relative accuracy
        slope, rate = self.exponentials, upstream / self._total
        del self.exponentials
        slope = np.multiply(slope, rate[:, None], out=slope if rate.dtype == slope.dtype else None)
        slope.put(self._places, upstream * at_label)
        return slope

    @property
    def complements(self) -> Array:
        """Return 1 - softmax(x), each to full relative accuracy."""
        if self._complements is None:
            others = self.total - self.exponentials
            others.put(self._top_places, self.rest)
            self._complements = others / self.total
        return self._complements

    def negative_log(self) -> Array:
        """Return -log softmax(x) of every class."""
        return (self.largest - self.logits) + np.log1p(self.rest)

    def negative_log_at(self, labels: Array) -> Array:
        """Return -log softmax(x) of the labels (n, ...), to full relative accuracy also near 0. Kept, since gradients use the same labels."""
        if self._labels is not labels:
            self._labels, self._places = labels, self._firsts + (labels if self._step == 1 else labels * self._step)
            self._surprise = (self._largest - self.logits.take(self._places)) + np.log1p(self._rest)
        return self._surprise

    def complement_at(self, labels: Array) -> Array:
        """Return 1 - softmax(x) of the labels (n, ...)."""
        return -np.expm1(-self.negative_log_at(labels))


def softmax_pull(softmax: Softmax, targets: Array, cotangent: Array) -> Array:
    """Return d sum(c * sum_k targets_k * -log softmax_k) / d logits = p * sum(targets) - targets, without cancellation."""
    slope = softmax.probabilities() * sum_of_others(targets) - targets * softmax.complements
    return slope * spread(cotangent, slope)
