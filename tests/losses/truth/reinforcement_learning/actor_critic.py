from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant
from tests.losses.truth.reinforcement_learning._shared import criterion_of


def sac(logps, action_values, values, next_values, next_logps, rewards, done, log_alpha, alpha, discount, criterion, target_entropy):
    numerators = []
    for i, logp in enumerate(logps):
        rate = alpha if log_alpha is None else constant(mp.exp(log_alpha[0]))
        found = rate * logp - min(action_values[i])
        soft = min(next_values[i]) - rate * next_logps[i]
        aim = rewards[i] + (0 if done[i] else discount * soft)
        found += mp.fsum(criterion_of(q - aim, criterion) for q in values[i])
        if log_alpha is not None:
            found -= log_alpha[0] * constant(logp + target_entropy)
        numerators.append(found)
    return numerators
