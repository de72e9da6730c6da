from __future__ import annotations

import numpy as np
from mpmath import mp

from tests.losses.truth import exp, log, sigmoid, softplus, times


def bradley_terry(chosen_rewards, rejected_rewards, margin, center_rewards_coefficient):
    gap = chosen_rewards - rejected_rewards - (0 if margin is None else margin)
    return list(-log(sigmoid(gap)) + center_rewards_coefficient * (chosen_rewards + rejected_rewards) ** 2)


def _sigmoid_loss(delta, beta, smoothing):
    return (1 - smoothing) * softplus(-beta * delta) + smoothing * softplus(beta * delta)


def _of_sorted(a, b, beta, smoothing):
    found = [None] * len(a)
    for i, j in zip(*(sorted(range(len(x)), key=x.__getitem__) for x in (a, b)), strict=True):
        found[i] = _sigmoid_loss(np.array([a[i] - b[j]], dtype=object), beta, smoothing)[0]
    return found


def _reward(d, divergence, alpha):
    if divergence == "forward_kl":
        return 1 - exp(-d)
    if divergence == "js_divergence":
        return log(2 / (1 + exp(-d)))
    return d if divergence == "reverse_kl" or alpha == 1 else (exp((alpha - 1) * d) - 1) / (alpha - 1)


def dpo(
    chosen_logps,
    rejected_logps,
    ref_chosen_logps,
    ref_rejected_logps,
    loss_type,
    beta,
    label_smoothing,
    discopop_tau,
    f_divergence_type,
    f_alpha_divergence_coef,
):
    ratios = chosen_logps - ref_chosen_logps, rejected_logps - ref_rejected_logps
    chosen, rejected = (_reward(d, f_divergence_type, f_alpha_divergence_coef) for d in ratios)
    delta, e = chosen - rejected, label_smoothing
    if loss_type == "sigmoid":
        return list(_sigmoid_loss(delta, beta, e))
    if loss_type == "hinge":
        return [max(mp.mpf(0), 1 - beta * d) for d in delta]
    if loss_type == "ipo":
        return list((delta - 1 / (2 * beta)) ** 2)
    if loss_type == "robust":
        return list(((1 - e) * softplus(-beta * delta) - e * softplus(beta * delta)) / (1 - 2 * e))
    if loss_type == "exo_pair":
        q, p = sigmoid(beta * delta), sigmoid(-beta * delta)
        return list(times(q, -softplus(-beta * delta) - mp.log(1 - e)) + times(p, -softplus(beta * delta) - mp.log(e)))
    if loss_type == "nca_pair":
        return list(softplus(-beta * chosen) + softplus(beta * chosen) / 2 + softplus(beta * rejected) / 2)
    if loss_type == "bco_pair":
        return list(softplus(-beta * chosen) + softplus(beta * rejected))
    if loss_type == "sppo_hard":
        return list((chosen - 1 / (2 * beta)) ** 2 + (rejected + 1 / (2 * beta)) ** 2)
    if loss_type == "aot":
        return _of_sorted(chosen_logps - rejected_logps, ref_chosen_logps - ref_rejected_logps, beta, e)
    if loss_type == "aot_unpaired":
        return _of_sorted(chosen, rejected, beta, e)
    if loss_type == "apo_zero":
        return list(sigmoid(-beta * chosen) + sigmoid(beta * rejected))
    if loss_type == "apo_down":
        return list(sigmoid(beta * chosen) + sigmoid(-beta * delta))
    assert loss_type == "discopop"
    x = beta * delta
    m = sigmoid(x / discopop_tau)
    return list(softplus(-x) * sigmoid(-x / discopop_tau) + exp(-x) * m)


def orpo(chosen_logps, rejected_logps, beta):
    odds = [exp(x) / (1 - exp(x)) for x in (chosen_logps, rejected_logps)]
    return list(-chosen_logps + beta * log(1 + odds[1] / odds[0]))


def cpo(chosen_logps, rejected_logps, chosen_nll, loss_type, beta, label_smoothing, cpo_alpha):
    delta = chosen_logps - rejected_logps
    if loss_type == "sigmoid":
        value = _sigmoid_loss(delta, beta, label_smoothing)
    elif loss_type == "hinge":
        value = np.array([max(mp.mpf(0), 1 - beta * d) for d in delta], dtype=object)
    else:
        value = (delta - 1 / (2 * beta)) ** 2
    return list(value if chosen_nll is None else value + cpo_alpha * chosen_nll)


def simpo(chosen_logps, rejected_logps, beta, simpo_gamma, label_smoothing):
    return list(_sigmoid_loss(chosen_logps - rejected_logps - simpo_gamma / beta, beta, label_smoothing))


def alphapo(chosen_logps, rejected_logps, alpha, beta, simpo_gamma, label_smoothing):
    def reward(x):
        return x if alpha == 0 else (1 - exp(-alpha * x)) / alpha

    def minus_log_sigmoid(x):
        return max(-x, mp.mpf(0)) if abs(x) > 10000 else softplus(-x)  # e^(e^300) has no digits

    x = beta * (reward(chosen_logps) - reward(rejected_logps)) - simpo_gamma
    return [(1 - label_smoothing) * minus_log_sigmoid(v) + label_smoothing * minus_log_sigmoid(-v) for v in x]
