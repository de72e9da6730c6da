from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import log, remembering

ZERO, ONE = mp.mpf(0), mp.mpf(1)
FIVE_SCALES = ("0.0448", "0.2856", "0.3001", "0.2363", "0.1333")


@remembering
def _window(size, sigma):
    raised = [mp.exp(-(((k - mp.mpf(size - 1) / 2) / sigma) ** 2) / 2) for k in range(size)]
    line = np.array([r / mp.fsum(raised) for r in raised], dtype=object)
    return line[:, None] * line[None, :]


def _over(a, b):
    return a / b if b else ZERO


@remembering
def _moments(a, size, sigma):
    """Mean and mean square of one window's pixels."""
    weights, a = _window(size, sigma).ravel(), np.array(a, dtype=object)
    return (weights * a).sum(), (weights * a * a).sum()


@remembering
def _term(a, b, size, sigma, c1, c2):
    """Of one window, whose pixels in a row are a and b."""
    (ma, ma2), (mb, mb2) = _moments(a, size, sigma), _moments(b, size, sigma)
    va, vb = ma2 - ma**2, mb2 - mb**2
    cov = (_window(size, sigma).ravel() * np.array(a, dtype=object) * np.array(b, dtype=object)).sum() - ma * mb
    light = 1 - _over((ma - mb) ** 2, ma**2 + mb**2 + c1)
    structure = 1 - _over(va + vb - 2 * cov, va + vb + c2)
    return 1 - light * structure, 1 - structure


def _terms(x, y, size, sigma, c1, c2):
    """(1 - luminance term * contrast-structure term, 1 - contrast-structure term) of every window."""
    places = [(slice(i, i + size), slice(j, j + size)) for i in range(x.shape[0] - size + 1) for j in range(x.shape[1] - size + 1)]
    return [_term(tuple(x[at].ravel()), tuple(y[at].ravel()), size, sigma, c1, c2) for at in places]


def _constants(data_range, k1, k2):
    return (k1 * data_range) ** 2, (k2 * data_range) ** 2


def ssim(predictions, labels, window_size, sigma, data_range, k1, k2, convention):
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
    h, w = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
    return (x[0:h:2, 0:w:2] + x[1:h:2, 0:w:2] + x[0:h:2, 1:w:2] + x[1:h:2, 1:w:2]) / 4


def ms_ssim(predictions, labels, scale_weight, window_size, sigma, data_range, k1, k2):
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


def total_variation(predictions):
    return [abs(np.diff(x, axis=1)).sum() + abs(np.diff(x, axis=2)).sum() + ZERO for x in predictions], [ONE] * len(predictions)


def scale_invariant_log(predictions, labels, variance_focus):
    numerators = []
    for x, y in zip(predictions, labels, strict=True):
        d = np.ravel(log(x) - log(y))
        numerators.append((d * d).sum() / len(d) - variance_focus * (d.sum() / len(d)) ** 2)
    return numerators, [ONE] * len(numerators)


def si_sdr(predictions, labels):
    found = []
    for p, t in zip(predictions, labels, strict=True):
        along = mp.fsum(a * b for a, b in zip(p, t, strict=True)) ** 2
        across = mp.fsum((p[i] * t[j] - p[j] * t[i]) ** 2 for i in range(len(p)) for j in range(i))  # Lagrange: |p|^2 |t|^2 - (p . t)^2
        found.append(10 * mp.log(across / along, 10) if across and along else mp.inf if across or not any(p) or not any(t) else -mp.inf)
    return found


def _steps(x):
    down = [(abs(x[..., i + 1, j] - x[..., i, j])) for i in range(x.shape[-2] - 1) for j in range(x.shape[-1])]
    across = [(abs(x[..., i, j + 1] - x[..., i, j])) for i in range(x.shape[-2]) for j in range(x.shape[-1] - 1)]
    return down, across


def gradient_difference(predictions, labels, alpha):
    found = []
    for x, t in zip(predictions, labels, strict=True):
        parts = [
            abs(a - b)
            for one, other in zip(_steps(x), _steps(t), strict=True)
            for u, v in zip(one, other, strict=True)
            for a, b in zip(u, v, strict=True)
        ]
        found.append(mp.fsum(part**alpha for part in parts))
    return found, [ONE] * len(found)


def inverse_depth_smoothness(predictions, image):
    found = []
    for depth, picture in zip(predictions[:, 0], image, strict=True):
        total = ZERO
        for steps, edges in zip(_steps(depth), _steps(picture), strict=True):
            terms = [step * mp.exp(-mp.fsum(edge) / len(edge)) for step, edge in zip(steps, edges, strict=True)]
            total += mp.fsum(terms) / len(terms) if terms else ZERO
        found.append(total)
    return found, [ONE] * len(found)
