from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import ZERO, exp


def cox_ph(predictions, times, events, strata, entry, ties):
    raised = exp(predictions)
    strata = np.zeros(len(times)) if strata is None else strata
    numerators = []
    for i in range(len(predictions)):
        if not events[i]:
            numerators.append(ZERO)
            continue
        there = [j for j in range(len(times)) if strata[j] == strata[i] and times[j] >= times[i] and (entry is None or entry[j] < times[i])]
        at_risk = mp.fsum(raised[j] for j in there)
        own = [raised[j] for j in there if times[j] == times[i] and events[j]]
        shares = [mp.mpf(j) / len(own) if ties == "efron" else ZERO for j in range(len(own))]
        numerators.append(mp.fsum(mp.log(at_risk - share * mp.fsum(own)) for share in shares) / len(own) - predictions[i])
    return numerators, [mp.mpf(int(e)) for e in events]
