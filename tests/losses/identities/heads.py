from __future__ import annotations

import numpy as np

from service.losses import LOSSES


def _scores(rng):
    return rng.normal(size=(4, 3)) * 3, rng.uniform(0, 1, size=(4, 3))


def _of(name, *tensors, **options):
    return LOSSES[name](*tensors, **options).numerator


def _quality(rng):
    x, z = _scores(rng)
    return _of("quality_focal", x, z, beta=0.0), _of("binary_cross_entropy_with_logits", x, z)


def _hard_quality(rng):
    x, z = _scores(rng)
    return _of("quality_focal", x, np.round(z), beta=1.5), _of("sigmoid_focal", x, np.round(z), gamma=1.5, alpha=-1.0)


def _varifocal(rng):
    x, z = _scores(rng)
    return _of("varifocal", x, z, iou_weighted=False), _of("binary_cross_entropy_with_logits", x, z)


def _heat(rng):
    x, z = _scores(rng)
    return _of("gaussian_focal", 1 / (1 + np.exp(-x)), np.round(z)), _of("sigmoid_focal", x, np.round(z), gamma=2.0, alpha=-1.0)


def _bins(rng):
    x, y = rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)
    return _of("distribution_focal", x, y), _of("cross_entropy", x, y)


def _cells(rng):
    x, y = rng.normal(size=(4, 1, 3, 5)), rng.integers(0, 15, size=(4, 1))
    return _of("keypoint_rcnn", x, y, np.ones((4, 1), int)), _of("cross_entropy", x.reshape(4, 15), y[:, 0])


def _anchors(rng):
    x, y, d = rng.normal(size=(1, 6, 3)), rng.integers(0, 3, size=(1, 6)), rng.normal(size=(2, 1, 6, 4))
    true = (y[0, :, None] == np.arange(3)).astype(float)
    return 6 * _of("retinanet", x, d[0], y, d[1])[0], _of("sigmoid_focal", x[0], true).sum() + _of("mean_absolute_error", d[0, 0], d[1, 0]).sum()


def _all_negatives(rng):
    x, y, d = rng.normal(size=(1, 6, 3)), np.array([[1, 0, 2, 0, 1, 0]]), rng.normal(size=(2, 1, 6, 4))
    everything = _of("cross_entropy", x[0], y[0]).sum() + _of("smooth_l1", d[0, 0], d[1, 0])[::2].sum()
    return _of("ssd_multibox", x, d[0], y, d[1])[0], everything


IDENTITIES = [
    ("quality_focal with beta 0 is binary cross entropy", _quality),
    ("quality_focal of hard qualities is sigmoid_focal", _hard_quality),
    ("varifocal of positives without weights is binary cross entropy", _varifocal),
    ("gaussian_focal of a hard heatmap is sigmoid_focal", _heat),
    ("distribution_focal at a bin is cross entropy", _bins),
    ("keypoint_rcnn is cross entropy over cells", _cells),
    ("retinanet with an object at every anchor is focal and absolute error", _anchors),
    ("ssd_multibox with enough objects takes all negatives", _all_negatives),
]
