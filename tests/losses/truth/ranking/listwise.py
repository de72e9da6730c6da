from __future__ import annotations

from mpmath import mp

from tests.losses.truth import sigmoid
from tests.losses.truth.ranking._shared import lists_of_ranking, places_of_ranking, weights_of_ranking


def _softmax(x):
    top = max(x)
    e = [mp.exp(v - top) for v in x]
    return [v / mp.fsum(e) for v in e]


def _cross_entropy(targets, s):
    return -mp.fsum(t * mp.log(p) for t, p in zip(targets, _softmax(s), strict=True) if t)


def weighted(values, weight):
    return values if weight is None else values * weight


def ranking_softmax(predictions, labels, mask, weight):
    return by_list(predictions, weighted(labels, weight), mask, lambda s, y: _cross_entropy(y, s))


def listnet(predictions, labels, mask):
    return by_list(predictions, labels, mask, lambda s, y: _cross_entropy(_softmax(y), s))


def poly1_softmax(predictions, labels, mask, weight, epsilon):
    def term(s, y):
        total = mp.fsum(y)
        share = [v / total if total else mp.mpf(1) / len(y) for v in y]
        return _cross_entropy(y, s) + epsilon * (1 - mp.fsum(a * p for a, p in zip(share, _softmax(s), strict=True)))

    return by_list(predictions, weighted(labels, weight), mask, term)


def unique_softmax(predictions, labels, mask, weight):
    def term(s, y, w):
        rivals = [[j for j in range(len(y)) if j == i or y[j] < y[i]] for i in range(len(y))]
        return mp.fsum(w[i] * (mp.mpf(2) ** y[i] - 1) * mp.log(mp.fsum(mp.exp(s[j] - s[i]) for j in rivals[i])) for i in range(len(y)))

    return by_weighted_list(predictions, labels, mask, weight, term)


def listmle(predictions, labels, mask):
    def term(s, y):
        order = sorted(range(len(y)), key=lambda i: -y[i])
        return mp.fsum(mp.log(mp.fsum(mp.exp(s[j] - s[i]) for j in order[k:])) for k, i in enumerate(order))

    return by_list(predictions, labels, mask, term)


def p_listmle(predictions, labels, mask):
    def term(s, y):
        order, m = sorted(range(len(y)), key=lambda i: -y[i]), len(y)
        return mp.fsum((mp.mpf(2) ** (m - k) - 1) * mp.log(mp.fsum(mp.exp(s[j] - s[i]) for j in order[k - 1 :])) for k, i in enumerate(order, 1))

    return by_list(predictions, labels, mask, term)


def _smooth_ranks(s, temperature):
    return [1 + mp.fsum(sigmoid((s[j] - s[i]) / temperature) for j in range(len(s)) if j != i) for i in range(len(s))]


def approx_ndcg(predictions, labels, mask, weight, temperature):
    def term(s, y, w):
        gain = [a * (mp.mpf(2) ** v - 1) for a, v in zip(w, y, strict=True)]
        ideal = mp.fsum(gain[i] / mp.log(1 + place, 2) for i, place in places_of_ranking(gain).items())
        return -mp.fsum(g / mp.log(1 + r, 2) for g, r in zip(gain, _smooth_ranks(s, temperature), strict=True)) / ideal if ideal else mp.mpf(0)

    return by_weighted_list(predictions, labels, mask, weight, term)


def approx_mrr(predictions, labels, mask, temperature):
    def term(s, y):
        return -max([1 / r for r, v in zip(_smooth_ranks(s, temperature), y, strict=True) if v >= 1], default=mp.mpf(0))

    return by_list(predictions, labels, mask, term)


def by_list(predictions, labels, mask, term):
    return over_lists(term, mask, predictions, labels)


def by_weighted_list(predictions, labels, mask, weight, term):
    return over_lists(term, mask, predictions, labels, weights_of_ranking(labels, weight))


def over_lists(term, mask, *arrays):
    lists = list(lists_of_ranking(mask, *arrays))
    return [term(*rows) if rows[0] else mp.mpf(0) for rows in lists], [mp.mpf(1 if rows[0] else 0) for rows in lists]
