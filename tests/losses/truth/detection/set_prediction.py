from __future__ import annotations

import numpy as np
from mpmath import mp
from scipy.optimize import linear_sum_assignment

from tests.losses.truth import ONE, ZERO, constant, exp
from tests.losses.truth.detection._shared import entropy_of_heads, giou_of_boxes


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
            return mp.fsum(abs(u - v) for u, v in zip(b[q], b_true[j], strict=True)), giou_of_boxes(_corners(b[q]), _corners(b_true[j]))

        cost = np.array(
            [[float(box_cost * terms(q, j)[0] - class_cost * p[q, y[j]] + giou_cost * (terms(q, j)[1] - 1)) for j in objects] for q in range(len(b))]
        ).reshape(len(b), len(objects))
        pairs = constant([(int(q), objects[int(j)]) for q, j in zip(*linear_sum_assignment(cost), strict=True)])
        wanted = {q: int(y[j]) for q, j in pairs}
        for q in range(len(x)):
            weights.append(ONE if q in wanted else no_object_weight)
            entropy.append(entropy_of_heads(x[q], wanted.get(q, last)))
        box_terms += [terms(q, j) for q, j in pairs]
    number, total = max(1, int((labels >= 0).sum())), mp.fsum(weights)
    of_class = mp.fsum(w * e for w, e in zip(weights, entropy, strict=True)) / total if total else ZERO
    return [class_weight * of_class + mp.fsum(box_weight * d + giou_weight * g for d, g in box_terms) / number], [ONE]
