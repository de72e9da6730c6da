from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import binary, classification, constant, exp, per_sample, sigmoid, softplus

ZERO, ONE = mp.mpf(0), mp.mpf(1)


def _probabilities(predictions, activation):
    if activation == "none":
        return predictions
    if activation == "sigmoid":
        return sigmoid(predictions)
    raised = exp(predictions)
    return raised / raised.sum(axis=1, keepdims=True)


def _masks(labels, like):
    if labels.ndim == like.ndim:
        return labels
    out = np.empty(like.shape, dtype=object)
    for index in np.ndindex(like.shape):
        out[index] = ONE if labels[(index[0], *index[2:])] == index[1] else ZERO
    return out


def _regions(p, t, batch):
    """Rows of lists of (p, t) of each class."""
    classes = range(p.shape[1])
    if batch:
        return [[(p[:, c].ravel(), t[:, c].ravel()) for c in classes]]
    return [[(np.ravel(p[i, c]), np.ravel(t[i, c])) for c in classes] for i in range(len(p))]


def _over(numerator, denominator):
    return numerator / denominator if denominator else (ZERO if not numerator else mp.inf * numerator)


def _by_class(score, predictions, labels, activation, batch, weight, include_background):
    p = _probabilities(predictions, activation)
    first = 0 if include_background or p.shape[1] == 1 else 1
    numerators = []
    for row in _regions(p, _masks(labels, p), batch):
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


def dice(predictions, labels, weight, activation, smooth_nr, smooth_dr, squared_pred, include_background, batch):
    def score(p, t):
        return _dice(p, t, smooth_nr, smooth_dr, squared_pred)

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)


def jaccard(predictions, labels, weight, activation, smooth_nr, smooth_dr, include_background, batch):
    def score(p, t):
        below = (p + t - p * t).sum() + smooth_dr
        return _over(below - (p * t).sum() - smooth_nr, below)

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)


def tversky(predictions, labels, weight, alpha, beta, activation, smooth_nr, smooth_dr, include_background, batch):
    def score(p, t):
        return _tversky(p, t, alpha, beta, smooth_nr, smooth_dr)

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)


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
    p = _probabilities(predictions, activation)
    t = _masks(labels, p)
    first = 0 if include_background or p.shape[1] == 1 else 1
    classes = range(first, p.shape[1])
    if convention == "optax":
        weights = [1 / (t[:, c].sum() ** 2 + mp.mpf(1e-7)) for c in range(p.shape[1])]
        scale = p.shape[1] / mp.fsum(weights)
        rows = [mp.fsum(scale * weights[c] * _dice(*row[c], smooth_nr, smooth_dr) for c in classes) for row in _regions(p, t, False)]
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


def _mean_dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background):
    numerators, counts = dice(predictions, labels, None, activation, smooth_nr, smooth_dr, False, include_background, False)
    return [u / w for u, w in zip(numerators, counts, strict=True)]


def _sum(lambda_dice, region, factor, other, sizes):
    numerators = [lambda_dice * a + (factor * b / s if factor else ZERO) for a, b, s in zip(region, other, sizes, strict=True)]
    return numerators, [ONE] * len(numerators)


def dice_ce(predictions, labels, activation, lambda_dice, lambda_ce, smooth_nr, smooth_dr, include_background):
    region = _mean_dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background)
    size = mp.mpf(int(np.prod(predictions.shape[1:])))
    if activation == "sigmoid":
        entropy = binary.binary_cross_entropy_with_logits(predictions, _masks(labels, predictions), weight=None, pos_weight=None)
        entropy = entropy[0] if isinstance(entropy, tuple) else entropy
    else:
        options = {"weight": None, "ignore_index": -100, "label_smoothing": ZERO, "predictions_are": "logits", "log_base": "e"}
        entropy = classification.cross_entropy(predictions, labels, **options)[0]
        size /= predictions.shape[1]
    return _sum(lambda_dice, region, lambda_ce, entropy, [size] * len(region))


def dice_focal(predictions, labels, activation, gamma, lambda_dice, lambda_focal, smooth_nr, smooth_dr, include_background):
    region = _mean_dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background)
    size = mp.mpf(int(np.prod(predictions.shape[1:])))
    if activation == "sigmoid":
        z, wrong = _masks(labels, predictions), sigmoid(-predictions)
        entropy = z * softplus(-predictions) + (1 - z) * softplus(predictions)
        focal = per_sample((z * wrong + (1 - z) * sigmoid(predictions)) ** gamma * entropy)
    else:
        focal = classification.softmax_focal(predictions, labels, weight=None, gamma=gamma, ignore_index=-100, label_smoothing=ZERO)[0]
        size /= predictions.shape[1]
    return _sum(lambda_dice, region, lambda_focal, focal, [size] * len(region))


def mcc(predictions, labels, weight, activation, include_background, batch):
    def score(p, t):
        tp, tn, fp, fn = (p * t).sum(), ((1 - p) * (1 - t)).sum(), (p * (1 - t)).sum(), ((1 - p) * t).sum()
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return 1 - (tp * tn - fp * fn) / mp.sqrt(product) if product else ONE

    return _by_class(score, predictions, labels, activation, batch, weight, include_background)


def _jaccard_of_mistakes(mistakes, true):
    """The set function that Lovász extends: 1 - |true and not mistaken| / |true or mistaken|."""
    left = sum(1 for i in range(len(true)) if true[i] and i not in mistakes)
    union = sum(1 for i in range(len(true)) if true[i] or i in mistakes)
    return 1 - mp.mpf(left) / union if union else ZERO


def _lovasz(errors, true):
    order = constant(sorted(range(len(errors)), key=lambda i: -errors[i]))
    steps = [_jaccard_of_mistakes(set(order[: k + 1]), true) - _jaccard_of_mistakes(set(order[:k]), true) for k in range(len(order))]
    return mp.fsum(errors[i] * step for i, step in zip(order, steps, strict=True) if errors[i] > 0)


def lovasz_hinge(predictions, labels, batch):
    rows = [(predictions.ravel(), labels.ravel())] if batch else [(np.ravel(x), np.ravel(y)) for x, y in zip(predictions, labels, strict=True)]
    numerators = [_lovasz([1 - (2 * int(t) - 1) * v for v, t in zip(x, y, strict=True)], y) for x, y in rows]
    return numerators, [ONE] * len(numerators)


def lovasz_softmax(predictions, labels, activation, classes, ignore_index, batch):
    p = _probabilities(predictions, activation)
    numerators = []
    for rows in [list(range(len(p)))] if batch else [[i] for i in range(len(p))]:
        found = []
        for c in range(p.shape[1]):
            pairs = [(q, y) for i in rows for q, y in zip(np.ravel(p[i, c]), np.ravel(labels[i]), strict=True) if y != ignore_index]
            true = [int(y == c) for _, y in pairs]
            if any(true) or classes == "all":
                found.append(_lovasz([1 - q if y else q for (q, _), y in zip(pairs, true, strict=True)], true))
        numerators.append(mp.fsum(found) / len(found) if found else ZERO)
    return numerators, [ONE] * len(numerators)
