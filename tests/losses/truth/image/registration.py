from __future__ import annotations

from functools import reduce

import numpy as np
from mpmath import mp

from tests.losses.truth import constant


def _line(kernel, size):
    if kernel == "rectangular":
        return [mp.mpf(1)] * size
    if kernel == "gaussian":
        return [mp.exp(-((mp.mpf(3) * (k - size // 2) / size) ** 2) / 2) for k in range(size)]
    half = (size + 1) // 2 - ((size + 1) // 2 + 1) % 2
    return [max(mp.mpf(half - abs(k - size // 2)), mp.mpf(0)) / half**2 for k in range(size)]


def _moments(a, b, weights):
    total = weights.sum()
    ma, mb = (weights * a).sum() / total, (weights * b).sum() / total
    return (weights * (a - ma) * (b - mb)).sum()


def lncc(predictions, labels, kernel_size, kernel, smooth_nr, smooth_dr, convention):
    line, axes = np.array(_line(kernel, kernel_size), dtype=object), predictions.ndim - 2
    weights = reduce(np.multiply.outer, [line] * axes)
    found = []
    for x, y in zip(predictions, labels, strict=True):
        total = mp.mpf(0)
        for a, b in zip(x, y, strict=True):
            a, b = (np.pad(image, kernel_size // 2, constant_values=mp.mpf(0)) for image in (a, b))
            for at in np.ndindex(x.shape[1:]):
                window = tuple(slice(i, i + kernel_size) for i in at)
                common, one, other = (_moments(u[window], v[window], weights) for u, v in ((a, b), (a, a), (b, b)))
                if convention == "voxelmorph":
                    total -= common**2 / (one * other + smooth_dr)
                else:
                    one, other = (v if constant(v >= smooth_dr) else smooth_dr for v in (one, other))
                    total -= (common**2 + smooth_nr) / (one * other)
        found.append(total)
    return found, [mp.mpf(np.size(x)) for x in predictions]
