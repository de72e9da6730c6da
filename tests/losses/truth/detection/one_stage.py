from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ONE, ZERO, constant, log, per_sample, sigmoid, softplus, times
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


def ghm_c(predictions, labels, counts, bins, momentum):
    edges = [mp.mpf(k) / bins for k in range(1, bins)]
    lengths = [1 / (1 + mp.exp(x if z else -x)) for x, z in zip(predictions.flat, labels.flat, strict=True)]
    place = [sum(g >= edge for edge in edges) for g in lengths]
    found = [place.count(b) for b in range(bins)]
    before = [mp.mpf(0)] * bins if counts is None else counts
    moved = [momentum * old + (1 - momentum) * new if new else old for old, new in zip(before, found, strict=True)]
    weights = constant([len(place) / (moved[b] * sum(new > 0 for new in found)) for b in place])
    terms = [w * _softplus(-x if z else x) for w, x, z in zip(weights, predictions.flat, labels.flat, strict=True)]
    rows = len(terms) // len(predictions)
    return [mp.fsum(terms[k * rows : (k + 1) * rows]) for k in range(len(predictions))]


def _smooth_l1(difference, beta):
    error = abs(difference)
    return error**2 / (2 * beta) if error < beta else error - beta / 2


def retinanet(class_logits, box_deltas, labels, box_targets, alpha, gamma, box_loss, beta, box_weight):
    numerators = []
    for x, d, y, d_true in zip(class_logits, box_deltas, labels, box_targets, strict=True):
        total = ZERO
        for a, label in enumerate(y):
            if label >= -1:
                for k, score in enumerate(x[a]):
                    sign, balance = (1, alpha) if k == label else (-1, 1 - alpha)
                    wrong = sigmoid(-sign * score)
                    total += (balance if alpha >= 0 else 1) * wrong**gamma * softplus(-sign * score)
            if label >= 0:
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


def _cross_entropy(x, z):
    return z * softplus(-x) + (1 - z) * softplus(x)


def quality_focal(predictions, labels, beta):
    return per_sample(abs(labels - sigmoid(predictions)) ** beta * _cross_entropy(predictions, labels))


def varifocal(predictions, labels, alpha, gamma, iou_weighted):
    def element(x, q):
        if q:
            return (q if iou_weighted else 1) * _cross_entropy(x, q)
        return alpha * sigmoid(x) ** gamma * softplus(x)

    return per_sample(np.frompyfunc(element, 2, 1)(predictions, labels))


def distribution_focal(predictions, labels):
    numerators = []
    for x, t in zip(predictions, labels, strict=True):
        total = ZERO
        for place in np.ndindex(np.shape(t)):
            column, at = x[(slice(None), *place)], np.asarray(t, dtype=object)[place]
            low = int(mp.floor(at))
            surprise = [entropy_of_heads(column, k) for k in range(len(column))]
            total += (low + 1 - at) * surprise[low] + ((at - low) * surprise[low + 1] if at > low else 0)
        numerators.append(total)
    return numerators, [mp.mpf(int(np.prod(labels.shape[1:])))] * len(labels)


def gaussian_focal(predictions, labels, alpha, gamma):
    def element(p, t):
        if t == 1:
            return -times((1 - p) ** alpha, log(p)) if p < 1 else ZERO
        return -((1 - t) ** gamma) * times(p**alpha, log(1 - p)) if p else ZERO

    return per_sample(np.frompyfunc(element, 2, 1)(predictions, labels))
