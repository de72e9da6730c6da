from __future__ import annotations

import math

from mpmath import mp

from tests.losses.truth import ONE, ZERO, constant, sigmoid, softplus
from tests.losses.truth.detection import boxes
from tests.losses.truth.detection._shared import entropy_of_heads, giou_of_boxes


def _softplus(x):
    return mp.log(1 + mp.exp(x))


def _share(a, b):
    return min(a, b) / max(a, b) if max(a, b) else mp.mpf(0)


def _focal(x, positive, alpha, gamma):
    """The rarer side is sigmoid(-s x), which keeps its digits."""
    s = 1 if positive else -1
    weight = 1 if alpha < 0 else alpha if positive else 1 - alpha
    return weight * (1 / (1 + mp.exp(s * x))) ** gamma * _softplus(-s * x)


def fcos(class_logits, distances, centerness, labels, distance_targets, alpha, gamma, box_weight, centerness_weight):
    found, objects = [], 0
    for i in range(len(labels)):
        total = mp.mpf(0)
        for a, label in enumerate(labels[i]):
            if label >= -1:
                total += mp.fsum(_focal(x, k == label, alpha, gamma) for k, x in enumerate(class_logits[i, a]))
            if label >= 0:
                objects += 1
                own, true = distances[i, a], distance_targets[i, a]
                central = mp.sqrt(_share(true[0], true[2]) * _share(true[1], true[3]))
                x = centerness[i, a]
                total += box_weight * giou_of_boxes([-own[0], -own[1], own[2], own[3]], [-true[0], -true[1], true[2], true[3]])
                total += centerness_weight * (central * _softplus(-x) + (1 - central) * _softplus(x))
        found.append(total)
    return found, [mp.mpf(max(objects, 1)) / len(labels)] * len(labels)


def _smooth_l1(difference, beta):
    error = abs(difference)
    return error**2 / (2 * beta) if error < beta else error - beta / 2


def _decoded(delta, anchor):
    """A box relative to the anchor's center; its sides are bounded as torchvision bounds them."""
    longest = mp.mpf(math.log(1000.0 / 16.0))
    sides = [mp.mpf(1), mp.mpf(1)] if anchor is None else [anchor[2] - anchor[0], anchor[3] - anchor[1]]
    center = [d * side for d, side in zip(delta[:2], sides, strict=True)]
    half = [mp.exp(min(d, longest)) * side / 2 for d, side in zip(delta[2:], sides, strict=True)]
    return [c - h for c, h in zip(center, half, strict=True)] + [c + h for c, h in zip(center, half, strict=True)]


def _overlap(box_loss, delta, target, anchor):
    p, t = [_decoded(delta, anchor)], [_decoded(target, anchor)]
    options = {"ciou": {"alpha": "constant"}, "iou": {"form": "linear"}}.get(box_loss, {})
    return getattr(boxes, box_loss)(p, t, **options)[0]


def retinanet(class_logits, box_deltas, labels, box_targets, anchors, alpha, gamma, box_loss, beta, box_weight):
    numerators = []
    for i, (x, d, y, d_true) in enumerate(zip(class_logits, box_deltas, labels, box_targets, strict=True)):
        total = ZERO
        for a, label in enumerate(y):
            if label >= -1:
                for k, score in enumerate(x[a]):
                    sign, balance = (1, alpha) if k == label else (-1, 1 - alpha)
                    wrong = sigmoid(-sign * score)
                    total += (balance if alpha >= 0 else 1) * wrong**gamma * softplus(-sign * score)
            if label >= 0 and box_loss not in ("l1", "smooth_l1"):
                total += box_weight * _overlap(box_loss, d[a], d_true[a], None if anchors is None else anchors[i, a])
            elif label >= 0:
                each = [_smooth_l1(u - v, beta if box_loss == "smooth_l1" else ZERO) for u, v in zip(d[a], d_true[a], strict=True)]
                total += box_weight * mp.fsum(each)
        numerators.append(total / max(1, int((y >= 0).sum())))
    return numerators, [ONE] * len(numerators)


def ssd_multibox(class_logits, box_deltas, labels, box_targets, neg_to_pos_ratio, beta, box_weight):
    numerators = []
    for x, d, y, d_true in zip(class_logits, box_deltas, labels, box_targets, strict=True):
        objects = [a for a, label in enumerate(y) if label > 0]
        entropy = [entropy_of_heads(row, label) for row, label in zip(x, y, strict=True)]
        negatives = sorted((a for a, label in enumerate(y) if label == 0), key=lambda a: -entropy[a])
        hard = constant([a for rank, a in enumerate(negatives) if rank < neg_to_pos_ratio * len(objects)])
        boxes = [_smooth_l1(u - v, beta) for a in objects for u, v in zip(d[a], d_true[a], strict=True)]
        numerators.append(mp.fsum(entropy[a] for a in [*objects, *hard]) + box_weight * mp.fsum(boxes))
    return numerators, [mp.mpf(int((y > 0).sum())) for y in labels]
