from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO
from tests.losses.truth.segmentation._shared import as_masks, probabilities


def _regions(p, t, batch):
    """Rows of lists of (p, t) of each class."""
    classes = range(p.shape[1])
    if batch:
        return [[(p[:, c].ravel(), t[:, c].ravel()) for c in classes]]
    return [[(np.ravel(p[i, c]), np.ravel(t[i, c])) for c in classes] for i in range(len(p))]


def _over(numerator, denominator):
    return numerator / denominator if denominator else (ZERO if not numerator else mp.inf * numerator)


def _by_class(score, predictions, labels, activation, batch, weight, include_background, classes_are="apart"):
    p = probabilities(predictions, activation)
    first = 0 if include_background or p.shape[1] == 1 else 1
    if classes_are == "together":
        p, t = p[:, first:], as_masks(labels, p)[:, first:]
        rows = [(p.ravel(), t.ravel())] if batch else [(np.ravel(p[i]), np.ravel(t[i])) for i in range(len(p))]
        return [score(*row) for row in rows], [ONE] * len(rows)
    numerators = []
    for row in _regions(p, as_masks(labels, p), batch):
        values = [score(*region) if weight is None or weight[c] else ZERO for c, region in enumerate(row)]
        numerators.append(mp.fsum(values[c] * (1 if weight is None else weight[c]) for c in range(first, len(row))))
    return numerators, [mp.mpf(p.shape[1] - first)] * len(numerators)


def _dice(p, t, smooth_nr, smooth_dr, squared_pred=False):
    below = (p * p + t * t if squared_pred else p + t).sum() + smooth_dr
    return _over(below - 2 * (p * t).sum() - smooth_nr, below)


def _tversky(p, t, alpha, beta, smooth_nr, smooth_dr):
    tp, fp, fn = (p * t).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum()
    below = tp + alpha * fp + beta * fn + smooth_dr
    return _over(below - tp - smooth_nr, below)


def dice(predictions, labels, weight, activation, smooth_nr, smooth_dr, squared_pred, include_background, batch, classes_are="apart"):
    def score(p, t):
        return _dice(p, t, smooth_nr, smooth_dr, squared_pred)

    return _by_class(score, predictions, labels, activation, batch, weight, include_background, classes_are)


def jaccard(predictions, labels, weight, activation, smooth_nr, smooth_dr, include_background, batch):
    def score(p, t):
        below = (p + t - p * t).sum() + smooth_dr
        return _over(below - (p * t).sum() - smooth_nr, below)

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)


def tversky(predictions, labels, weight, alpha, beta, activation, smooth_nr, smooth_dr, include_background, batch, classes_are="apart"):
    def score(p, t):
        return _tversky(p, t, alpha, beta, smooth_nr, smooth_dr)

    return _by_class(score, predictions, labels, activation, batch, weight, include_background, classes_are)


def focal_tversky(predictions, labels, weight, alpha, beta, gamma, exponent, activation, smooth_nr, smooth_dr, include_background, batch):
    def score(p, t):
        value = _tversky(p, t, alpha, beta, smooth_nr, smooth_dr)
        return value ** (gamma if exponent == "gamma" else 1 / gamma) if value > 0 else ZERO

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)


def log_cosh_dice(predictions, labels, weight, activation, smooth_nr, smooth_dr, include_background, batch):
    def score(p, t):
        return mp.log(mp.cosh(_dice(p, t, smooth_nr, smooth_dr)))

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)


def generalized_dice(predictions, labels, activation, convention, weighting, smooth_nr, smooth_dr, include_background):
    p = probabilities(predictions, activation)
    t = as_masks(labels, p)
    first = 0 if include_background or p.shape[1] == 1 else 1
    classes = range(first, p.shape[1])
    if convention == "optax":
        weights = [1 / (t[:, c].sum() ** 2 + mp.mpf(1e-7)) for c in range(p.shape[1])]
        scale = p.shape[1] / mp.fsum(weights)
        rows = [mp.fsum(scale * weights[c] * _dice(row[c][0], row[c][1], smooth_nr, smooth_dr) for c in classes) for row in _regions(p, t, False)]
        return rows, [mp.mpf(len(classes))] * len(rows)
    numerators = []
    for row in _regions(p, t, False):
        sizes = [row[c][1].sum() for c in classes]
        power = {"square": 2, "simple": 1, "uniform": 0}[weighting]
        finite = [1 / s**power for s in sizes if s or not power]
        weights = [1 / s**power if s or not power else max(finite, default=ZERO) for s in sizes]
        tp = mp.fsum(w * (row[c][0] * row[c][1]).sum() for w, c in zip(weights, classes, strict=True))
        both = mp.fsum(w * (row[c][0] + row[c][1]).sum() for w, c in zip(weights, classes, strict=True))
        numerators.append(_over(both + smooth_dr - 2 * tp - smooth_nr, both + smooth_dr))
    return numerators, [ONE] * len(numerators)


def mcc(predictions, labels, weight, activation, include_background, batch):
    def score(p, t):
        tp, tn, fp, fn = (p * t).sum(), ((1 - p) * (1 - t)).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum()
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return 1 - (tp * tn - fp * fn) / mp.sqrt(product) if product else ONE

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)
