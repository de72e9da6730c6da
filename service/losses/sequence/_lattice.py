"""Sums over all paths through a lattice of frames and symbols whose arcs advance by any number of frames, diagonal by diagonal.

Arrays of a diagonal are (n, places). Sums along the paths are kept relative to each diagonal's largest, and the logs subtracted in two
float64 numbers each, so that a score that all paths share does not absorb the differences of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from service.losses.numerics import Array
from service.losses.numerics.double_double import DoubleDouble, two_sum
from service.losses.sequence._shared import diagonals, finite_top, from_diagonals, log_sum, settled, shares, shifted, shifted_back


class Arc(NamedTuple):
    """A kind of step from every node: the frames and symbols by which it advances, and its log-probability.

    That is the sum of two, each in a high and a low part (2, n, t, p).
    """

    frames: int
    symbols: int
    first: Array
    second: Array

    @property
    def diagonals(self) -> int:
        """The diagonals by which it advances."""
        return self.frames + self.symbols

    def scores(self, *at: Array | slice) -> DoubleDouble:
        """Return the log-probability at some nodes."""
        (one, rest), (other, more) = (part[(slice(None), *at)] for part in (self.first, self.second))
        high, error = two_sum(one, other)
        return high, error + (rest + more)


@dataclass(frozen=True)
class Occupancy:
    """Probabilities that a path takes each arc from each node (n, t, p), summed over the arcs without a symbol, with one, and by their second part."""

    blanks: Array
    symbols: Array
    seconds: Array


class Paths:
    """Sums over the paths of all samples from the first node to their end.

    A path ends with an arc without a symbol from the last place, which advances to the frame after the last. lengths, symbols (n,): the frames
    and symbols of each sample. surprise (n,): minus the log of the total probability, infinite without a path.
    """

    def __init__(self, arcs: Sequence[Arc], lengths: Array, symbols: Array) -> None:
        n, frames, places = arcs[0].first.shape[1:]
        self.frames, self.lengths, self.symbols, self.rows = frames, lengths, symbols, np.arange(n)
        self.arcs = [arc for arc in arcs if arc.diagonals > 0 and arc.frames <= frames]
        self.relative, largest = self._scores(places)
        count = frames + places - 1
        self.forward = np.full((count, n, places), -np.inf)
        self.forward[0, :, 0] = 0.0
        totals = np.zeros((2, count, n))
        self.offsets = np.zeros((2, count, n))  # logs subtracted from the sums that leave each diagonal
        self.offsets[:, 0] = two_sum(totals[0, 0], largest[0])
        for d in range(1, count):
            terms, (base, rest) = self._arriving(d)
            if terms:
                self.forward[d], top = settled(log_sum(*terms) if len(terms) > 1 else terms[0])
                high, low = two_sum(base, top)
                totals[:, d] = high, low + rest
            high, low = two_sum(totals[0, d], largest[d])
            self.offsets[:, d] = high, low + totals[1, d]
        self.ends, self.surprise = self._ends(totals)

    def _scores(self, places: int) -> tuple[list[Array], Array]:
        """Return the scores of each arc less the largest of their diagonal (d, n, p), and the largest (d, n); -infinity where no path goes."""
        steps, place = np.arange(self.frames)[:, None], np.arange(places)
        pairs = []
        for arc in self.arcs:
            there = (steps + arc.frames < self.lengths[:, None, None]) & (place + arc.symbols <= self.symbols[:, None, None])
            high, low = arc.scores()
            pairs.append((diagonals(np.where(there, high, -np.inf), -np.inf), diagonals(np.where(there, low, 0.0), 0.0)))
        top = np.full((self.frames + places - 1, len(self.rows)), -np.inf)
        for high, _ in pairs:
            np.maximum(top, high.max(axis=2), out=top)
        largest = finite_top(top)
        return [(high - largest[..., None]) + low for high, low in pairs], largest

    def _arriving(self, d: int) -> tuple[list[Array], tuple[Array, Array]]:
        """Return the log-sums of the paths into a diagonal by each arc that reaches it, less a base (n,) in two parts."""
        sources = sorted({d - arc.diagonals for arc in self.arcs if arc.diagonals <= d})
        if not sources:
            return [], (np.zeros(len(self.rows)), np.zeros(len(self.rows)))
        reached = np.isfinite(self.forward[sources]).any(axis=2)
        high, low = self.offsets[:, sources]
        at = np.where(reached, high, -np.inf).argmax(axis=0)
        base, rest = high[at, self.rows], low[at, self.rows]
        gaps = dict(zip(sources, (high - base) + (low - rest), strict=True))
        terms = []
        for arc, relative in zip(self.arcs, self.relative, strict=True):
            source = d - arc.diagonals
            if source >= 0:
                leaving = (self.forward[source] + relative[source]) + gaps[source][:, None]
                terms.append(shifted(leaving, 1, -np.inf) if arc.symbols else leaving)
        return terms, (base, rest)

    def _ends(self, totals: Array) -> tuple[list[tuple[int, Array, Array, Array]], Array]:
        """Return, for each arc that may end a path, its index, the samples, their last frames, and its share of the paths; and the surprise."""
        found, sums, parts = [], [], []
        for k, arc in enumerate(self.arcs):
            last = self.lengths - arc.frames
            if arc.symbols or not arc.frames:
                continue
            frame = last.clip(0)
            node = (frame + self.symbols, self.rows, self.symbols)
            score = arc.scores(self.rows, frame, self.symbols)
            high, low = two_sum(totals[0][node[:2]], score[0])
            sums.append(np.where(last >= 0, self.forward[node], -np.inf))
            parts.append((high, low + (totals[1][node[:2]] + score[1])))
            found.append((k, frame))
        if not found:
            return [], np.full(len(self.rows), np.inf)
        reached, high, low = np.isfinite(sums), *(np.array(part) for part in zip(*parts, strict=True))
        at = np.where(reached, high, -np.inf).argmax(axis=0)
        base, rest = high[at, self.rows], low[at, self.rows]
        terms = [total + ((a - base) + (b - rest)) for total, a, b in zip(sums, high, low, strict=True)]
        parted = shares(*terms)
        total = log_sum(*terms) if len(terms) > 1 else terms[0]
        return [(k, self.rows, frame, share) for (k, frame), share in zip(found, parted, strict=True)], -(base + (rest + total))

    def occupancy(self, groups: Sequence[int], size: int) -> Occupancy:
        """Return the probabilities of the arcs; groups: for each of the arcs given, the index below `size` of its second part."""
        flows = np.zeros((2 + size, *self.forward.shape))
        weight = np.zeros_like(self.forward)

        def add(k: int, where: tuple[Any, ...] | int, flow: Array) -> None:
            for out in (flows[self.arcs[k].symbols], flows[2 + groups[k]], weight):
                out[where] += flow

        for k, rows, frame, share in self.ends:
            add(k, (frame + self.symbols, rows, self.symbols), share)
        for d in reversed(range(1, len(self.forward))):
            terms, _ = self._arriving(d)
            if not terms:
                continue
            parted = iter(shares(*terms) * weight[d])
            for k, arc in enumerate(self.arcs):
                if arc.diagonals <= d:
                    flow = next(parted)
                    add(k, d - arc.diagonals, shifted_back(flow, 1) if arc.symbols else flow)
        blanks, symbols, *seconds = (from_diagonals(flow, self.frames) for flow in flows)
        return Occupancy(blanks, symbols, np.stack(seconds, axis=-1))
