from __future__ import annotations

from mpmath import mp

from tests.losses.truth import exp, softplus


def _corrected(predictions, negatives, log_count, negatives_log_count, hits):
    """Each sample's true score and those of the drawn classes that count."""
    for i in range(len(predictions)):
        kept = [j for j in range(negatives.shape[1]) if hits is None or not hits[i, j]]
        own = predictions[i] - (0 if log_count is None else log_count[i])
        yield own, [negatives[i, j] - (0 if negatives_log_count is None else negatives_log_count[i, j]) for j in kept]


def sampled_softmax(**call):
    return [mp.log1p(mp.fsum(exp(other - own) for other in others)) for own, others in _corrected(**call)]


def nce(**call):
    return [softplus(-own) + mp.fsum(softplus(other) for other in others) for own, others in _corrected(**call)]
