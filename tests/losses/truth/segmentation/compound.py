from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, choose, exp, log, sigmoid, softplus
from tests.losses.truth._shared import included
from tests.losses.truth.segmentation._shared import as_masks
from tests.losses.truth.segmentation.overlap import dice

DICE = {"intersection": "product", "absent": "as_is", "classes_are": "apart"}


def _sum(lambda_dice, region, factor, terms, batch):
    """terms: of each sample, pairs of loss and weight."""
    rows = [[pair for row in terms for pair in row]] if batch else terms
    numerators, divisors = [], []
    for (a, b), row in zip(zip(*region, strict=True), rows, strict=True):
        weight = mp.fsum(w for _, w in row)
        mean = mp.fsum(u for u, _ in row) / weight if weight and factor else ZERO
        numerators.append(lambda_dice * (a / b if b else ZERO) + factor * mean)
        divisors.append(ONE if b or weight else ZERO)
    return numerators, divisors


def _log_softmax(x):
    e = exp(x)
    return x - log(e.sum(axis=1, keepdims=True)), e


def _positions(labels):
    return [(i, *rest) for i, *rest in np.ndindex((len(labels), *labels.shape[2:]))]


def _by_sample(pairs, n):
    """Pairs of loss and weight at (sample, ...), by sample."""
    out: list[list[Any]] = [[] for _ in range(n)]
    for (i, *_), pair in pairs:
        out[i].append(pair)
    return out


def dice_ce(predictions, labels, lambda_dice, lambda_ce, weight, label_smoothing, mask, ignore_index, activation, batch, **options):
    region = dice(predictions, labels, weight=weight, mask=mask, ignore_index=ignore_index, activation=activation, batch=batch, **options, **DICE)
    kept = included(predictions, labels, ignore_index, mask)
    classes = predictions.shape[1]
    factors = [ONE] * classes if weight is None else list(weight)
    z = choose(kept, as_masks(labels, predictions), ZERO)
    pairs = []
    if activation == "sigmoid":
        z = z * (1 - label_smoothing) + label_smoothing / 2
        for at in np.ndindex(predictions.shape):
            if kept[at]:
                loss = factors[at[1]] * z[at] * softplus(-predictions[at]) + (1 - z[at]) * softplus(predictions[at])
                pairs.append((at, (loss, ONE)))
        return _sum(lambda_dice, region, lambda_ce, _by_sample(pairs, len(predictions)), batch)
    log_p, _ = _log_softmax(predictions)
    for i, *rest in _positions(predictions):
        places = [(i, c, *rest) for c in range(classes)]
        if not all(kept[place] for place in places):
            continue
        loss = -mp.fsum(w * (z[p] * (1 - label_smoothing) + label_smoothing / classes) * log_p[p] for w, p in zip(factors, places, strict=True))
        own = ONE if labels.ndim == predictions.ndim else factors[labels[(i, *rest)]]
        pairs.append(((i,), (loss, own)))
    return _sum(lambda_dice, region, lambda_ce, _by_sample(pairs, len(predictions)), batch)


def dice_focal(predictions, labels, gamma, lambda_dice, lambda_focal, weight, mask, ignore_index, activation, batch, include_background, **options):
    region = dice(
        predictions,
        labels,
        weight=weight,
        mask=mask,
        ignore_index=ignore_index,
        activation=activation,
        batch=batch,
        include_background=include_background,
        **options,
        **DICE,
    )
    kept = included(predictions, labels, ignore_index, mask)
    first = 0 if include_background or predictions.shape[1] == 1 else 1
    factors = [ONE] * predictions.shape[1] if weight is None else list(weight)
    pairs = []
    if activation == "sigmoid":
        z = choose(kept, as_masks(labels, predictions), ZERO)
        for at in np.ndindex(predictions.shape):
            if kept[at] and at[1] >= first:
                x, t = predictions[at], z[at]
                focus = (t * sigmoid(-x) + (1 - t) * sigmoid(x)) ** gamma
                pairs.append((at, (factors[at[1]] * focus * (t * softplus(-x) + (1 - t) * softplus(x)), ONE)))
        return _sum(lambda_dice, region, lambda_focal, _by_sample(pairs, len(predictions)), batch)
    log_p, e = _log_softmax(predictions)
    for i, *rest in _positions(predictions):
        places = [(i, c, *rest) for c in range(predictions.shape[1])]
        if not all(kept[place] for place in places):
            continue
        y = labels[(i, *rest)]
        whole = mp.fsum(e[place] for place in places)
        others = mp.fsum(e[place] for c, place in enumerate(places) if c != y)
        focus = (others / whole) ** gamma if others else ZERO if gamma else ONE
        pairs.append(((i,), (-factors[y] * focus * log_p[places[y]], ONE)))
    return _sum(lambda_dice, region, lambda_focal, _by_sample(pairs, len(predictions)), batch)
