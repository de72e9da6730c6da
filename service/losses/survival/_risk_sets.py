"""Risk sets: sums over the subjects at risk at each time of an event, without a loop over subjects and without cancellation.

The distinct times of events in each stratum are slots. A subject is at risk in a range of slots. Ranges from the start of a stratum are summed by a scan over
the slots, in a quarter of the time that others take: a binary tree divides them into at most two nodes of each level (a segment tree).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from service.losses.numerics import Array

LogSum = tuple[Array, Array]  # the largest x, and the sum of exp(x - largest) without the largest one's own 1


@dataclass(frozen=True)
class Ranges:
    """Each subject's range of slots, first (n,) to last (n,), which is not included, among `slots` of them. Sums over a tree."""

    first: Array
    last: Array
    slots: int

    @property
    def leaves(self) -> int:
        """The number of leaves of the tree, a power of two."""
        return 1 << max(0, self.slots - 1).bit_length()

    def levels(self) -> Iterator[tuple[slice, Array, Array]]:
        """Yield each level's slice of all nodes, from the leaves up, its nodes that a range has whole, and the subjects of these ranges.

        Node i has the children 2i and 2i + 1; the nodes yielded are numbered from the start of their level.
        """
        subjects = np.flatnonzero(self.first < self.last)
        left, right, width = self.first[subjects], self.last[subjects], self.leaves
        while subjects.size:
            odd, even = np.flatnonzero(left & 1), np.flatnonzero(right & 1)
            yield slice(width, 2 * width), np.concatenate([left[odd], right[even] - 1]), np.concatenate([subjects[odd], subjects[even]])
            left, right, width = (left + 1) >> 1, right >> 1, width >> 1
            unfinished = np.flatnonzero(left < right)
            subjects, left, right = subjects[unfinished], left[unfinished], right[unfinished]

    def log_sums(self, x: Array) -> LogSum:
        """Return, for each slot, the log-sum of x over the subjects whose range has it; the largest of none is minus infinity."""
        top, rest = np.full(2 * self.leaves, -np.inf, x.dtype), np.zeros(2 * self.leaves, x.dtype)
        for level, nodes, subjects in self.levels():
            top[level], rest[level] = _grouped(x[subjects], nodes, level.stop - level.start)
        start = 1
        while start < self.leaves:
            parents = np.repeat(top[start : 2 * start], 2), np.repeat(rest[start : 2 * start], 2)
            children = slice(2 * start, 4 * start)
            top[children], rest[children] = _merged((top[children], rest[children]), parents)
            start *= 2
        return top[self.leaves :][: self.slots], rest[self.leaves :][: self.slots]

    def scaled_sums(self, x: Array, rates: Array, tops: Array) -> Array:
        """Return, for each subject, the sum of rate * exp(x - top) over its slots, where every top is at least x."""
        least, total = np.full(2 * self.leaves, np.inf, x.dtype), np.zeros(2 * self.leaves, x.dtype)
        least[self.leaves :][: self.slots], total[self.leaves :][: self.slots] = tops, rates
        start = self.leaves
        while start > 1:
            low, sums = least[start : 2 * start].reshape(-1, 2), total[start : 2 * start].reshape(-1, 2)
            smallest = low.min(axis=1)
            fall = np.exp(np.where(np.isinf(smallest), 0.0, smallest)[:, None] - low)  # 0 of a node without a slot
            least[start // 2 : start], total[start // 2 : start] = smallest, (sums * fall).sum(axis=1)
            start //= 2
        out = np.zeros(len(x), x.dtype)
        for level, nodes, subjects in self.levels():
            out += np.bincount(subjects, total[level][nodes] * np.exp(x[subjects] - least[level][nodes]), len(x)).astype(x.dtype)
        return out


@dataclass(frozen=True)
class Prefixes(Ranges):
    """Ranges from the start of each stratum. begin: the first slot of each slot's stratum. Sums by scans whose steps double."""

    begin: Array

    def log_sums(self, x: Array) -> LogSum:
        subjects = np.flatnonzero(self.first < self.last)
        top, rest = _grouped(x[subjects], self.last[subjects] - 1, self.slots)
        end, step = np.searchsorted(self.begin, self.begin, side="right"), 1
        while step < self.slots:
            inside = np.arange(step, self.slots) < end[:-step]
            top[:-step], rest[:-step] = _merged(
                (top[:-step], rest[:-step]), (np.where(inside, top[step:], -np.inf), np.where(inside, rest[step:], 0.0))
            )
            step *= 2
        return top, rest

    def scaled_sums(self, x: Array, rates: Array, tops: Array) -> Array:
        total, step = rates.copy(), 1
        while step < self.slots:  # relative to each slot's own top: the tops never increase within a stratum
            inside = np.arange(self.slots - step) >= self.begin[step:]
            total[step:] = total[step:] + np.where(inside, np.exp(tops[step:] - tops[:-step]) * total[:-step], 0.0)
            step *= 2
        at = np.maximum(self.last - 1, 0)
        return np.where(self.first < self.last, np.exp(x - tops[at]) * total[at], 0.0).astype(x.dtype, copy=False)


def _grouped(x: Array, group: Array, groups: int) -> LogSum:
    """Return the log-sum of x over each group."""
    top = np.full(groups, -np.inf, x.dtype)
    np.maximum.at(top, group, x)
    largest = np.flatnonzero(x == top[group])
    own = np.zeros(groups, np.intp)
    own[group[largest]] = largest  # one of several
    terms = np.exp(x - top[group])
    terms[own[group[largest]]] = 0.0
    return top, np.bincount(group, terms, groups).astype(x.dtype)


def _merged(a: LogSum, b: LogSum) -> LogSum:
    """Return the log-sums of both."""
    (top, rest), (other_top, other_rest) = a, b
    scale = np.where(np.isinf(top) & np.isinf(other_top), 0.0, np.exp(-np.abs(top - other_top)))
    return np.maximum(top, other_top), np.where(top >= other_top, rest + scale * (1.0 + other_rest), other_rest + scale * (1.0 + rest))
