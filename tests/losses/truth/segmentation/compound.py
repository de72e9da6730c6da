from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, per_sample, sigmoid, softplus
from tests.losses.truth.classification.binary import binary_cross_entropy_with_logits
from tests.losses.truth.classification.cross_entropy import cross_entropy, softmax_focal
from tests.losses.truth.segmentation._shared import as_masks
from tests.losses.truth.segmentation.overlap import dice


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
        entropy = binary_cross_entropy_with_logits(predictions, as_masks(labels, predictions), weight=None, pos_weight=None)
        entropy = entropy[0] if isinstance(entropy, tuple) else entropy
    else:
        options = {"weight": None, "ignore_index": -100, "label_smoothing": ZERO, "predictions_are": "logits", "log_base": "e"}
        entropy = cross_entropy(predictions, labels, **options)[0]
        size /= predictions.shape[1]
    return _sum(lambda_dice, region, lambda_ce, entropy, [size] * len(region))


def dice_focal(predictions, labels, activation, gamma, lambda_dice, lambda_focal, smooth_nr, smooth_dr, include_background):
    region = _mean_dice(predictions, labels, activation, smooth_nr, smooth_dr, include_background)
    size = mp.mpf(int(np.prod(predictions.shape[1:])))
    if activation == "sigmoid":
        first = 0 if include_background or predictions.shape[1] == 1 else 1
        x, z = predictions[:, first:], as_masks(labels, predictions)[:, first:]
        entropy = z * softplus(-x) + (1 - z) * softplus(x)
        focal = per_sample((z * sigmoid(-x) + (1 - z) * sigmoid(x)) ** gamma * entropy)
        size = mp.mpf(int(np.prod(x.shape[1:])))
    else:
        focal = softmax_focal(predictions, labels, weight=None, gamma=gamma, ignore_index=-100, label_smoothing=ZERO)[0]
        size /= predictions.shape[1]
    return _sum(lambda_dice, region, lambda_focal, focal, [size] * len(region))
