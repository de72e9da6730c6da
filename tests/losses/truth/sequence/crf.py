from __future__ import annotations

from itertools import pairwise, product

from mpmath import mp

from tests.losses.truth.sequence._shared import surprise_of_sequence


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
        numerators.append(-surprise_of_sequence(scores) - score([int(y) for y in labels[i, :steps]]))
    return numerators, [mp.mpf(1)] * len(predictions)
