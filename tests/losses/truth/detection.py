from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import binary, classification, regression


def _entropy(x, z):
    return binary.binary_cross_entropy_with_logits(x, z, weight=None, pos_weight=None)[0]


def mask_rcnn_mask(predictions, labels, classes):
    own = np.stack([x[k] for x, k in zip(predictions, classes, strict=True)]) if len(classes) else predictions[:, 0]
    return _entropy(own, labels), [mp.mpf(np.size(x)) for x in own]


def rpn(objectness, box_deltas, labels, box_targets, box_weight, beta, normalization, batch_size_per_image, images, locations):
    sampled = int((labels >= 0).sum())
    entropy = _entropy(objectness, np.array([mp.mpf(int(y == 1)) for y in labels], dtype=object))
    box = regression.smooth_l1(box_deltas, box_targets, beta=beta)
    n_cls = {"torchvision": sampled, "paper": batch_size_per_image, "detectron2": batch_size_per_image * images}[normalization]
    n_reg = locations if normalization == "paper" else n_cls
    # L = (1 / n_cls) sum entropy + (box_weight / n_reg) sum box, written as sum of numerators / sum of weights with sum of weights = n_cls
    numerators = [
        mp.mpf(0) if y < 0 else e + (box_weight * b * (mp.mpf(n_cls) / n_reg) if y == 1 else 0) for y, e, b in zip(labels, entropy, box, strict=True)
    ]
    return numerators, [mp.mpf(n_cls) / sampled if y >= 0 else mp.mpf(0) for y in labels]


def fast_rcnn(class_logits, box_deltas, labels, box_targets, background, beta, box_weight):
    ignored = {"weight": None, "ignore_index": -1, "label_smoothing": mp.mpf(0), "predictions_are": "logits", "log_base": "e"}
    entropy, _ = classification.cross_entropy(class_logits, labels, **ignored)
    last = class_logits.shape[1] - 1
    numerators = []
    for i, y in enumerate(labels):
        value = entropy[i]
        if y != (0 if background == "first" else last):
            row = y - (1 if background == "first" and box_deltas.shape[1] == last else 0)
            value += box_weight * regression.smooth_l1(box_deltas[i, row][None], box_targets[i][None], beta=beta)[0]
        numerators.append(value)
    return numerators, [mp.mpf(1)] * len(labels)


def _mean(numerators, weights):
    total = mp.fsum(weights)
    return mp.fsum(numerators) / total if total else mp.mpf(0)


def faster_rcnn(
    objectness, rpn_box_deltas, rpn_labels, rpn_box_targets, class_logits, box_deltas, labels, box_targets,
    objectness_weight, rpn_box_weight, classifier_weight, box_weight, beta, background,
):  # fmt: skip
    first = {"normalization": "torchvision", "batch_size_per_image": 1, "images": 1, "locations": 1}
    zero = 0 * objectness
    proposals = [
        rpn(objectness, 0 * rpn_box_deltas, rpn_labels, 0 * rpn_box_targets, box_weight=mp.mpf(1), beta=beta, **first),
        rpn(zero, rpn_box_deltas, rpn_labels, rpn_box_targets, box_weight=mp.mpf(1), beta=beta, **first),
        rpn(zero, 0 * rpn_box_deltas, rpn_labels, 0 * rpn_box_targets, box_weight=mp.mpf(1), beta=beta, **first),
    ]
    regions = [
        fast_rcnn(class_logits, box_deltas, labels, box_targets, background=background, beta=beta, box_weight=mp.mpf(factor)) for factor in (0, 1)
    ]
    total = objectness_weight * _mean(*proposals[0])
    total += rpn_box_weight * (_mean(*proposals[1]) - _mean(*proposals[2]))
    total += classifier_weight * _mean(*regions[0]) + box_weight * (_mean(*regions[1]) - _mean(*regions[0]))
    return [total]


def mask_rcnn(mask_logits, masks, mask_classes, mask_weight, **rest):
    return [faster_rcnn(**rest)[0] + mask_weight * _mean(*mask_rcnn_mask(mask_logits, masks, mask_classes))]
