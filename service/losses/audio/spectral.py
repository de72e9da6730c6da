"""Losses of the magnitudes of short-time Fourier transforms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import annotated_types
import numpy as np

from service.losses.audio._shared import WaveLabels, Waves
from service.losses.declaration import Bound, Domain, NonNegative, Positive, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, in_float64
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK, divide_or_zero
from service.losses.numerics.vectors import norms
from service.losses.registry import loss

COUNTS = Domain(low=1)
MOST_RESOLUTIONS = 64
MOST_OVERLAP = 16  # frames that share a sample, which bounds the cost of a call by its inputs' sizes
Sizes = Annotated[
    Array,
    TensorSpec("r", kind="integer", domain=COUNTS, description="FFT size of each resolution, at most 64 of them; by default 1024, 2048 and 512"),
]
Hops = Annotated[
    Array,
    TensorSpec(
        "r",
        kind="integer",
        domain=COUNTS,
        description="samples between frames, at least a sixteenth of the FFT size; by default 120, 240 and 50, or a quarter of each given FFT size",
    ),
]
Windows = Annotated[
    Array,
    TensorSpec("r", kind="integer", domain=COUNTS, description="length of each Hann window; by default 600, 1200 and 240, or each given FFT size"),
]
SPECTRA = Bound(
    1e-12, 1e-10, "a transform is rounded relative to its largest magnitude, of which smaller ones are sums that cancel", "call", "tensor"
)
DEFAULTS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))


@dataclass(frozen=True)
class Transform:
    """Short-time Fourier transform of some signals with centered frames and reflection at the ends, as torch.stft's."""

    size: int
    hop: int
    window: Array

    @classmethod
    def of(cls, size: int, hop: int, length: int) -> Transform:
        """Build a transform with a periodic Hann window, whose zeros on both sides fill the frame."""
        window = np.zeros(size)
        left = (size - length) // 2
        window[left : left + length] = np.sin(np.pi * np.arange(length) / length) ** 2 if length > 1 else 1.0
        return cls(size, hop, window)

    @property
    def margin(self) -> int:
        """Samples added at each end."""
        return self.size // 2

    def padded(self, x: Array) -> Array:
        """Reflect the signals (n, t) at their ends."""
        return np.pad(x, ((0, 0), (self.margin, self.margin)), mode="reflect")

    def unpadded(self, slopes: Array) -> Array:
        """Apply the transpose of `padded`."""
        by = self.margin
        out: Array = slopes[:, by : slopes.shape[1] - by].copy()
        if by:
            out[:, 1 : by + 1] += slopes[:, by - 1 :: -1]
            out[:, -by - 1 : -1] += slopes[:, : -by - 1 : -1]
        return out

    def frames(self, padded: Array) -> Array:
        """View the frames (n, f, size) of padded signals, which are contiguous."""
        count, (row, sample) = 1 + (padded.shape[1] - self.size) // self.hop, padded.strides
        return np.ndarray((len(padded), count, self.size), padded.dtype, padded, strides=(row, self.hop * sample, sample))

    def spectra(self, frames: Array) -> Array:
        """Return the coefficients of the frequencies from 0 to half the sampling rate (n, f, k)."""
        return np.fft.rfft(frames * self.window)

    def add_slopes(self, slopes: Array, start: int, out: Array) -> None:
        """Add the transpose of `spectra`, of slopes (n, f, k) by real plus i times those by imaginary parts, from frame `start` on."""
        slopes[..., 1 : (self.size + 1) // 2] *= 0.5  # irfft counts them twice
        pulled = np.fft.irfft(slopes, self.size) * (self.size * self.window)
        frames = self.frames(out)[:, start : start + pulled.shape[1]]
        for at in range(0, self.size, self.hop):  # at most MOST_OVERLAP pieces; those of different frames do not overlap
            frames[..., at : at + self.hop] += pulled[..., at : at + self.hop]

    def blocks(self, n: int, count: int) -> Iterator[tuple[slice, slice]]:
        """Yield samples and frames in blocks that fit in a core's cache."""
        few, some = max(1, BLOCK // (count * self.size)), max(1, BLOCK // self.size)
        for row in range(0, n, few):
            for start in range(0, count, some):
                yield slice(row, row + few), slice(start, min(start + some, count))


class Weights(NamedTuple):
    """Weights of spectral convergence, and of absolute differences of log-magnitudes and magnitudes."""

    convergence: float
    log_magnitude: float
    magnitude: float


class Magnitudes:
    """Magnitudes of signals x and y (n, t) at one resolution: the terms (n,), and their slopes by either signal.

    whole_batch: the norms are those of the batch, so that every signal has the same spectral convergence.
    """

    def __init__(self, transform: Transform, x: Array, y: Array, floor: float, whole_batch: bool) -> None:
        self.transform, self.floor, self.whole_batch = transform, floor, whole_batch
        self.sides = x, y
        padded = [transform.padded(side) for side in self.sides]
        self.shape = transform.frames(padded[0]).shape
        self.count = self.shape[1] * (transform.size // 2 + 1)
        self.apart, self.whole, logs, differences = np.zeros((4, len(x)))
        for rows, some in transform.blocks(*self.shape[:2]):
            (_, a), (_, b) = (self._magnitudes(side[rows], some) for side in padded)
            gap = a - b
            self.apart[rows] = np.hypot(self.apart[rows], norms(gap.reshape(len(gap), -1)))
            self.whole[rows] = np.hypot(self.whole[rows], norms(b.reshape(len(b), -1)))
            logs[rows] += np.abs(np.log(a / b)).sum(axis=(1, 2))
            differences[rows] += np.abs(gap).sum(axis=(1, 2))
        if whole_batch:
            self.apart, self.whole = (np.full(len(x), norms(norm[None])) for norm in (self.apart, self.whole))
        self.convergence, self.log_magnitude, self.magnitude = self.apart / self.whole, logs / self.count, differences / self.count

    def _magnitudes(self, padded: Array, some: slice) -> tuple[Array, Array]:
        """Return spectra of some frames and their magnitudes, at least the floor."""
        spectra = self.transform.spectra(self.transform.frames(padded)[:, some])
        return spectra, np.maximum(np.abs(spectra), self.floor)

    def slopes(self, side: int, weights: Weights, c: Array) -> Array:
        """Return the derivative of the weighted terms, times a cotangent (n,), by one of the signals (n, t)."""
        of_norms = np.full(len(c), c.sum()) if self.whole_batch else c
        padded = [self.transform.padded(each) for each in self.sides]
        out = np.zeros_like(padded[side])
        for rows, some in self.transform.blocks(*self.shape[:2]):
            found = [self._magnitudes(each[rows], some) for each in padded]
            spectra, size = found[side]
            by_norms, by_each = self._steep(side, found[0][1], found[1][1], rows, weights)
            steep = of_norms[rows, None, None] * by_norms + c[rows, None, None] * by_each
            self.transform.add_slopes(np.where(size > self.floor, spectra / size * steep, 0.0), some.start, out[rows])
        return self.transform.unpadded(out)

    def _steep(self, side: int, a: Array, b: Array, rows: slice, weights: Weights) -> tuple[Array, Array]:
        """Return the derivatives by the magnitudes: of the spectral convergence, and of the differences."""
        apart, whole = self.apart[rows, None, None], self.whole[rows, None, None]
        gap = a - b if side == 0 else b - a
        unit = divide_or_zero(gap, apart)
        if side:
            unit -= b / whole * (apart / whole)
        sign = np.sign(gap) / self.count
        return weights.convergence * (unit / whole), sign * (weights.log_magnitude / (b if side else a) + weights.magnitude)


@loss(
    example={
        "predictions": [[0.1, -0.4, 0.3, 0.2, -0.1, 0.5, 0.0, -0.2]],
        "labels": [[0.2, -0.5, 0.2, 0.1, -0.1, 0.4, 0.1, -0.3]],
        "fft_sizes": [4, 8],
        "hop_sizes": [1, 2],
        "win_lengths": [4, 6],
    },
    merges={"norms_over": "signal"},
    bound=SPECTRA,
    work=Work("4000 n t + 3000 n t r + 1000000 r", "200 n t + 60 n r + 20 r t + 20000 r"),
)
@in_float64
def multi_resolution_stft(
    predictions: Waves,
    labels: WaveLabels,
    *,
    fft_sizes: Sizes | None = None,
    hop_sizes: Hops | None = None,
    win_lengths: Windows | None = None,
    w_sc: NonNegative = 1.0,
    w_log_mag: NonNegative = 1.0,
    w_lin_mag: NonNegative = 0.0,
    eps: Positive = 1e-8,
    norms_over: Annotated[
        Literal["signal", "batch"], annotated_types.doc("part of the batch whose norms the spectral convergence divides.")
    ] = "signal",
) -> Evaluation:
    r"""Multi-resolution STFT loss: spectral convergence and absolute difference of log-magnitudes, averaged over resolutions.

    Each short-time Fourier transform has a periodic Hann window and centered frames with reflection at the ends, as torch.stft. Magnitudes below
    the square root of eps count as that, with the gradient 0. Conventions are those of auraloss, whose channels are further signals here: version 0.4
    divides norms over the batch, later code those of each signal. Parallel WaveGAN has eps = 1e-7 and norms over the batch. `parts` returns the
    unweighted terms.

    Use: Waveform generation by vocoders, speech enhancement and audio effects, where magnitudes matter more than phases.
    Formula: \ell = \frac{1}{M} \sum_m \left( w_{sc} \frac{\left\| |S_m t| - |S_m p| \right\|_F}{\left\| |S_m t| \right\|_F} + \frac{w_{log}}{N_m} \left\| \log |S_m t| - \log |S_m p| \right\|_1 + \frac{w_{lin}}{N_m} \left\| |S_m t| - |S_m p| \right\|_1 \right)
    Where: p `predictions`; t `labels`; S_m the transform of a resolution; N_m its number of magnitudes; M the number of resolutions
    w_sc: weight of the spectral convergence.
    w_log_mag: weight of the log-magnitudes.
    w_lin_mag: weight of the magnitudes.
    eps: smallest squared magnitude.
    Divisor: the number of signals
    Synonyms: MultiResolutionSTFTLoss, STFTLoss, mrstft, stft_loss, spectral_convergence, SpectralConvergenceLoss, MultiScaleSpectralLoss
    Search: spectrogram, vocoder
    Reference: Yamamoto, Song and Kim, Parallel WaveGAN, 2020, arXiv:1910.11480, equations 3 to 6; Steinmetz and Reiss, auraloss, 2020
    """
    weights = Weights(w_sc, w_log_mag, w_lin_mag)
    transforms = [Transform.of(*each) for each in _resolutions(predictions.shape[1], fft_sizes, hop_sizes, win_lengths)]
    found = [Magnitudes(transform, predictions, labels, float(np.sqrt(eps)), norms_over == "batch") for transform in transforms]
    parts = {
        "spectral_convergence": sum((each.convergence for each in found), np.zeros(len(labels))) / len(found),
        "log_magnitude": sum((each.log_magnitude for each in found), np.zeros(len(labels))) / len(found),
        "magnitude": sum((each.magnitude for each in found), np.zeros(len(labels))) / len(found),
    }
    numerator = sum((weight * part for weight, part in zip(weights, parts.values(), strict=True) if weight), np.zeros(len(labels)))

    def pulled(side: int) -> Pullback:
        def pullback(c: Array) -> Array:
            return sum((each.slopes(side, weights, c / len(found)) for each in found), np.zeros_like(labels))

        return pullback

    gradients = {"predictions": pulled(0), "labels": pulled(1)}
    return Evaluation(numerator, np.ones(len(labels)), gradients, lambda: numerator, parts=parts)


def _resolutions(samples: int, fft_sizes: Array | None, hop_sizes: Array | None, win_lengths: Array | None) -> list[tuple[int, int, int]]:
    """Return FFT size, hop and window length of each resolution."""
    sizes, hops, lengths = np.array(DEFAULTS).T
    if fft_sizes is not None:
        sizes, hops, lengths = fft_sizes, np.maximum(fft_sizes // 4, 1), fft_sizes
    for name, given in (("hop_sizes", hop_sizes), ("win_lengths", win_lengths)):
        if given is not None and len(given) != len(sizes):
            raise InvalidTensor(name, f"wrong shape; expected {len(sizes)} resolutions, the default without fft_sizes, got {len(given)}")
    if len(sizes) > MOST_RESOLUTIONS:
        raise InvalidTensor("fft_sizes", f"too many; expected at most {MOST_RESOLUTIONS} resolutions, got {len(sizes)}")
    hops, lengths = hops if hop_sizes is None else hop_sizes, lengths if win_lengths is None else win_lengths
    for m, (size, hop, length) in enumerate(zip(sizes, hops, lengths, strict=True)):
        if size // 2 >= samples:
            raise InvalidTensor("predictions", f"signals too short; expected more than {size // 2} samples for the FFT size {size}, got {samples}")
        if hop * MOST_OVERLAP < size:
            raise InvalidTensor("hop_sizes", f"too small; expected at least 1/{MOST_OVERLAP} of the FFT size {size}, got {hop}", (m,))
        if length > size:
            raise InvalidTensor("win_lengths", f"too large; expected at most the FFT size {size}, got {length}", (m,))
    return [(int(size), int(hop), int(length)) for size, hop, length in zip(sizes, hops, lengths, strict=True)]
