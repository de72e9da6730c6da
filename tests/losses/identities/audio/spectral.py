from __future__ import annotations

from typing import Any

import numpy as np
import scipy.signal
from numpy.random import Generator

from service.losses import LOSSES

SIZES, HOPS, LENGTHS = (np.array(x) for x in ([16, 12, 7], [4, 5, 2], [16, 9, 6]))


def value(*tensors: Any, **options: Any) -> Any:
    return LOSSES["multi_resolution_stft"](*tensors, **options).numerator


def resolutions(at: slice = slice(None)) -> dict[str, Any]:
    return {"fft_sizes": SIZES[at], "hop_sizes": HOPS[at], "win_lengths": LENGTHS[at]}


def waves(rng: Generator) -> Any:
    return rng.normal(size=(2, 3, 50))


def _scipy(rng: Generator) -> Any:
    """The magnitudes of scipy.signal, whose window is over the whole frame."""
    x, y = waves(rng)
    transform = scipy.signal.ShortTimeFFT(scipy.signal.windows.hann(16, sym=False), hop=4, fs=1.0)
    a, b = (np.abs(transform.stft(np.pad(z, ((0, 0), (8, 8)), mode="reflect"), p0=2, p1=2 + 13)) for z in (x, y))
    apart = np.linalg.norm(a - b, axis=(1, 2)) / np.linalg.norm(b, axis=(1, 2))
    expected = apart + np.abs(np.log(a / b)).mean(axis=(1, 2)) + 0.5 * np.abs(a - b).mean(axis=(1, 2))
    return value(x, y, fft_sizes=np.array([16]), w_lin_mag=0.5, eps=1e-30), expected


def _averaged(rng: Generator) -> Any:
    x, y = waves(rng)
    return value(x, y, **resolutions()), np.mean([value(x, y, **resolutions(slice(k, k + 1))) for k in range(3)], axis=0)


def _one_signal(rng: Generator) -> Any:
    x, y = waves(rng)[:, :1]
    return value(x, y, **resolutions()), value(x, y, norms_over="batch", **resolutions())


def _louder(rng: Generator) -> Any:
    """Magnitudes doubled: a convergence of 1, and log-magnitudes that differ by log 2."""
    _, y = waves(rng)
    return value(2.0 * y, y, **resolutions(), eps=1e-30), np.full(3, 1.0 + np.log(2.0))


def _energy(rng: Generator) -> Any:
    """The linear term of a signal against silence is its mean magnitude; an impulse has the window's magnitudes everywhere."""
    x = np.zeros((1, 8))
    x[0, 4] = 1.0
    given = {"fft_sizes": np.array([4]), "hop_sizes": np.array([4]), "w_sc": 0.0, "w_log_mag": 0.0, "w_lin_mag": 1.0, "eps": 1e-30}
    return value(x, np.zeros((1, 8)), **given), np.array([1.0 / 3.0])


IDENTITIES = [
    ("multi_resolution_stft has the spectra of scipy.signal", _scipy),
    ("multi_resolution_stft is the mean over its resolutions", _averaged),
    ("multi_resolution_stft of one signal has the norms of the batch", _one_signal),
    ("multi_resolution_stft of a signal twice as loud", _louder),
    ("multi_resolution_stft of an impulse against silence", _energy),
]
