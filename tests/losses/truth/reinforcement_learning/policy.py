from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import constant, exp


def _clip(x, low, high):
    return min(max(x, low), high)


def _rows(*arrays):
    """Each as rows of elements; None stays."""
    return [None if a is None else a.reshape(len(a), -1) for a in arrays]


def _kept(logps, mask):
    rows = logps.reshape(len(logps), -1)
    return np.ones(rows.shape, dtype=int) if mask is None else mask.reshape(rows.shape)


def _summed(logps, mask, term):
    kept = _kept(logps, mask)
    numerators = [mp.fsum(term(i, j) for j in range(kept.shape[1]) if kept[i, j]) for i in range(len(kept))]
    return numerators, [mp.mpf(int(row.sum())) for row in kept]


def _advantage(advantages, i, j):
    row = np.ravel(advantages[i])
    return row[j] if row.size > 1 else row[0]


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
    new, old, v, r, v_old, h = _rows(logps, old_logps, values, returns, old_values, entropy)

    def term(i, j):
        ratio, a = mp.exp(new[i, j] - old[i, j]), _advantage(advantages, i, j)
        found = -min(ratio * a, _clip(ratio, 1 - epsilon, 1 + epsilon_high) * a)
        if dual_clip and a < 0:
            found = min(found, -dual_clip * a)
        if v is not None:
            squares = [(v[i, j] - r[i, j]) ** 2]
            if v_old is not None:
                squares.append((v_old[i, j] + _clip(v[i, j] - v_old[i, j], -value_epsilon, value_epsilon) - r[i, j]) ** 2)
            found += value_coefficient * max(squares) / 2
        return found if h is None else found - entropy_coefficient * h[i, j]

    return _summed(logps, mask, term)


def grpo(
    logps,
    old_logps,
    advantages,
    ref_logps,
    mask,
    loss_type,
    importance_sampling_level,
    epsilon,
    epsilon_high,
    beta,
    max_completion_length,
    delta,
    sapo_temperature_pos,
    sapo_temperature_neg,
    entropy,
    importance_weights,
    sampling_logps,
    entropy_coefficient,
    off_policy_threshold,
):
    def gain(ratio, a):
        if loss_type == "sapo":
            t = sapo_temperature_pos if a > 0 else sapo_temperature_neg
            return 4 / (1 + mp.exp(-t * (ratio - 1))) / t * a
        return min((min(ratio, delta) if delta else ratio) * a, _clip(ratio, 1 - epsilon, 1 + epsilon_high) * a)

    kept = _kept(logps, mask)
    numerators, weights = [], []
    for i, row in enumerate(kept):
        tokens = [j for j in range(len(row)) if row[j]]
        length = max(len(tokens), 1)
        mean = mp.fsum(logps[i, j] - old_logps[i, j] for j in tokens) / length
        sampled = old_logps if sampling_logps is None else sampling_logps
        drift = mp.fsum(sampled[i, j] - logps[i, j] for j in tokens) / length
        losses = []
        for j in tokens:
            a = _advantage(advantages, i, j)
            factor = 1 if importance_weights is None else _advantage(importance_weights, i, j)
            factor = constant(0 if off_policy_threshold and a < 0 and drift > off_policy_threshold else factor)
            ratio = mp.exp(mean if importance_sampling_level == "sequence" else logps[i, j] - old_logps[i, j])
            distance = mp.mpf(0) if ref_logps is None else ref_logps[i, j] - logps[i, j]
            bonus = entropy_coefficient * entropy[i, j] if entropy is not None else 0
            losses.append((-gain(ratio, a) * factor if factor else 0) - bonus + beta * (mp.exp(distance) - distance - 1))
        numerators.append(mp.fsum(losses) / (length if loss_type in ("grpo", "sapo") else 1))
        whole = {"grpo": 1, "sapo": 1, "luspo": 1, "dr_grpo": max_completion_length or len(row)}
        weights.append(mp.mpf(whole.get(loss_type, len(tokens))))
    return numerators, weights


def importance_sampling(logps, old_logps, advantages, mask):
    new, old = _rows(logps, old_logps)
    return _summed(logps, mask, lambda i, j: -mp.exp(new[i, j] - old[i, j]) * _advantage(advantages, i, j))


def cispo(logps, old_logps, advantages, mask, epsilon_high, lower_bound):
    new, old = _rows(logps, old_logps)

    def term(i, j):
        return -constant(min(max(mp.exp(new[i, j] - old[i, j]), lower_bound), epsilon_high)) * _advantage(advantages, i, j) * new[i, j]

    return _summed(logps, mask, term)


def reinforce(logps, advantages, mask):
    (new,) = _rows(logps)
    return _summed(logps, mask, lambda i, j: -_advantage(advantages, i, j) * new[i, j])


def kl_estimator(logps, ref_logps, mask, estimator):
    new, ref = _rows(logps, ref_logps)
    ratio = exp(ref - new)
    forms = {"k1": new - ref, "k2": (ref - new) ** 2 / 2, "k3": ratio - 1 - (ref - new)}
    found = forms[estimator[:2]]
    if estimator.endswith("+"):  # straight through: the value of one, the gradient of k2
        found = constant(found) + forms["k2"] - constant(forms["k2"])
    return _summed(logps, mask, lambda i, j: found[i, j])


def dft(logps, mask):
    rows = logps.reshape(len(logps), -1)
    return _summed(logps, mask, lambda i, j: -constant(mp.exp(rows[i, j])) * rows[i, j])
