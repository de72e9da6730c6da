"""Sums over all alignments of symbols to frames for CTC: a recursion over the frames with a few NumPy calls per step.

Arrays are (places, samples), so that samples are contiguous. `forward` has two rows of -infinity before the places, so that the sources one
and two places before are views of it. Everything that does not depend on the previous frame (the scores along the path, the shares of the backward pass,
the gradient of the scores) is done for all frames at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from service.losses.numerics import Array

BLOCK = 1 << 13  # places of all samples processed together
SCATTERED = 1 << 17  # elements of the gradient at a time


class Alignments:
    """Logs of the summed paths to each place of each sample, minus each frame's largest.

    scores (t, n, c); path (places, n): the symbols, with blanks around them; skips: where a path may come from two places before;
    ends (n,): the last place of each sample; lengths (n,): its number of frames. forward (t, 2 + places, n); taken (t, n): the logs subtracted.
    """

    def __init__(self, scores: Array, path: Array, skips: Array, ends: Array, lengths: Array) -> None:
        frames, n, classes = scores.shape
        self.scores, self.ends, self.lengths = scores, ends, lengths
        self.low = scores.dtype.type(np.finfo(scores.dtype).min)  # subtracted in place of -infinity
        self.flat = np.arange(n) * classes + path
        self.forward, self.taken = np.empty((frames, 2 + len(path), n), scores.dtype), np.empty((frames, n))
        self.forward[:, :2] = -np.inf
        at = self.forward.strides
        self.sources = as_strided(self.forward[:, 2:], (frames, 3, *path.shape), (at[0], -at[1], at[1], at[2]))  # 0, 1 and 2 places before
        self.allowed = np.zeros((3, *path.shape), scores.dtype)
        self.allowed[2][~skips] = -np.inf
        for rows in self.blocks():
            self._fill(rows)

    def blocks(self) -> Iterator[slice]:
        """Slice the samples into blocks."""
        places, n = self.flat.shape
        step = max(1, BLOCK // places)
        return (slice(start, start + step) for start in range(0, n, step))

    def _scores(self, rows: slice) -> Array:
        """Return the scores along the path, -infinity where no path goes or none reaches the end."""
        here = self.scores.reshape(len(self.scores), -1).take(self.flat[:, rows], axis=1)
        place, t, ends = np.arange(len(self.flat))[:, None], np.arange(len(self.scores))[:, None, None], self.ends[rows]
        last = np.minimum(ends, 2 * t + 1)  # and the first one:
        here[(place > last) | (place < (ends - 1 - 2 * (self.lengths[rows] - 1)) + 2 * t)] = -np.inf
        return here

    def _fill(self, rows: slice) -> None:
        here, forward, sources, allowed = self._scores(rows), self.forward[:, 2:, rows], self.sources[..., rows], self.allowed[..., rows]
        taken = np.maximum(here.max(axis=1), self.low)
        here -= taken[:, None]
        tops = np.zeros_like(taken)
        ways, below, top = np.empty_like(allowed), np.empty_like(allowed[:2]), np.empty_like(allowed[0])
        forward[:1] = here[:1]
        for t in range(1, len(here)):
            now = forward[t]
            np.add(sources[t - 1], allowed, out=ways)
            log_sum_of_three(ways, below, top, self.low, out=now)
            now += here[t]
            now -= np.maximum.reduce(now, axis=0, out=tops[t], initial=self.low)
        self.taken[:, rows] = taken
        self.taken[:, rows] += tops

    def last(self) -> tuple[Array, Array]:
        """Return each sample's sums (places, n) at its last frame, and the logs subtracted up to there (n,)."""
        n, counts = len(self.ends), np.arange(len(self.taken))[:, None] < self.lengths
        sums = np.full(self.flat.shape, -np.inf, self.scores.dtype)  # without frames only an empty target is possible
        sums[0] = 0.0
        if len(self.forward):
            found = self.forward[np.maximum(self.lengths - 1, 0), 2:, np.arange(n)]
            np.copyto(sums, found.T, where=self.lengths > 0)
        return sums, np.where(counts, self.taken, 0.0).sum(axis=0)

    def pull(self, start: Array, upstream: Array) -> Array:
        """Pull back to the scores, from shares `start` (places, n) of each sample's sums at its last frame, and a cotangent (n,) of their log."""
        out = np.empty_like(self.scores)
        for rows in self.blocks():
            weights = self._weights(start[:, rows], rows)
            weights *= upstream[rows].astype(weights.dtype, copy=False)
            self._scatter(out, weights, rows)
        return out

    def _weights(self, start: Array, rows: slice) -> Array:
        """Return the shares of all places at all frames (t, places, m); each share is distributed among its sources."""
        shares, places = self._shares(rows), len(start)
        weights = np.zeros((len(self.scores), *start.shape), start.dtype)
        moved = np.zeros((3, places + 2, start.shape[1]), start.dtype)
        at = moved.strides
        arriving = as_strided(moved, shares.shape[1:], (at[0] + at[1], at[1], at[2]))  # each part at its source
        ending = np.arange(len(weights))[:, None] == self.lengths[rows] - 1
        ended = ending.any(axis=1)
        for t in reversed(range(len(weights))):
            if t + 1 < len(weights):
                np.multiply(shares[t], weights[t + 1], out=moved[:, :places])
                np.add.reduce(arriving, axis=0, out=weights[t])
            if ended[t]:
                np.copyto(weights[t], start, where=ending[t])
        return weights

    def _shares(self, rows: slice) -> Array:
        """Return the shares of the sources 0, 1 and 2 places before in each place of the next frame, (t - 1, 3, places, m)."""
        shares = self.sources[:-1, ..., rows] + self.allowed[..., rows]
        shares -= np.maximum(shares.max(axis=1, keepdims=True), self.low)
        np.exp(shares, out=shares)
        total = shares.sum(axis=1, keepdims=True)
        shares /= np.maximum(total, total == 0, out=total)
        return shares

    def _scatter(self, out: Array, weights: Array, rows: slice) -> None:
        """Sum the weights by symbol."""
        m, classes = weights.shape[2], out.shape[2]
        step, flat = max(1, SCATTERED // (m * classes)), self.flat[:, rows] - rows.start * classes
        for t in range(0, len(out), step):
            some = weights[t : t + step]
            where = np.arange(len(some))[:, None, None] * (m * classes) + flat
            out[t : t + step, rows] = np.bincount(where.ravel(), some.ravel(), len(some) * m * classes).reshape(len(some), m, classes)


def log_sum_of_three(terms: Array, below: Array, top: Array, low: Array, out: Array) -> None:
    """Return the log of the sum of three e^term; terms small relative to the largest keep their digits. below (2, ...) and top: room for temporaries."""
    np.maximum(terms[0], terms[1], out=top)
    np.minimum(terms[0], terms[1], out=below[0])
    np.minimum(top, terms[2], out=below[1])
    np.maximum(top, terms[2], out=top)
    below -= np.maximum(top, low, out=terms[0])
    np.exp(below, out=below)
    np.add(below[0], below[1], out=out)
    np.log1p(out, out=out)
    out += top
