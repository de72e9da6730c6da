from __future__ import annotations

from mpmath import mp


def surprise_of_sequence(scores):
    """Minus the log of the sum of e^score over the paths; infinity without any."""
    if not scores:
        return mp.inf
    top = max(scores)
    return -top - mp.log(mp.fsum(mp.exp(s - top) for s in scores))
