from __future__ import annotations

from mpmath import mp

from tests.losses.truth.classification._shared import of_distributions, positions_of_tempered, softmax_of_softmax, sums, sums_as_they_are


def generalized_cross_entropy(predictions, labels, q, weight, ignore_index, predictions_are):
    if labels.ndim == predictions.ndim:

        def term(x, t):
            p = x if predictions_are == "probabilities" else softmax_of_softmax(x)
            expected = mp.fsum(a * b for a, b in zip(p, t, strict=True))
            return mp.fsum(t if weight is None else [w * v for w, v in zip(weight, t, strict=True)]) * (1 - expected**q) / q

        return of_distributions(predictions, labels, term)
    if predictions_are == "probabilities":
        return sums_as_they_are(predictions, labels, ignore_index, weight, lambda p, y: (1 - p[y] ** q) / q)
    return sums(predictions, labels, ignore_index, weight, lambda p, x, y: (1 - p[y] ** q) / q)


def symmetric_cross_entropy(predictions, labels, alpha, beta, log_zero, weight, ignore_index):
    def term(p, x, y):
        reverse = -mp.fsum(v * (0 if k == y else log_zero) for k, v in enumerate(p))
        return alpha * -mp.log(p[y]) + beta * reverse

    return sums(predictions, labels, ignore_index, weight, term)


def mae_probability(predictions, labels, weight, ignore_index):
    return sums(predictions, labels, ignore_index, weight, lambda p, x, y: mp.fsum(abs(v - (k == y)) for k, v in enumerate(p)))


def taylor_cross_entropy(predictions, labels, order, weight, ignore_index):
    return sums(predictions, labels, ignore_index, weight, lambda p, x, y: mp.fsum((1 - p[y]) ** i / i for i in range(1, int(order) + 1)))


def _tempered_softmax(x, t):
    """By Newton's method on the sum of the powers, which is convex and falls."""
    top = max(x)
    if t == 1:
        total = mp.fsum(mp.exp(v - top) for v in x)
        return [mp.exp(v - top) / total for v in x]
    gaps, level, digits = [top - v for v in x], mp.mpf(0), 25
    while True:  # to 25 digits, and then each step doubles them
        with mp.workdps(min(digits, mp.dps)):
            bases = [1 + (t - 1) * (level + gap) for gap in gaps]
            powers = [base ** (-1 / (t - 1)) for base in bases]
            step = (mp.fsum(powers) - 1) / mp.fsum(p / base for p, base in zip(powers, bases, strict=True))
            level += step
        if digits > 2 * mp.dps:
            return [(1 + (t - 1) * (level + gap)) ** (-1 / (t - 1)) for gap in gaps]
        if digits > 25 or abs(step) < mp.mpf(10) ** -20:
            digits *= 2


def bi_tempered_logistic(predictions, labels, t1, t2, weight, ignore_index):
    numerators, weights = [], []
    for rows in positions_of_tempered(predictions, labels):
        kept = [(x, y) for x, y in rows if y != ignore_index]
        shares = [mp.mpf(1) if weight is None else weight[y] for _, y in kept]
        numerators.append(mp.fsum(w * _bi_tempered(_tempered_softmax(x, t2), y, t1) if w else w for w, (x, y) in zip(shares, kept, strict=True)))
        weights.append(mp.fsum(shares))
    return numerators, weights


def _bi_tempered(p, y, t1):
    surprise = -mp.log(p[y]) if t1 == 1 else -(p[y] ** (1 - t1) - 1) / (1 - t1)
    return surprise - (1 - mp.fsum(v ** (2 - t1) for v in p)) / (2 - t1)
