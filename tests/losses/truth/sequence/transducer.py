from __future__ import annotations

from mpmath import mp

from tests.losses.truth.sequence._shared import surprise_of_sequence


def rnnt(predictions, labels, input_lengths, target_lengths, blank, predictions_are):
    numerators = []
    for i in range(len(predictions)):
        frames, symbols = int(input_lengths[i]), int(target_lengths[i])
        mark = int(blank) % predictions.shape[3]

        def log_p(t, u, k, i=i):
            row = predictions[i, t, u]
            return row[k] if predictions_are == "log_probabilities" else row[k] + surprise_of_sequence(list(row))

        def paths(t, u, score, i=i, frames=frames, symbols=symbols, mark=mark, log_p=log_p):
            if u < symbols:
                yield from paths(t, u + 1, score + log_p(t, u, int(labels[i, u])))
            if t < frames - 1:
                yield from paths(t + 1, u, score + log_p(t, u, mark))
            elif u == symbols:
                yield score + log_p(t, u, mark)

        numerators.append(surprise_of_sequence(list(paths(0, 0, mp.mpf(0)))))
    return numerators, [mp.mpf(1)] * len(predictions)
