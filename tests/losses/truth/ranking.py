from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant, sigmoid, softplus


def _lists(mask, *arrays):
    """The items of each list: a tuple of its rows, padding left out."""
    for i in range(len(arrays[0])):
        kept = [j for j in range(arrays[0].shape[1]) if mask is None or mask[i, j]]
        yield tuple([array[i, j] for j in kept] for array in arrays)


def _pairs(labels):
    return [(i, j) for i in range(len(labels)) for j in range(len(labels)) if labels[i] > labels[j]]


def _pairwise(predictions, labels, mask, term):
    numerators, weights = [], []
    for s, y in _lists(mask, predictions, labels):
        pairs = _pairs(y)
        numerators.append(mp.fsum(term(s[i] - s[j]) for i, j in pairs))
        weights.append(mp.mpf(len(pairs)))
    return numerators, weights


def by_list(predictions, labels, mask, term):
    lists = list(_lists(mask, predictions, labels))
    return [term(s, y) if s else mp.mpf(0) for s, y in lists], [mp.mpf(1 if s else 0) for s, _ in lists]


def pairwise_logistic(predictions, labels, mask):
    return _pairwise(predictions, labels, mask, lambda d: softplus(-d))


def pairwise_hinge(predictions, labels, mask):
    return _pairwise(predictions, labels, mask, lambda d: max(mp.mpf(0), 1 - d))


def pairwise_soft_zero_one(predictions, labels, mask):
    return _pairwise(predictions, labels, mask, lambda d: sigmoid(-d))


def pairwise_mse(predictions, labels, mask, self_pairs):
    numerators, weights = [], []
    for s, y in _lists(mask, predictions, labels):
        m = len(s)
        numerators.append(mp.fsum(((s[i] - s[j]) - (y[i] - y[j])) ** 2 for i in range(m) for j in range(m)))
        weights.append(mp.mpf(m * m if self_pairs == "counted" else m * (m - 1)))
    return numerators, weights


def pairwise_qr(predictions, labels, mask, tau, squared):
    numerators, weights = [], []
    for s, y in _lists(mask, predictions, labels):
        gaps = [(s[i] - s[j]) - (y[i] - y[j]) for i, j in _pairs(y)]
        power = 2 if squared else 1
        numerators.append(mp.fsum(tau * max(mp.mpf(0), -d) ** power + (1 - tau) * max(mp.mpf(0), d) ** power for d in gaps))
        weights.append(mp.mpf(len(gaps)))
    return numerators, weights


def places(values):
    order = sorted(range(len(values)), key=lambda i: -values[i])
    return {item: place for place, item in enumerate(order, 1)}


def lambda_loss(predictions, labels, mask, weighting, topn):
    def gain(y):
        return mp.mpf(2) ** y - 1 if weighting != "mrr" else y

    def discount(place, topn=topn):
        if topn and place > topn:
            return mp.mpf(0)
        return 1 / mp.log(1 + place, 2) if weighting != "mrr" else mp.mpf(1) / place

    def swap(i, j):
        if weighting != "ndcg2":
            return abs(discount(i) - discount(j))
        step = discount(abs(i - j), 0) - discount(abs(i - j) + 1, 0)
        return step / (1 - discount(max(i, j), 0)) if 0 < topn < max(i, j) else step

    numerators, weights = [], []
    for s, y in _lists(mask, predictions, labels):
        ideal = mp.fsum(gain(y[i]) * discount(place) for i, place in places(y).items())
        held, pairs = constant(places(s)), _pairs(y)
        scale = len(s) / ideal if ideal else 0
        weight = {(i, j): scale * (gain(y[i]) - gain(y[j])) * swap(held[i], held[j]) for i, j in pairs}
        numerators.append(mp.fsum(weight[i, j] * softplus(s[j] - s[i]) for i, j in pairs))
        weights.append(mp.mpf(len(pairs)))
    return numerators, weights


def ordinal(predictions, labels, mask):
    numerators, weights = [], []
    for x, y in zip(predictions, labels, strict=True):
        kept = [j for j in range(len(y)) if mask is None or mask[len(numerators), j]]
        numerators.append(mp.fsum(softplus(x[j, k]) - (x[j, k] if y[j] >= k + 1 else 0) for j in kept for k in range(x.shape[1])))
        weights.append(mp.mpf(len(kept)))
    return numerators, weights
