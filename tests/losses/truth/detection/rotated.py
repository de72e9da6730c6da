from __future__ import annotations

from mpmath import mp


def _covariance(box, floor):
    a, b = box[2] ** 2 / 12 + floor, box[3] ** 2 / 12 + floor
    c, s = mp.cos(box[4]), mp.sin(box[4])
    return a * c * c + b * s * s, a * s * s + b * c * c, (a - b) * c * s, a * b


def probiou(predictions, labels, form, floor):
    found = []
    for p, t in zip(predictions, labels, strict=True):
        (xx, yy, xy, one), (xx_t, yy_t, xy_t, other) = _covariance(p, floor), _covariance(t, floor)
        a, b, c = xx + xx_t, yy + yy_t, xy + xy_t
        x, y, determinant = p[0] - t[0], p[1] - t[1], a * b - c * c
        distance = (b * x * x - 2 * c * x * y + a * y * y) / determinant / 4 + mp.log(determinant / (4 * mp.sqrt(one * other))) / 2
        found.append(mp.sqrt(abs(1 - mp.exp(-distance))) if form == "hellinger" else distance)
    return found
