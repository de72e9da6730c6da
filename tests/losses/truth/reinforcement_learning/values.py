from __future__ import annotations

from mpmath import mp

from tests.losses.truth import per_sample
from tests.losses.truth.reinforcement_learning._shared import criterion_of


def td(predictions, next_values, rewards, done, discount, criterion):
    aims = rewards + discount * next_values * (1 - done)
    found = predictions - aims
    for index, error in enumerate(found.flat):
        found.flat[index] = criterion_of(error, criterion)
    return per_sample(found)


def dqn(predictions, actions, next_values, rewards, done, next_predictions, discount, criterion):
    numerators = []
    for i, action in enumerate(actions):
        says = next_values[i] if next_predictions is None else next_predictions[i]
        best = max(range(len(says)), key=says.__getitem__)
        followed = mp.mpf(0) if done[i] else discount * next_values[i, best]
        numerators.append(criterion_of(predictions[i, action] - rewards[i] - followed, criterion))
    return numerators
