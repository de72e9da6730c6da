from __future__ import annotations

from mpmath import mp

from tests.losses.truth.sequence._shared import surprise_of_sequence


def rnnt(predictions, labels, input_lengths, target_lengths, blank, predictions_are, mean_over):
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
    return numerators, divisors(mean_over, target_lengths)


def divisors(mean_over, target_lengths):
    return [mp.mpf(1 if mean_over == "samples" else max(int(count), 1)) for count in target_lengths]


def tdt(predictions, duration_predictions, labels, durations, input_lengths, target_lengths, blank, sigma, mean_over):
    """All paths, one by one."""
    numerators = []
    for i in range(len(predictions)):
        frames, symbols = int(input_lengths[i]), int(target_lengths[i])
        mark = int(blank) % predictions.shape[3]

        def log_p(row, k):
            return row[k] + surprise_of_sequence(list(row))

        def paths(t, u, score, i=i, frames=frames, symbols=symbols, mark=mark):
            if t == frames and u == symbols:
                yield score
            if t >= frames:
                return
            for k, duration in enumerate(durations):
                step = score + log_p(duration_predictions[i, t, u], k) - sigma
                if duration and (t + duration < frames or u == symbols):
                    yield from paths(t + int(duration), u, step + log_p(predictions[i, t, u], mark))
                if u < symbols and t + duration < frames:
                    yield from paths(t + int(duration), u + 1, step + log_p(predictions[i, t, u], int(labels[i, u])))

        numerators.append(surprise_of_sequence(list(paths(0, 0, mp.mpf(0)))))
    return numerators, divisors(mean_over, target_lengths)
