from __future__ import annotations

from mpmath import mp

from tests.losses.truth import ZERO, constant
from tests.losses.truth.detection._shared import enclosing, giou_of_boxes, iou_of_boxes, over_of_boxes


def _diou(p, t):
    width, height = enclosing(p, t)
    distance = ((p[0] + p[2] - t[0] - t[2]) / 2) ** 2 + ((p[1] + p[3] - t[1] - t[3]) / 2) ** 2
    return 1 - iou_of_boxes(p, t)[0] + over_of_boxes(distance, width**2 + height**2)


def _pairs(score, predictions, labels):
    return [score(p, t) for p, t in zip(predictions, labels, strict=True)]


def iou(predictions, labels, form):
    def score(p, t):
        ratio = iou_of_boxes(p, t)[0]
        if form == "log":
            return -mp.log(ratio) if ratio else mp.inf
        return 1 - ratio ** (1 if form == "linear" else 2)

    return _pairs(score, predictions, labels)


def giou(predictions, labels):
    return _pairs(giou_of_boxes, predictions, labels)


def diou(predictions, labels):
    return _pairs(_diou, predictions, labels)


def ciou(predictions, labels, alpha, convention="torchvision"):
    def score(p, t):
        angles = [mp.atan2(box[2] - box[0], box[3] - box[1]) if box[2] > box[0] or box[3] > box[1] else ZERO for box in (p, t)]
        if any(box[2] == box[0] and box[3] == box[1] for box in (p, t)):
            angles = [ZERO, ZERO]  # a point has no angle, and none from another box
        v = 4 / mp.pi**2 * (angles[1] - angles[0]) ** 2
        ratio = iou_of_boxes(p, t)[0]
        weight = ZERO if convention == "mmdetection" and ratio <= 0.5 else over_of_boxes(v, 1 - ratio + v)
        return _diou(p, t) + (constant(weight) if alpha == "constant" else weight) * v

    return _pairs(score, predictions, labels)


def eiou(predictions, labels):
    def score(p, t):
        width, height = enclosing(p, t)
        return _diou(p, t) + over_of_boxes(p[2] - p[0] - t[2] + t[0], width) ** 2 + over_of_boxes(p[3] - p[1] - t[3] + t[1], height) ** 2

    return _pairs(score, predictions, labels)


def alpha_iou(predictions, labels, alpha):
    def score(p, t):
        ratio = iou_of_boxes(p, t)[0]
        return 1 - (ratio**alpha if ratio else ZERO)

    return _pairs(score, predictions, labels)


def wiou(predictions, labels):
    def score(p, t):
        width, height = enclosing(p, t)
        distance = ((p[0] + p[2] - t[0] - t[2]) / 2) ** 2 + ((p[1] + p[3] - t[1] - t[3]) / 2) ** 2
        return (1 - iou_of_boxes(p, t)[0]) * mp.exp(over_of_boxes(distance, constant(width**2 + height**2)))

    return _pairs(score, predictions, labels)


def bounded_iou(predictions, labels, beta):
    def smooth(bound):
        return bound**2 / (2 * beta) if bound < beta else bound - beta / 2

    def score(p, t):
        found = []
        for k in (0, 1):
            apart, w, true = abs(p[k] + p[k + 2] - t[k] - t[k + 2]) / 2, p[k + 2] - p[k], t[k + 2] - t[k]
            found.append(min(mp.mpf(1), over_of_boxes(4 * apart, true + 2 * apart)))
            found.append(1 - min(w / true, true / w) if w and true else mp.mpf(bool(w or true)))
        return mp.fsum(smooth(bound) for bound in found)

    return _pairs(score, predictions, labels), [mp.mpf(4)] * len(predictions)


def siou(predictions, labels, theta, convention):
    def score(p, t):
        apart = [(p[k] + p[k + 2] - t[k] - t[k + 2]) / 2 for k in (0, 1)]
        sine = over_of_boxes(2 * abs(apart[0] * apart[1]), apart[0] ** 2 + apart[1] ** 2)  # 1 - 2 sin(asin(x) - pi / 4)^2
        sign = 1 if convention == "paper" else -1
        distance = sum(1 - mp.exp(sign * (sine - 2) * over_of_boxes(c, side) ** 2) for c, side in zip(apart, enclosing(p, t), strict=True))
        sides = [(p[k + 2] - p[k], t[k + 2] - t[k]) for k in (0, 1)]
        shape = sum((1 - mp.exp(-over_of_boxes(abs(a - b), max(a, b)))) ** theta for a, b in sides)
        return max(1 - iou_of_boxes(p, t)[0] + (distance + shape) / 2, ZERO)

    return _pairs(score, predictions, labels)
