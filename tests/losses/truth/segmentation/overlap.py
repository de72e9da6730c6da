from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO
from tests.losses.truth._shared import included
from tests.losses.truth.segmentation._shared import as_masks, probabilities


def _rows(p, t, kept, batch):
    """Rows of lists of the included (p, t) of each class."""
    samples = [list(range(len(p)))] if batch else [[i] for i in range(len(p))]
    return [[_included(p[row, c], t[row, c], kept[row, c]) for c in range(p.shape[1])] for row in samples]


def _included(p, t, kept):
    here = np.ravel(kept)
    return np.ravel(p)[here], np.ravel(t)[here]


def _over(numerator, denominator):
    return numerator / denominator if denominator else (ZERO if not numerator else mp.inf * numerator)


def _by_class(score, predictions, labels, activation, batch, weight, include_background, mask, ignore_index, classes_are="apart", absent="as_is"):
    p = probabilities(predictions, activation)
    t, kept = as_masks(labels, p), included(p, labels, ignore_index, mask)
    first = 0 if include_background or p.shape[1] == 1 else 1
    rows = _rows(p, t, kept, batch)
    if classes_are == "together":
        rows = [[tuple(np.concatenate(parts) for parts in zip(*row[first:], strict=True))] for row in rows]
        first = 0
    numerators, divisors = [], []
    for row in rows:
        total, divisor = ZERO, ZERO
        for c in range(first, len(row)):
            there, size = bool(row[c][1].sum()), len(row[c][0])
            if size and (there or absent != "leave_out"):
                divisor += 1
                if (weight is None or weight[c]) and (there or absent == "as_is"):
                    total += score(*row[c]) * (1 if weight is None else weight[c])
        numerators.append(total)
        divisors.append(divisor)
    return numerators, divisors


def _common(p, t, intersection):
    return np.minimum(p, t) if intersection == "minimum" else p * t


def _dice(p, t, smooth_nr, smooth_dr, squared_pred=False, intersection="product"):
    below = (p * p + t * t if squared_pred else p + t).sum() + smooth_dr
    return _over(below - 2 * (p * t if squared_pred else _common(p, t, intersection)).sum() - smooth_nr, below)


def _tversky(p, t, alpha, beta, smooth_nr, smooth_dr, intersection):
    both = _common(p, t, intersection)
    tp, fp, fn = both.sum(), (p - both).sum(), (t - both).sum()
    below = tp + alpha * fp + beta * fn + smooth_dr
    return _over(below - tp - smooth_nr, below)


def dice(predictions, labels, smooth_nr, smooth_dr, squared_pred, intersection="product", **regions):
    def score(p, t):
        return _dice(p, t, smooth_nr, smooth_dr, squared_pred, intersection)

    return _by_class(score, predictions, labels, **regions)


def jaccard(predictions, labels, smooth_nr, smooth_dr, intersection, **regions):
    def score(p, t):
        both = _common(p, t, intersection)
        below = (p + t - both).sum() + smooth_dr
        return _over(below - both.sum() - smooth_nr, below)

    return _by_class(score, predictions, labels, **regions)


def tversky(predictions, labels, alpha, beta, smooth_nr, smooth_dr, intersection, **regions):
    def score(p, t):
        return _tversky(p, t, alpha, beta, smooth_nr, smooth_dr, intersection)

    return _by_class(score, predictions, labels, **regions)


def focal_tversky(predictions, labels, alpha, beta, gamma, exponent, smooth_nr, smooth_dr, intersection, **regions):
    def score(p, t):
        value = _tversky(p, t, alpha, beta, smooth_nr, smooth_dr, intersection)
        return value ** (gamma if exponent == "gamma" else 1 / gamma) if value > 0 else ZERO

    return _by_class(score, predictions, labels, **regions)


def log_cosh_dice(predictions, labels, smooth_nr, smooth_dr, **regions):
    def score(p, t):
        return mp.log(mp.cosh(_dice(p, t, smooth_nr, smooth_dr)))

    return _by_class(score, predictions, labels, **regions)


def generalized_dice(predictions, labels, activation, convention, weighting, smooth_nr, smooth_dr, include_background, batch, mask, ignore_index):
    p = probabilities(predictions, activation)
    t, kept = as_masks(labels, p), included(p, labels, ignore_index, mask)
    t = np.where(kept, t, ZERO)
    first = 0 if include_background or p.shape[1] == 1 else 1
    classes = range(first, p.shape[1])
    if convention == "optax":
        weights = [1 / (t[:, c].sum() ** 2 + mp.mpf(1e-7)) for c in range(p.shape[1])]
        scale = p.shape[1] / mp.fsum(weights)
        rows = [[(weights[c], row[c]) for c in classes if len(row[c][0])] for row in _rows(p, t, kept, False)]
        return [mp.fsum(scale * w * _dice(p, t, smooth_nr, smooth_dr) for w, (p, t) in row) for row in rows], [mp.mpf(len(row)) for row in rows]
    numerators, divisors = [], []
    for row in _rows(p, t, kept, batch):
        divisors.append(ONE if any(len(row[c][0]) for c in classes) else ZERO)
        sizes = [row[c][1].sum() for c in classes]
        power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
        finite = [1 / s**power for s in sizes if s or not power]
        weights = [1 / s**power if s or not power else max(finite, default=ZERO) for s in sizes]
        tp = mp.fsum(w * (row[c][0] * row[c][1]).sum() for w, c in zip(weights, classes, strict=True))
        both = mp.fsum(w * (row[c][0] + row[c][1]).sum() for w, c in zip(weights, classes, strict=True))
        numerators.append(divisors[-1] * _over(both + smooth_dr - 2 * tp - smooth_nr, both + smooth_dr))
    return numerators, divisors


def mcc(predictions, labels, **regions):
    def score(p, t):
        tp, tn, fp, fn = (p * t).sum(), ((1 - p) * (1 - t)).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum()
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return 1 - (tp * tn - fp * fn) / mp.sqrt(product) if product else ONE

    return _by_class(score, predictions, labels, **regions)
