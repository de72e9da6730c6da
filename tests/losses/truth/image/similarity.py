from __future__ import annotations

from functools import reduce

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, remembering
from tests.losses.truth.image._shared import steps_of_image

FIVE_SCALES = ("0.0448", "0.2856", "0.3001", "0.2363", "0.1333")


@remembering
def _window(size, sigma, axes):
    raised = [ONE] * size if sigma is None else [mp.exp(-(((k - mp.mpf(size - 1) / 2) / sigma) ** 2) / 2) for k in range(size)]
    line = np.array([r / mp.fsum(raised) for r in raised], dtype=object)
    return reduce(np.multiply.outer, [line] * axes)


def _over(a, b):
    return a / b if b else ZERO


@remembering
def _moments(a, size, sigma, axes):
    """Mean and mean square of one window's pixels."""
    weights, a = _window(size, sigma, axes).ravel(), np.array(a, dtype=object)
    return (weights * a).sum(), (weights * a * a).sum()


@remembering
def _term(a, b, size, sigma, axes, c1, c2):
    """Of one window, whose pixels in a row are a and b."""
    (ma, ma2), (mb, mb2) = _moments(a, size, sigma, axes), _moments(b, size, sigma, axes)
    va, vb = ma2 - ma**2, mb2 - mb**2
    cov = (_window(size, sigma, axes).ravel() * np.array(a, dtype=object) * np.array(b, dtype=object)).sum() - ma * mb
    light = 1 - _over((ma - mb) ** 2, ma**2 + mb**2 + c1)
    structure = 1 - _over(va + vb - 2 * cov, va + vb + c2)
    return 1 - light * structure, 1 - structure


def _terms(x, y, size, sigma, c1, c2):
    """(1 - luminance term * contrast-structure term, 1 - contrast-structure term) of every window."""
    places = [tuple(slice(i, i + size) for i in at) for at in np.ndindex(*(length - size + 1 for length in x.shape))]
    return [_term(tuple(x[at].ravel()), tuple(y[at].ravel()), size, sigma, x.ndim, c1, c2) for at in places]


def _constants(data_range, k1, k2):
    return (k1 * data_range) ** 2, (k2 * data_range) ** 2


def ssim(predictions, labels, window_size, sigma, data_range, k1, k2, convention, window):
    sigma = None if window == "uniform" else sigma
    numerators, counts = [], []
    for x, y in zip(predictions, labels, strict=True):
        found = []
        for a, b in zip(x, y, strict=True):
            if convention == "kornia":
                a, b = (np.pad(image, window_size // 2, mode="reflect") for image in (a, b))
            found += [term for term, _ in _terms(a, b, window_size, sigma, *_constants(data_range, k1, k2))]
        numerators.append(mp.fsum(found) / (2 if convention == "kornia" else 1))
        counts.append(mp.mpf(len(found)))
    return numerators, counts


def _halved(x):
    for axis, length in enumerate(x.shape):
        x = (np.take(x, range(0, length // 2 * 2, 2), axis) + np.take(x, range(1, length, 2), axis)) / 2
    return x


def ms_ssim(predictions, labels, scale_weight, window_size, sigma, data_range, k1, k2, window):
    sigma = None if window == "uniform" else sigma
    scales = [mp.mpf(float(w)) for w in FIVE_SCALES] if scale_weight is None else list(scale_weight)
    numerators = []
    for x, y in zip(predictions, labels, strict=True):
        total = ZERO
        for a, b in zip(x, y, strict=True):
            product = ONE
            for j, scale in enumerate(scales):
                found = _terms(a, b, window_size, sigma, *_constants(data_range, k1, k2))
                mean = 1 - mp.fsum(pair[0 if j == len(scales) - 1 else 1] for pair in found) / len(found)
                product *= max(mean, ZERO) ** scale if scale else ONE
                a, b = _halved(a), _halved(b)
            total += 1 - product
        numerators.append(total)
    return numerators, [mp.mpf(predictions.shape[1])] * len(numerators)


def psnr(predictions, labels, data_range):
    squares = [((np.ravel(x) - np.ravel(y)) ** 2).sum() / np.size(x) for x, y in zip(predictions, labels, strict=True)]
    return [10 * mp.log(s / data_range**2) / mp.log(10) if s else -mp.inf for s in squares], [ONE] * len(squares)


def gradient_difference(predictions, labels, alpha):
    found = []
    for x, t in zip(predictions, labels, strict=True):
        parts = [
            abs(a - b)
            for one, other in zip(steps_of_image(x), steps_of_image(t), strict=True)
            for u, v in zip(one, other, strict=True)
            for a, b in zip(u, v, strict=True)
        ]
        found.append(mp.fsum(part**alpha for part in parts))
    return found, [ONE] * len(found)
