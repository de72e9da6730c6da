from __future__ import annotations

from mpmath import mp

from tests.losses.truth import per_sample


def _criterion(error, name):
    if name == "huber":
        return error**2 / 2 if abs(error) <= 1 else abs(error) - mp.mpf(1) / 2
    return error**2 / (2 if name == "half_squared" else 1)


def td(predictions, next_values, rewards, done, discount, criterion):
    aims = rewards + discount * next_values * (1 - done)
    found = predictions - aims
    for index, error in enumerate(found.flat):
        found.flat[index] = _criterion(error, criterion)
    return per_sample(found)


def dqn(predictions, actions, next_values, rewards, done, next_predictions, discount, criterion):
    numerators = []
    for i, action in enumerate(actions):
        says = next_values[i] if next_predictions is None else next_predictions[i]
        best = max(range(len(says)), key=says.__getitem__)
        followed = mp.mpf(0) if done[i] else discount * next_values[i, best]
        numerators.append(_criterion(predictions[i, action] - rewards[i] - followed, criterion))
    return numerators
