from __future__ import annotations

from typing import Any

from mpmath import mp

from tests.losses.truth import constant, sigmoid, softplus
from tests.losses.truth.ranking._shared import lists_of_ranking, places_of_ranking, weights_of_ranking


def margin_ranking(input1: Any, input2: Any, labels: Any, margin: Any) -> Any:
    rows = [array.reshape(len(labels), -1) for array in (input1, input2, labels)]
    return [mp.fsum(max(mp.mpf(0), margin - int(y) * (a - b)) for a, b, y in zip(*row, strict=True)) for row in zip(*rows, strict=True)]


def _pairs(labels):
    return [(i, j) for i in range(len(labels)) for j in range(len(labels)) if labels[i] > labels[j]]


def _pairwise(predictions, labels, mask, weight, term):
    numerators, weights = [], []
    for s, y, w in lists_of_ranking(mask, predictions, labels, weights_of_ranking(labels, weight)):
        pairs = _pairs(y)
        numerators.append(mp.fsum(w[i] * term(s[i] - s[j]) for i, j in pairs))
        weights.append(mp.mpf(len(pairs)))
    return numerators, weights


def pairwise_logistic(predictions, labels, mask, weight):
    return _pairwise(predictions, labels, mask, weight, lambda d: softplus(-d))


def pairwise_hinge(predictions, labels, mask, weight):
    return _pairwise(predictions, labels, mask, weight, lambda d: max(mp.mpf(0), 1 - d))


def pairwise_soft_zero_one(predictions, labels, mask, weight):
    return _pairwise(predictions, labels, mask, weight, lambda d: sigmoid(-d))


def pairwise_mse(predictions, labels, mask, weight, self_pairs):
    numerators, weights = [], []
    for s, y, w in lists_of_ranking(mask, predictions, labels, weights_of_ranking(labels, weight)):
        m = len(s)
        numerators.append(mp.fsum(w[i] * ((s[i] - s[j]) - (y[i] - y[j])) ** 2 for i in range(m) for j in range(m)))
        weights.append(mp.mpf(m * m if self_pairs == "counted" else m * (m - 1)))
    return numerators, weights


def pairwise_qr(predictions, labels, mask, weight, tau, squared):
    numerators, weights = [], []
    for s, y, w in lists_of_ranking(mask, predictions, labels, weights_of_ranking(labels, weight)):
        gaps = [(w[i], (s[i] - s[j]) - (y[i] - y[j])) for i, j in _pairs(y)]
        power = 2 if squared else 1
        numerators.append(mp.fsum(a * (tau * max(mp.mpf(0), -d) ** power + (1 - tau) * max(mp.mpf(0), d) ** power) for a, d in gaps))
        weights.append(mp.mpf(len(gaps)))
    return numerators, weights


def lambda_loss(predictions, labels, mask, weight, weighting, topn, sigma, mu):
    def gain(y):
        return mp.mpf(2) ** y - 1 if weighting != "mrr" else y

    def discount(place, topn=topn):
        if topn and place > topn:
            return mp.mpf(0)
        return 1 / mp.log(1 + place, 2) if weighting != "mrr" else mp.mpf(1) / place

    def swap(i, j, weighting):
        if weighting == "ndcg2++":
            return swap(i, j, "ndcg") + mu * swap(i, j, "ndcg2")
        if weighting != "ndcg2":
            return abs(discount(i) - discount(j))
        step = discount(abs(i - j), 0) - discount(abs(i - j) + 1, 0)
        return step / (1 - discount(max(i, j), 0)) if 0 < topn < max(i, j) else step

    numerators, weights = [], []
    for s, y, w in lists_of_ranking(mask, predictions, labels, weights_of_ranking(labels, weight)):
        gains = [a * gain(v) for a, v in zip(w, y, strict=True)]
        ideal = mp.fsum(gains[i] * discount(place) for i, place in places_of_ranking(gains).items())
        held, pairs = constant(places_of_ranking(s)), _pairs(y)
        scale = len(s) / ideal if ideal else 0
        if weighting == "ndcg1":
            factor = {(i, j): scale * gains[i] * discount(held[i]) for i in range(len(s)) for j in range(len(s))}
        else:
            factor = {(i, j): scale * abs(gains[i] - gains[j]) * swap(held[i], held[j], weighting) for i, j in pairs}
        numerators.append(mp.fsum(w[i] * rate * softplus(sigma * (s[j] - s[i])) for (i, j), rate in factor.items()))
        weights.append(mp.mpf(len(factor)))
    return numerators, weights
