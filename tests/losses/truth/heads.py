from __future__ import annotations

import numpy as np
from mpmath import mp
from scipy.optimize import linear_sum_assignment

from tests.losses.truth import boxes as overlap
from tests.losses.truth import constant, exp, log, per_sample, sigmoid, softplus, times

ZERO, ONE = mp.mpf(0), mp.mpf(1)


def _entropy(x, y):
    """-log softmax(x)[y] of one row."""
    return mp.log(exp(x).sum()) - x[y]


def _smooth_l1(difference, beta):
    error = abs(difference)
    return error**2 / (2 * beta) if error < beta else error - beta / 2


def keypoint_rcnn(predictions, labels, visible):
    numerators = []
    for maps, cells, seen in zip(predictions, labels, visible, strict=True):
        numerators.append(mp.fsum(_entropy(m.ravel(), y) for m, y, v in zip(maps, cells, seen, strict=True) if v))
    return numerators, [mp.mpf(int(seen.sum())) for seen in visible]


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
        entropy = [_entropy(row, label) for row, label in zip(x, y, strict=True)]
        negatives = sorted((a for a, label in enumerate(y) if label == 0), key=lambda a: -entropy[a])
        hard = constant([a for rank, a in enumerate(negatives) if rank < neg_to_pos_ratio * len(objects)])
        boxes = [_smooth_l1(u - v, beta) for a in objects for u, v in zip(d[a], d_true[a], strict=True)]
        numerators.append(mp.fsum(entropy[a] for a in [*objects, *hard]) + box_weight * mp.fsum(boxes))
    return numerators, [mp.mpf(int((y > 0).sum())) for y in labels]


def _corners(box):
    x, y, w, h = box
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def detr_set(
    class_logits, boxes, labels, box_targets,
    no_object_weight, class_weight, box_weight, giou_weight, class_cost, box_cost, giou_cost,
):  # fmt: skip
    entropy, weights, box_terms = [], [], []
    last = class_logits.shape[2] - 1
    for x, b, y, b_true in zip(class_logits, boxes, labels, box_targets, strict=True):
        objects = [j for j, label in enumerate(y) if label >= 0]
        raised = exp(x)
        p = raised / raised.sum(axis=1, keepdims=True)

        def terms(q, j, b=b, b_true=b_true):
            return mp.fsum(abs(u - v) for u, v in zip(b[q], b_true[j], strict=True)), overlap._giou(_corners(b[q]), _corners(b_true[j]))

        cost = np.array(
            [[float(box_cost * terms(q, j)[0] - class_cost * p[q, y[j]] + giou_cost * (terms(q, j)[1] - 1)) for j in objects] for q in range(len(b))]
        ).reshape(len(b), len(objects))
        pairs = constant([(int(q), objects[int(j)]) for q, j in zip(*linear_sum_assignment(cost), strict=True)])
        wanted = {q: int(y[j]) for q, j in pairs}
        for q in range(len(x)):
            weights.append(ONE if q in wanted else no_object_weight)
            entropy.append(_entropy(x[q], wanted.get(q, last)))
        box_terms += [terms(q, j) for q, j in pairs]
    number, total = max(1, int((labels >= 0).sum())), mp.fsum(weights)
    of_class = mp.fsum(w * e for w, e in zip(weights, entropy, strict=True)) / total if total else ZERO
    return [class_weight * of_class + mp.fsum(box_weight * d + giou_weight * g for d, g in box_terms) / number], [ONE]


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
            surprise = [_entropy(column, k) for k in range(len(column))]
            total += (low + 1 - at) * surprise[low] + ((at - low) * surprise[low + 1] if at > low else 0)
        numerators.append(total)
    return numerators, [mp.mpf(int(np.prod(labels.shape[1:])))] * len(labels)


def gaussian_focal(predictions, labels, alpha, gamma):
    def element(p, t):
        if t == 1:
            return -times((1 - p) ** alpha, log(p)) if p < 1 else ZERO
        return -((1 - t) ** gamma) * times(p**alpha, log(1 - p)) if p else ZERO

    return per_sample(np.frompyfunc(element, 2, 1)(predictions, labels))
