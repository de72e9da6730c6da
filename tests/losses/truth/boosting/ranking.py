from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant, sigmoid, softplus


def _places(values):
    order = sorted(range(len(values)), key=lambda i: -values[i])
    return {item: place for place, item in enumerate(order, 1)}


def boosting_lambdarank(predictions, labels, mask, sigmoid, lambdarank_truncation_level, lambdarank_norm):
    step = sigmoid
    numerators = []
    for i in range(len(predictions)):
        kept = [j for j in range(predictions.shape[1]) if mask is None or mask[i, j]]
        s, y = [predictions[i, j] for j in kept], [int(labels[i, j]) for j in kept]
        weights = constant(_lambda_weights(s, y, step, lambdarank_truncation_level, lambdarank_norm))
        numerators.append(mp.fsum(w * softplus(step * (s[b] - s[a])) for (a, b), w in weights.items()))
    return numerators, [mp.mpf(1)] * len(numerators)


def _lambda_weights(s, y, step, truncation, norm):
    places = _places(s)
    ideal = mp.fsum((2 ** y[i] - 1) / mp.log(1 + place, 2) for i, place in _places(y).items() if place <= truncation)
    weights = {}
    for a in range(len(s)):
        for b in range(len(s)):
            if y[a] > y[b] and min(places[a], places[b]) <= truncation:
                weight = (2 ** y[a] - 2 ** y[b]) * abs(1 / mp.log(1 + places[a], 2) - 1 / mp.log(1 + places[b], 2)) / ideal
                weights[a, b] = weight / (mp.mpf(0.01) + abs(s[a] - s[b])) if norm and max(s) != min(s) else weight
    total = 2 * step * mp.fsum(w * sigmoid(step * (s[b] - s[a])) for (a, b), w in weights.items())
    factor = mp.log(1 + total, 2) / total if norm and total > 0 else 1
    return {pair: factor * weight for pair, weight in weights.items()}
