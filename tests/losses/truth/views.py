from __future__ import annotations

from mpmath import mp


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
