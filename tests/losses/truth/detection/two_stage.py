from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth.classification.binary import binary_cross_entropy_with_logits
from tests.losses.truth.classification.cross_entropy import cross_entropy
from tests.losses.truth.regression.pointwise import smooth_l1


def _entropy(x, z):
    return binary_cross_entropy_with_logits(x, z, weight=None, pos_weight=None)[0]


def mask_rcnn_mask(predictions, labels, classes):
    own = np.stack([x[k] for x, k in zip(predictions, classes, strict=True)]) if len(classes) else predictions[:, 0]
    return _entropy(own, labels), [mp.mpf(np.size(x)) for x in own]


def _rpn_terms(objectness, box_deltas, labels, box_targets, beta):
    """For each anchor the entropy, if it is sampled, and the distance of boxes, if there is an object."""
    sampled, objects = [int(y >= 0) for y in labels], [int(y == 1) for y in labels]
    entropy = _entropy(objectness, np.array([mp.mpf(y) for y in objects], dtype=object))
    box = smooth_l1(box_deltas, box_targets, beta=beta)
    return [e * s for e, s in zip(entropy, sampled, strict=True)], [b * o for b, o in zip(box, objects, strict=True)], sampled


def rpn(objectness, box_deltas, labels, box_targets, box_weight, beta, normalization, batch_size_per_image, images, locations):
    entropy, box, sampled = _rpn_terms(objectness, box_deltas, labels, box_targets, beta)
    n_cls = {"torchvision": sum(sampled), "paper": batch_size_per_image, "detectron2": batch_size_per_image * images}[normalization]
    n_reg = locations if normalization == "paper" else n_cls
    # L = sum entropy / n_cls + box_weight sum box / n_reg, as sum of numerators / sum of weights, where the weights have the sum n_cls
    numerators = [e + box_weight * b * (mp.mpf(n_cls) / n_reg if b else 1) for e, b in zip(entropy, box, strict=True)]
    return numerators, [mp.mpf(n_cls) / sum(sampled) if s else mp.mpf(0) for s in sampled]


def _fast_rcnn_terms(class_logits, box_deltas, labels, box_targets, background, beta):
    options = {"weight": None, "ignore_index": -1, "label_smoothing": mp.mpf(0), "predictions_are": "logits", "log_base": "e"}
    entropy, _ = cross_entropy(class_logits, labels, **options)
    last = class_logits.shape[1] - 1
    boxes = []
    for i, y in enumerate(labels):
        row = 0 if box_deltas.shape[1] == 1 else y - (1 if background == "first" and box_deltas.shape[1] == last else 0)
        foreground = y != (0 if background == "first" else last)
        boxes.append(smooth_l1(box_deltas[i, row][None], box_targets[i][None], beta=beta)[0] if foreground else mp.mpf(0))
    return entropy, boxes


def fast_rcnn(class_logits, box_deltas, labels, box_targets, background, beta, box_weight):
    entropy, boxes = _fast_rcnn_terms(class_logits, box_deltas, labels, box_targets, background, beta)
    return [e + box_weight * b for e, b in zip(entropy, boxes, strict=True)], [mp.mpf(1)] * len(labels)


def _mean(numerators, divisor):
    return sum(numerators) / divisor if divisor else mp.mpf(0)


def faster_rcnn(
    objectness, rpn_box_deltas, rpn_labels, rpn_box_targets, class_logits, box_deltas, labels, box_targets,
    objectness_weight, rpn_box_weight, classifier_weight, box_weight, beta, background,
):  # fmt: skip
    objects, rpn_boxes, sampled = _rpn_terms(objectness, rpn_box_deltas, rpn_labels, rpn_box_targets, beta)
    classes, boxes = _fast_rcnn_terms(class_logits, box_deltas, labels, box_targets, background, beta)
    proposals = objectness_weight * _mean(objects, sum(sampled)) + rpn_box_weight * _mean(rpn_boxes, sum(sampled))
    return [proposals + classifier_weight * _mean(classes, len(labels)) + box_weight * _mean(boxes, len(labels))]


def mask_rcnn(mask_logits, masks, mask_classes, mask_weight, **rest):
    mask, pixels = mask_rcnn_mask(mask_logits, masks, mask_classes)
    return [faster_rcnn(**rest)[0] + mask_weight * _mean(mask, sum(pixels))]
