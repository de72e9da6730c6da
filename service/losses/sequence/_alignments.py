"""Sums over all alignments of symbols to frames for CTC: a recursion over the frames with a few NumPy calls per step.

Arrays are (places, samples), so that samples are contiguous. `forward` has two rows of -infinity before the places, so that the sources one
and two places before are views of it. Everything that does not depend on the previous frame (the scores along the path, the shares of the backward pass,
the gradient of the scores) is done for a segment of frames at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from service.losses.numerics import Array

BLOCK = 1 << 13  # places of all samples processed together
SEGMENT = 1 << 15  # places of all frames of a segment, unless that is fewer than sqrt(t) frames; 2^16 to 2^18 are up to 1.5 times slower
KEPT = 1 << 22  # places of all frames of all samples that are kept for the gradient; beyond, segments are computed again
SCATTERED = 1 << 17  # elements of the gradient at a time


class Alignments:
    """Sums over the alignments of all samples, in blocks of samples.

    scores (t, n, c); path (places, n): the symbols, with blanks around them; skips: where a path may come from two places before;
    ends (n,): the last place of each sample; lengths (n,): its number of frames.
    """

    def __init__(self, scores: Array, path: Array, skips: Array, ends: Array, lengths: Array) -> None:
        frames, n, classes = scores.shape
        self.scores = scores
        flat = np.arange(n) * classes + path
        allowed = np.zeros((3, *path.shape), scores.dtype)
        allowed[2][~skips] = -np.inf
        step, kept = max(1, BLOCK // len(path)), frames * path.size <= KEPT
        blocks = (slice(start, start + step) for start in range(0, max(1, n), step))
        self.blocks = [(rows, _Block(scores, flat[:, rows], allowed[..., rows], ends[rows], lengths[rows], kept)) for rows in blocks]

    def last(self) -> tuple[Array, Array]:
        """Return each sample's sums (places, n) at its last frame, and the logs subtracted up to there (n,)."""
        sums, taken = zip(*((block.sums, block.total()) for _, block in self.blocks), strict=True)
        return np.concatenate(sums, axis=1), np.concatenate(taken)

    def pull(self, start: Array, upstream: Array) -> Array:
        """Pull back to the scores, from shares `start` (places, n) of each sample's sums at its last frame, and a cotangent (n,) of their log."""
        out = np.empty_like(self.scores)
        for rows, block in self.blocks:
            cotangent = upstream[rows].astype(out.dtype, copy=False)
            for at, weights in block.weights(start[:, rows]):
                weights *= cotangent
                _scatter(out[at, rows], weights, block.flat - rows.start * out.shape[2])
        return out


class _Block:
    """Logs of the summed paths to each place of some samples, minus each frame's largest, in segments of frames.

    forward of a segment (1 + frames, 2 + places, m) begins with the frame before the segment: in front of the first frame all paths are at place 0.
    Only that frame is kept of each segment, unless `kept`: then the memory is places * sqrt(t) numbers instead of places * t.
    sums (places, m): those of each sample's last frame; taken (t, m): the logs subtracted.
    """

    def __init__(self, scores: Array, flat: Array, allowed: Array, ends: Array, lengths: Array, kept: bool) -> None:
        frames, self.scores, self.flat, self.allowed, self.ends, self.lengths = len(scores), scores, flat, allowed, ends, lengths
        self.low = scores.dtype.type(np.finfo(scores.dtype).min)  # subtracted in place of -infinity
        self.step = max(math.isqrt(frames) + 1, SEGMENT // max(1, flat.size))
        self.taken, self.sums = np.empty((frames, flat.shape[1])), np.full(flat.shape, -np.inf, scores.dtype)
        self.sums[:1] = 0.0  # without frames only an empty target is possible
        before = np.full((1, 2 + len(flat), flat.shape[1]), -np.inf, scores.dtype)
        before[:, 2] = 0.0
        self.kept: list[Array] = []
        for start in range(0, frames, self.step):
            forward = self._forward(start, before)
            self.kept.append(forward if kept else before)
            before = forward[-1:].copy()
            ended = np.flatnonzero((start < lengths) & (lengths < start + len(forward)))
            self.sums[:, ended] = forward[lengths[ended] - start, 2:, ended].T

    def total(self) -> Array:
        """Return the logs subtracted up to each sample's last frame (m,)."""
        return np.where(np.arange(len(self.taken))[:, None] < self.lengths, self.taken, 0.0).sum(axis=0)

    def _scores(self, start: int, end: int) -> Array:
        """Return the scores along the path, -infinity where no path goes or none reaches the end."""
        here = self.scores[start:end].reshape(end - start, -1).take(self.flat, axis=1)
        place, t = np.arange(len(self.flat))[:, None], np.arange(start, end)[:, None, None]
        last = np.minimum(self.ends, 2 * t + 1)  # and the first one:
        here[(place > last) | (place < (self.ends - 1 - 2 * (self.lengths - 1)) + 2 * t)] = -np.inf
        return here

    def _forward(self, start: int, before: Array) -> Array:
        end = min(start + self.step, len(self.scores))
        here = self._scores(start, end)
        taken = np.maximum(here.max(axis=1), self.low)
        here -= taken[:, None]
        forward = np.empty((1 + len(here), *before.shape[1:]), before.dtype)
        forward[:1], forward[1:, :2] = before, -np.inf
        sources, tops = self._sources(forward), np.empty_like(taken)
        ways, below, top = np.empty_like(self.allowed), np.empty_like(self.allowed[:2]), np.empty_like(self.allowed[0])
        for t in range(len(here)):
            now = forward[t + 1, 2:]
            np.add(sources[t], self.allowed, out=ways)
            log_sum_of_three(ways, below, top, self.low, out=now)
            now += here[t]
            now -= np.maximum.reduce(now, axis=0, out=tops[t], initial=self.low)
        np.add(taken, tops, out=self.taken[start:end])
        return forward

    def _sources(self, forward: Array) -> Array:
        """View the sums 0, 1 and 2 places before each place of the next frame, (frames, 3, places, m)."""
        at = forward.strides
        return as_strided(forward[:-1, 2:], (len(forward) - 1, 3, *self.flat.shape), (at[0], -at[1], at[1], at[2]))

    def weights(self, start: Array) -> Iterator[tuple[slice, Array]]:
        """Yield the shares of all places at the frames of each segment (frames, places, m); each share is distributed among its sources."""
        places, moved = len(start), np.zeros((3, len(start) + 2, start.shape[1]), start.dtype)
        at = moved.strides
        arriving = as_strided(moved, (3, *start.shape), (at[0] + at[1], at[1], at[2]))  # each part at its source
        carried = np.zeros_like(start)
        for first in reversed(range(0, len(self.scores), self.step)):
            forward = self.kept[first // self.step]
            shares = self._shares(self._forward(first, forward) if len(forward) == 1 else forward)
            weights = np.empty((len(shares) + 1, *start.shape), start.dtype)
            weights[-1] = carried
            ending = np.arange(first, first + len(shares))[:, None] == self.lengths - 1
            for t, ended in reversed(list(enumerate(ending.any(axis=1)))):
                if ended:
                    np.copyto(weights[t + 1], start, where=ending[t])
                np.multiply(shares[t], weights[t + 1], out=moved[:, :places])
                np.add.reduce(arriving, axis=0, out=weights[t])
            carried = weights[0].copy()
            yield slice(first, first + len(shares)), weights[1:]

    def _shares(self, forward: Array) -> Array:
        """Return the shares of the sources 0, 1 and 2 places before in each place of the next frame, (frames, 3, places, m)."""
        shares = self._sources(forward) + self.allowed
        shares -= np.maximum(shares.max(axis=1, keepdims=True), self.low)
        np.exp(shares, out=shares)
        total = shares.sum(axis=1, keepdims=True)
        shares /= np.maximum(total, total == 0, out=total)
        return shares


def _scatter(out: Array, weights: Array, flat: Array) -> None:
    """Sum the weights (frames, places, m) by symbol into out (frames, m, c)."""
    m, classes = out.shape[1:]
    step = max(1, SCATTERED // (m * classes))
    for t in range(0, len(out), step):
        some = weights[t : t + step]
        where = np.arange(len(some))[:, None, None] * (m * classes) + flat
        out[t : t + step] = np.bincount(where.ravel(), some.ravel(), len(some) * m * classes).reshape(len(some), m, classes)


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
