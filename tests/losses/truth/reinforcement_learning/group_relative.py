from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import constant
from tests.losses.truth.reinforcement_learning._shared import advantage_of, clipped, kept_of


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
    use_bias_correction_kl,
    top_entropy_quantile,
):
    def gain(ratio, a):
        if loss_type == "sapo":
            t = sapo_temperature_pos if a > 0 else sapo_temperature_neg
            return 4 / (1 + mp.exp(-t * (ratio - 1))) / t * a
        return min((min(ratio, delta) if delta else ratio) * a, clipped(ratio, 1 - epsilon, 1 + epsilon_high) * a)

    kept = kept_of(logps, mask)
    threshold = -mp.inf
    if top_entropy_quantile < 1 and kept.any():
        uncertain = sorted(entropy[i, j] for i, j in zip(*np.nonzero(kept), strict=True))
        threshold = uncertain[int(mp.ceil((1 - top_entropy_quantile) * (len(uncertain) - 1) - mp.mpf("1e-9")))]
    numerators, weights = [], []
    for i, row in enumerate(kept):
        tokens = [j for j in range(len(row)) if row[j]]
        length = max(len(tokens), 1)
        mean = mp.fsum(logps[i, j] - old_logps[i, j] for j in tokens) / length
        sampled = old_logps if sampling_logps is None else sampling_logps
        drift = mp.fsum(sampled[i, j] - logps[i, j] for j in tokens) / length
        losses = []
        for j in tokens:
            a = advantage_of(advantages, i, j)
            factor = 1 if importance_weights is None else advantage_of(importance_weights, i, j)
            factor = constant(0 if off_policy_threshold and a < 0 and drift > off_policy_threshold else factor)
            ratio = mp.exp(mean if importance_sampling_level == "sequence" else logps[i, j] - old_logps[i, j])
            distance = mp.mpf(0) if ref_logps is None else ref_logps[i, j] - logps[i, j]
            acts = constant(entropy is None or entropy[i, j] >= threshold)
            bonus = entropy_coefficient * entropy[i, j] if entropy is not None and acts else 0
            penalty = beta * (mp.exp(distance) - distance - 1) * (ratio if use_bias_correction_kl else 1)
            losses.append((-gain(ratio, a) * factor if factor and acts else 0) - bonus + penalty)
        numerators.append(mp.fsum(losses) / (length if loss_type in ("grpo", "sapo") else 1))
        whole = {"grpo": 1, "sapo": 1, "luspo": 1, "dr_grpo": max_completion_length or len(row)}
        weights.append(mp.mpf(whole.get(loss_type, len(tokens))))
    return numerators, weights


def gmpo(logps, old_logps, advantages, mask, epsilon, epsilon_high):
    numerators = []
    for i, row in enumerate(kept_of(logps, mask)):
        tokens, a = [j for j in range(len(row)) if row[j]], advantages[i]
        sign = mp.sign(a)
        logs = [logps[i, j] - old_logps[i, j] for j in tokens]
        lowest = [sign * min(sign * r, sign * clipped(r, -epsilon, epsilon_high)) for r in logs]
        numerators.append(-a * mp.exp(mp.fsum(lowest) / len(tokens)) if tokens else mp.mpf(0))
    return numerators, [mp.mpf(1)] * len(numerators)


def vespo(logps, old_logps, advantages, mask, importance_weights, vespo_k_pos, vespo_lambda_pos, vespo_k_neg, vespo_lambda_neg):
    low = mp.mpf(float(np.log(1e-8)))
    numerators, weights = [], []
    for i, row in enumerate(kept_of(logps, mask)):
        tokens = [j for j in range(len(row)) if row[j]]
        log_w = mp.fsum(clipped(logps[i, j] - old_logps[i, j], -20, 20) for j in tokens)
        if importance_weights is not None:
            given = [importance_weights[i]] if importance_weights.ndim == 1 else [importance_weights[i, j] for j in tokens]
            log_w += mp.fsum(clipped(mp.log(v) if v else -mp.inf, low, 20) for v in given)
        log_w = clipped(log_w, low, 20)
        losses = []
        for j in tokens:
            a = advantage_of(advantages, i, j)
            k, rate = (vespo_k_pos, vespo_lambda_pos) if a >= 0 else (vespo_k_neg, vespo_lambda_neg)
            losses.append(-constant(mp.exp(k * log_w + rate * (1 - mp.exp(log_w)))) * a * logps[i, j])
        numerators.append(mp.fsum(losses))
        weights.append(mp.mpf(len(tokens)))
    return numerators, weights
