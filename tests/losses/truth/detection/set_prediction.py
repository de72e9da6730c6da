from __future__ import annotations

import numpy as np
from mpmath import mp
from scipy.optimize import linear_sum_assignment

from tests.losses.truth import ONE, ZERO, constant, exp, sigmoid, softplus
from tests.losses.truth.detection._shared import entropy_of_heads, giou_of_boxes, iou_of_boxes


def _corners(box):
    x, y, w, h = box
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def _class_costs(logits, classification, alpha, gamma):
    """Of each class for one query."""
    if classification == "softmax":
        raised = exp(logits)
        return [-e / raised.sum() for e in raised]
    small = mp.mpf(1e-8)
    pairs = [(sigmoid(x), sigmoid(-x)) for x in logits]
    return [-alpha * q**gamma * mp.log(p + small) + (1 - alpha) * p**gamma * mp.log(q + small) for p, q in pairs]


def _matches(costs):
    return list(zip(*linear_sum_assignment(np.array(costs, dtype=float)), strict=True))


def _class_term(logits, wanted, qualities, classification, no_object_weight, alpha, gamma, number):
    """wanted: for each image, the class of each matched query; qualities likewise."""
    entropy, weights, total = [], [], ZERO
    last = logits.shape[2] - 1
    for x, classes, quality in zip(logits, wanted, qualities, strict=True):
        for q, row in enumerate(x):
            weights.append(ONE if q in classes else no_object_weight)
            if classification == "softmax":
                entropy.append(entropy_of_heads(row, classes.get(q, last)))
                continue
            for k, score in enumerate(row):
                positive = classes.get(q) == k
                if classification == "varifocal":
                    target = quality[q] if positive else ZERO
                    weight = target if positive else constant(alpha * sigmoid(score) ** gamma)
                    total += weight * (target * softplus(-score) + (1 - target) * softplus(score))
                else:
                    sign, balance = (1, alpha) if positive else (-1, 1 - alpha)
                    total += (balance if alpha >= 0 else 1) * sigmoid(-sign * score) ** gamma * softplus(-sign * score)
    if classification != "softmax":
        return total / number
    return mp.fsum(w * e for w, e in zip(weights, entropy, strict=True)) / mp.fsum(weights) if mp.fsum(weights) else ZERO


def detr_set(
    class_logits, boxes, labels, box_targets, classification, no_object_weight, alpha, gamma,
    class_weight, box_weight, giou_weight, class_cost, box_cost, giou_cost, cost_alpha, cost_gamma,
):  # fmt: skip
    wanted, qualities, box_terms = [], [], []
    for x, b, y, b_true in zip(class_logits, boxes, labels, box_targets, strict=True):
        objects = [j for j, label in enumerate(y) if label >= 0]
        of_class = [_class_costs(row, classification, cost_alpha, cost_gamma) for row in x]

        def terms(q, j, b=b, b_true=b_true):
            return mp.fsum(abs(u - v) for u, v in zip(b[q], b_true[j], strict=True)), giou_of_boxes(_corners(b[q]), _corners(b_true[j]))

        cost = [
            [float(box_cost * terms(q, j)[0] + class_cost * of_class[q][y[j]] + giou_cost * (terms(q, j)[1] - 1)) for j in objects]
            for q in range(len(b))
        ]
        pairs = constant([(int(q), objects[int(j)]) for q, j in _matches(np.reshape(cost, (len(b), len(objects))))])
        wanted.append({q: int(y[j]) for q, j in pairs})
        qualities.append({q: constant(iou_of_boxes(_corners(b[q]), _corners(b_true[j]))[0]) for q, j in pairs})
        box_terms += [terms(q, j) for q, j in pairs]
    number = max(1, int((labels >= 0).sum()))
    of_class = _class_term(class_logits, wanted, qualities, classification, no_object_weight, alpha, gamma, number)
    return [class_weight * of_class + mp.fsum(box_weight * d + giou_weight * g for d, g in box_terms) / number], [ONE]


def _mask_terms(x, t, mask_loss):
    """The mean loss of the points, and the Dice loss."""
    x, t = np.ravel(x), np.ravel(t)
    p = sigmoid(x)
    each = []
    for a, probability, z in zip(x, p, t, strict=True):
        entropy = z * softplus(-a) + (1 - z) * softplus(a)
        wrong = z * sigmoid(-a) + (1 - z) * probability
        each.append((z / 4 + (1 - z) * mp.mpf(3) / 4) * wrong**2 * entropy if mask_loss == "focal" else entropy)
    return mp.fsum(each) / len(each), 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)


def mask_set(
    class_logits, mask_logits, labels, masks, matches, classification, mask_loss, no_object_weight, alpha, gamma,
    class_weight, mask_weight, dice_weight, class_cost, mask_cost, dice_cost, cost_alpha, cost_gamma,
):  # fmt: skip
    wanted, mask_terms = [], []
    for i, (x, m, y, m_true) in enumerate(zip(class_logits, mask_logits, labels, masks, strict=True)):
        objects = [j for j, label in enumerate(y) if label >= 0]
        if matches is None:
            cost = np.empty((len(x), len(objects)))
            for q in range(len(x)):
                of_class = _class_costs(x[q], classification, cost_alpha, cost_gamma)
                for column, j in enumerate(objects):
                    mask, region = _costs_of_masks(m[q], m_true[j], mask_loss)
                    cost[q, column] = float(class_cost * of_class[y[j]] + mask_cost * mask + dice_cost * region)
            pairs = constant([(int(q), objects[int(j)]) for q, j in _matches(cost)])
        else:
            pairs = [(int(matches[i, j]), j) for j in objects if matches[i, j] >= 0]
        wanted.append({q: int(y[j]) for q, j in pairs})
        mask_terms += [_mask_terms(m[q], m_true[j], mask_loss) for q, j in pairs]
    number = max(1, int((labels >= 0).sum()))
    of_class = _class_term(class_logits, wanted, wanted, classification, no_object_weight, alpha, gamma, number)
    return [class_weight * of_class + mp.fsum(mask_weight * mask + dice_weight * region for mask, region in mask_terms) / number], [ONE]


def _costs_of_masks(x, t, mask_loss):
    if mask_loss == "bce":
        return _mask_terms(x, t, mask_loss)
    x, t = np.ravel(x), np.ravel(t)
    each = [(z * sigmoid(-a) ** 2 * softplus(-a) + 3 * (1 - z) * sigmoid(a) ** 2 * softplus(a)) / 4 for a, z in zip(x, t, strict=True)]
    return mp.fsum(each) / len(each), _mask_terms(x, t, mask_loss)[1]
