from __future__ import annotations

from itertools import groupby, product

from mpmath import mp

from tests.losses.truth import exp, log
from tests.losses.truth.sequence._shared import surprise_of_sequence


def ctc(predictions, labels, input_lengths, target_lengths, blank, zero_infinity, predictions_are):
    if predictions_are == "logits":
        predictions = predictions - log(exp(predictions).sum(axis=2, keepdims=True))
    numerators = []
    for i, (frames, symbols) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        wanted = [int(y) for y in labels[i, :symbols]]
        scores = []
        for path in product(range(predictions.shape[2]), repeat=int(frames)):
            if [k for k, _ in groupby(path) if k != blank] == wanted:
                scores.append(mp.fsum(predictions[t, i, k] for t, k in enumerate(path)))
        surprise = surprise_of_sequence(scores)
        numerators.append(mp.mpf(0) if zero_infinity and surprise == mp.inf else surprise)
    return numerators, [mp.mpf(max(int(s), 1)) for s in target_lengths]
