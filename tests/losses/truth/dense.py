from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant
from tests.losses.truth.boxes import _giou


def _softplus(x):
    return mp.log(1 + mp.exp(x))


def _share(a, b):
    return min(a, b) / max(a, b) if max(a, b) else mp.mpf(0)


def _focal(x, positive, alpha, gamma):
    """The rarer side is sigmoid(-s x), which keeps its digits."""
    s = 1 if positive else -1
    weight = 1 if alpha < 0 else alpha if positive else 1 - alpha
    return weight * (1 / (1 + mp.exp(s * x))) ** gamma * _softplus(-s * x)


def fcos(class_logits, distances, centerness, labels, distance_targets, alpha, gamma, box_weight, centerness_weight):
    found, objects = [], 0
    for i in range(len(labels)):
        total = mp.mpf(0)
        for a, label in enumerate(labels[i]):
            if label >= -1:
                total += mp.fsum(_focal(x, k == label, alpha, gamma) for k, x in enumerate(class_logits[i, a]))
            if label >= 0:
                objects += 1
                own, true = distances[i, a], distance_targets[i, a]
                central = mp.sqrt(_share(true[0], true[2]) * _share(true[1], true[3]))
                x = centerness[i, a]
                total += box_weight * _giou([-own[0], -own[1], own[2], own[3]], [-true[0], -true[1], true[2], true[3]])
                total += centerness_weight * (central * _softplus(-x) + (1 - central) * _softplus(x))
        found.append(total)
    return found, [mp.mpf(max(objects, 1)) / len(labels)] * len(labels)


def ghm_c(predictions, labels, counts, bins, momentum):
    edges = [mp.mpf(k) / bins for k in range(1, bins)]
    lengths = [1 / (1 + mp.exp(x if z else -x)) for x, z in zip(predictions.flat, labels.flat, strict=True)]
    place = [sum(g >= edge for edge in edges) for g in lengths]
    found = [place.count(b) for b in range(bins)]
    before = [mp.mpf(0)] * bins if counts is None else counts
    moved = [momentum * old + (1 - momentum) * new if new else old for old, new in zip(before, found, strict=True)]
    weights = constant([len(place) / (moved[b] * sum(new > 0 for new in found)) for b in place])
    terms = [w * _softplus(-x if z else x) for w, x, z in zip(weights, predictions.flat, labels.flat, strict=True)]
    rows = len(terms) // len(predictions)
    return [mp.fsum(terms[k * rows : (k + 1) * rows]) for k in range(len(predictions))]
