from __future__ import annotations

from mpmath import mp

from tests.losses.truth.sequence._shared import surprise_of_sequence


def soft_dtw(predictions, labels, gamma):
    return [_soft_dtw(x, y, gamma) for x, y in zip(predictions, labels, strict=True)], [mp.mpf(1)] * len(predictions)


def soft_dtw_divergence(predictions, labels, gamma):
    losses = []
    for x, y in zip(predictions, labels, strict=True):
        losses.append(_soft_dtw(x, y, gamma) - (_soft_dtw(x, x, gamma) + _soft_dtw(y, y, gamma)) / 2)
    return losses, [mp.mpf(1)] * len(predictions)


def _soft_dtw(x, y, gamma):
    def paths(x, y, i, j, cost):
        cost = cost + mp.fsum((a - b) ** 2 for a, b in zip(x[i], y[j], strict=True))
        if i == len(x) - 1 and j == len(y) - 1:
            yield cost
        for di, dj in ((1, 0), (0, 1), (1, 1)):
            if i + di < len(x) and j + dj < len(y):
                yield from paths(x, y, i + di, j + dj, cost)

    return gamma * surprise_of_sequence([-cost / gamma for cost in paths(x, y, 0, 0, mp.mpf(0))])
