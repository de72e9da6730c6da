"""By counting every path: nothing of the recursions."""

from __future__ import annotations

from itertools import groupby, pairwise, product

from mpmath import mp


def _surprise(scores):
    """Minus the log of the sum of e^score over the paths; infinity without any."""
    if not scores:
        return mp.inf
    top = max(scores)
    return -top - mp.log(mp.fsum(mp.exp(s - top) for s in scores))


def ctc(predictions, labels, input_lengths, target_lengths, blank, zero_infinity):
    numerators = []
    for i, (frames, symbols) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        wanted = [int(y) for y in labels[i, :symbols]]
        scores = []
        for path in product(range(predictions.shape[2]), repeat=int(frames)):
            if [k for k, _ in groupby(path) if k != blank] == wanted:
                scores.append(mp.fsum(predictions[t, i, k] for t, k in enumerate(path)))
        surprise = _surprise(scores)
        numerators.append(mp.mpf(0) if zero_infinity and surprise == mp.inf else surprise)
    return numerators, [mp.mpf(max(int(s), 1)) for s in target_lengths]


def rnnt(predictions, labels, input_lengths, target_lengths, blank, predictions_are):
    numerators = []
    for i in range(len(predictions)):
        frames, symbols = int(input_lengths[i]), int(target_lengths[i])
        mark = int(blank) % predictions.shape[3]

        def log_p(t, u, k, i=i):
            row = predictions[i, t, u]
            return row[k] if predictions_are == "log_probabilities" else row[k] + _surprise(list(row))

        def paths(t, u, score, i=i, frames=frames, symbols=symbols, mark=mark, log_p=log_p):
            if u < symbols:
                yield from paths(t, u + 1, score + log_p(t, u, int(labels[i, u])))
            if t < frames - 1:
                yield from paths(t + 1, u, score + log_p(t, u, mark))
            elif u == symbols:
                yield score + log_p(t, u, mark)

        numerators.append(_surprise(list(paths(0, 0, mp.mpf(0)))))
    return numerators, [mp.mpf(1)] * len(predictions)


def soft_dtw(predictions, labels, gamma):
    def paths(x, y, i, j, cost):
        cost = cost + mp.fsum((a - b) ** 2 for a, b in zip(x[i], y[j], strict=True))
        if i == len(x) - 1 and j == len(y) - 1:
            yield cost
        for di, dj in ((1, 0), (0, 1), (1, 1)):
            if i + di < len(x) and j + dj < len(y):
                yield from paths(x, y, i + di, j + dj, cost)

    numerators = [gamma * _surprise([-cost / gamma for cost in paths(x, y, 0, 0, mp.mpf(0))]) for x, y in zip(predictions, labels, strict=True)]
    return numerators, [mp.mpf(1)] * len(predictions)


def crf_nll(predictions, labels, transitions, start_transitions, end_transitions, lengths):
    numerators = []
    for i, emissions in enumerate(predictions):
        steps = len(emissions) if lengths is None else int(lengths[i])

        def score(path, emissions=emissions):
            total = [emissions[t][k] for t, k in enumerate(path)] + [transitions[a, b] for a, b in pairwise(path)]
            total += [] if start_transitions is None else [start_transitions[path[0]]]
            total += [] if end_transitions is None else [end_transitions[path[-1]]]
            return mp.fsum(total)

        scores = [score(path) for path in product(range(predictions.shape[2]), repeat=steps)]
        numerators.append(-_surprise(scores) - score([int(y) for y in labels[i, :steps]]))
    return numerators, [mp.mpf(1)] * len(predictions)
