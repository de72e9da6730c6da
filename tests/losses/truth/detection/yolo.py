from __future__ import annotations

from mpmath import mp

from tests.losses.truth import exp, softplus
from tests.losses.truth.detection._shared import entropy_of_heads
from tests.losses.truth.detection.boxes import ciou


def _distribution_focal(logits, place):
    low = int(mp.floor(place))
    return (low + 1 - place) * entropy_of_heads(logits, low) + (place - low) * entropy_of_heads(logits, low + 1)


def yolo_head(class_logits, box_logits, target_scores, target_boxes, weight, box_weight, class_weight, dfl_weight):
    n, anchors, _, bins = box_logits.shape
    last = mp.mpf(bins - 1.01)
    found = []
    for i in range(n):
        total = mp.mpf(0)
        for a in range(anchors):
            scores = target_scores[i, a]
            entropy = [s * softplus(-x) + (1 - s) * softplus(x) for x, s in zip(class_logits[i, a], scores, strict=True)]
            total += class_weight * mp.fsum(
                e if weight is None else w * e for e, w in zip(entropy, scores if weight is None else weight, strict=True)
            )
            box = []
            for logits in box_logits[i, a]:
                raised = exp(logits - max(logits))
                box.append(sum(k * e for k, e in enumerate(raised)) / raised.sum())
            true = target_boxes[i, a]
            overlap = ciou([[-box[0], -box[1], box[2], box[3]]], [true], alpha="constant")[0]
            wanted = [min(max(d, mp.mpf(0)), last) for d in (-true[0], -true[1], true[2], true[3])]
            focal = mp.fsum(_distribution_focal(x, d) for x, d in zip(box_logits[i, a], wanted, strict=True)) / 4
            total += mp.fsum(scores) * (box_weight * overlap + dfl_weight * focal)
        found.append(total)
    return found, [max(mp.fsum(target_scores.ravel()), mp.mpf(1)) / n] * n
