from __future__ import annotations

from mpmath import mp

from tests.losses.truth.classification._shared import sums


def poly1_cross_entropy(predictions, labels, epsilon, weight, ignore_index):
    return sums(predictions, labels, ignore_index, weight, lambda p, x, y: -mp.log(p[y]) + epsilon * (1 - p[y]))


def z_loss(predictions):
    def term(row):
        return (max(row) + mp.log(mp.fsum(mp.exp(v - max(row)) for v in row))) ** 2

    rows = [x.reshape(x.shape[0], -1).T for x in predictions]
    return [mp.fsum(term(list(row)) for row in sample) for sample in rows], [mp.mpf(len(sample)) for sample in rows]


def jsd_cross_entropy(predictions, labels, alpha, smoothing):
    numerators = []
    for views, label in zip(predictions, labels, strict=True):
        logs = [[x - mp.log(mp.fsum(mp.exp(y) for y in view)) for x in view] for view in views]
        classes = range(len(logs[0]))
        target = [(1 - smoothing) * int(k == label) + smoothing / len(logs[0]) for k in classes]
        cross_entropy = -mp.fsum(t * log for t, log in zip(target, logs[0], strict=True))
        mixture = [mp.log(mp.fsum(mp.exp(view[k]) for view in logs) / len(logs)) for k in classes]
        divergence = mp.fsum(mp.exp(view[k]) * (view[k] - mixture[k]) for view in logs for k in classes)
        numerators.append(cross_entropy + alpha * divergence / len(logs))
    return numerators
