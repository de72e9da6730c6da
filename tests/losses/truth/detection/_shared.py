from __future__ import annotations

from mpmath import mp

from tests.losses.truth import ZERO, exp


def over_of_boxes(a, b):
    return a / b if b else ZERO


def iou_of_boxes(p, t):
    width, height = min(p[2], t[2]) - max(p[0], t[0]), min(p[3], t[3]) - max(p[1], t[1])
    shared = width * height if width > 0 and height > 0 else ZERO
    union = (p[2] - p[0]) * (p[3] - p[1]) + (t[2] - t[0]) * (t[3] - t[1]) - shared
    return over_of_boxes(shared, union), union


def enclosing(p, t):
    return max(p[2], t[2]) - min(p[0], t[0]), max(p[3], t[3]) - min(p[1], t[1])


def giou_of_boxes(p, t):
    ratio, union = iou_of_boxes(p, t)
    width, height = enclosing(p, t)
    return 1 - ratio + over_of_boxes(width * height - union, width * height)


def entropy_of_heads(x, y):
    """-log softmax(x)[y] of one row."""
    return mp.log(exp(x).sum()) - x[y]
