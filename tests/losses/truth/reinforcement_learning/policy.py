from __future__ import annotations

from mpmath import mp

from tests.losses.truth import constant, exp
from tests.losses.truth.reinforcement_learning._shared import advantage_of, clipped, rows_of, summed


def ppo_clip(
    logps,
    old_logps,
    advantages,
    mask,
    values,
    returns,
    old_values,
    entropy,
    epsilon,
    epsilon_high,
    value_epsilon,
    value_coefficient,
    entropy_coefficient,
    dual_clip,
):
    new, old, v, r, v_old, h = rows_of(logps, old_logps, values, returns, old_values, entropy)

    def term(i, j):
        ratio, a = mp.exp(new[i, j] - old[i, j]), advantage_of(advantages, i, j)
        found = -min(ratio * a, clipped(ratio, 1 - epsilon, 1 + epsilon_high) * a)
        if dual_clip and a < 0:
            found = min(found, -dual_clip * a)
        if v is not None:
            squares = [(v[i, j] - r[i, j]) ** 2]
            if v_old is not None:
                squares.append((v_old[i, j] + clipped(v[i, j] - v_old[i, j], -value_epsilon, value_epsilon) - r[i, j]) ** 2)
            found += value_coefficient * max(squares) / 2
        return found if h is None else found - entropy_coefficient * h[i, j]

    return summed(logps, mask, term)


def importance_sampling(logps, old_logps, advantages, mask):
    new, old = rows_of(logps, old_logps)
    return summed(logps, mask, lambda i, j: -mp.exp(new[i, j] - old[i, j]) * advantage_of(advantages, i, j))


def cispo(logps, old_logps, advantages, mask, epsilon_high, lower_bound):
    new, old = rows_of(logps, old_logps)

    def term(i, j):
        return -constant(min(max(mp.exp(new[i, j] - old[i, j]), lower_bound), epsilon_high)) * advantage_of(advantages, i, j) * new[i, j]

    return summed(logps, mask, term)


def reinforce(logps, advantages, mask):
    (new,) = rows_of(logps)
    return summed(logps, mask, lambda i, j: -advantage_of(advantages, i, j) * new[i, j])


def kl_estimator(logps, ref_logps, mask, estimator):
    new, ref = rows_of(logps, ref_logps)
    ratio = exp(ref - new)
    forms = {"k1": new - ref, "k2": (ref - new) ** 2 / 2, "k3": ratio - 1 - (ref - new)}
    found = forms[estimator[:2]]
    if estimator.endswith("+"):  # straight through: the value of one, the gradient of k2
        found = constant(found) + forms["k2"] - constant(forms["k2"])
    return summed(logps, mask, lambda i, j: found[i, j])


def dft(logps, mask):
    rows = logps.reshape(len(logps), -1)
    return summed(logps, mask, lambda i, j: -constant(mp.exp(rows[i, j])) * rows[i, j])
