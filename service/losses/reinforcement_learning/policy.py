"""Policy gradients: log-probabilities of the actions taken, weighted by their advantages.

logps are the log-probabilities under the policy being trained, old_logps those under the behavior policy; the ratio is
e^(logps - old_logps). Advantages, old and reference log-probabilities are constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from service.losses.declaration import Fraction, NonNegative, Positive
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times
from service.losses.numerics.special import expm1_minus
from service.losses.registry import loss
from service.losses.reinforcement_learning._shared import (
    SIGNED,
    STEPS,
    ActionLogProbability,
    Advantage,
    Entropy,
    Mask,
    OldLogProbability,
    OldValueEstimate,
    RefLogProbability,
    Return,
    ValueEstimate,
    as_weight,
    per_action,
    require_bound,
    surrogate,
    total,
    unmasked,
)


@loss(example=STEPS, bound=SIGNED)
def ppo_clip(
    logps: ActionLogProbability,
    old_logps: OldLogProbability,
    advantages: Advantage,
    *,
    mask: Mask | None = None,
    values: ValueEstimate | None = None,
    returns: Return | None = None,
    old_values: OldValueEstimate | None = None,
    entropy: Entropy | None = None,
    epsilon: Fraction = 0.2,
    epsilon_high: NonNegative = 0.2,
    value_epsilon: NonNegative = 0.2,
    value_coefficient: NonNegative = 0.5,
    entropy_coefficient: NonNegative = 0.01,
    dual_clip: NonNegative = 0.0,
) -> Evaluation:
    r"""Proximal policy optimization (PPO): the clipped surrogate objective, plus value and entropy terms if their inputs are sent.

    The value term is included if `values` and `returns` are sent. With `old_values`, it is the larger of the squared errors of the value and of the value clipped
    within value_epsilon of the old one (OpenAI baselines, TRL; Stable-Baselines3 uses only the second, not halved). `parts` has policy, value and entropy
    before their coefficients. At the edge of the clip range the gradient is that of the inside; for equal squares it is that of the
    unclipped one.

    Use: Reinforcement learning with policy gradients; fine-tuning of language models by human feedback (RLHF).
    Search: rlhf, policy_gradient
    Formula: \ell = -\min(\rho A, \mathrm{clip}(\rho, 1 - \epsilon, 1 + \epsilon_h) A) + c_v \tfrac12 \max((v - R)^2, (v_{clip} - R)^2) - c_e H, \quad \rho = e^{\log\pi - \log\pi_{old}}
    advantages: advantage of each action, or of each sample.
    epsilon: lower clip range of the ratio, to 1 - epsilon.
    epsilon_high: upper clip range of the ratio, to 1 + epsilon_high; equal to epsilon in the paper.
    value_epsilon: clip range of the values around old_values.
    value_coefficient: weight of the value term, half a square (TRL 0.1). Without the half it is twice that of others: Stable-Baselines3's vf_coef 0.5 is 1 here, the paper's 1 is 2.
    entropy_coefficient: weight of the entropy bonus (Stable-Baselines3 0).
    dual_clip: upper bound of the ratio where the advantage is negative, at least 1 + epsilon_high; 0 for none. verl's clip_ratio_c is 3: for an advantage of -1 and a ratio of 5 the loss is 3 instead of 5.
    Divisor: the number of elements, without those masked out
    Synonyms: PPO, ClipPPOLoss, PPOTrainer, proximal_policy_optimization
    Reference: Schulman et al., Proximal Policy Optimization Algorithms, 2017, arXiv:1707.06347, equations 7 and 9
    """
    if (values is None) != (returns is None):
        raise InvalidTensor("values" if values is None else "returns", "missing; expected values and returns together")
    require_bound("dual_clip", dual_clip, epsilon_high)
    weight, most = as_weight(mask, logps), dual_clip or math.inf
    value, slope = surrogate(unmasked(logps - old_logps, mask), per_action(advantages, logps), 1.0 - epsilon, 1.0 + epsilon_high, most)
    terms = [("policy", 1.0, elementwise(value, {"logps": lambda c: c * slope}, weight=weight))]
    if values is not None and returns is not None:
        critic = _critic(
            unmasked(values, mask), unmasked(returns, mask), None if old_values is None else unmasked(old_values, mask), value_epsilon, weight
        )
        terms.append(("value", value_coefficient, critic))
    if entropy is not None:
        terms.append(("entropy", entropy_coefficient, elementwise(-entropy, {"entropy": lambda c: -c * np.ones_like(logps)}, weight=weight)))
    return total(terms)


def _critic(values: Array, returns: Array, old_values: Array | None, epsilon: float, weight: Array | None) -> Evaluation:
    """Return half the larger of (v - R)^2 and the square with v clipped near its old value."""
    error = values - returns
    slope = error
    if old_values is not None:
        move = values - old_values
        beyond = move - np.clip(move, -epsilon, epsilon)
        held = error - beyond
        plain = np.sign(beyond) * (error + held) >= 0  # |error| >= |held|, as a difference of squares
        slope = np.where(plain, error, 0.0).astype(error.dtype)
        error = np.where(plain, error, held)
    return elementwise(0.5 * error * error, {"values": lambda c: c * slope}, weight=weight)


@loss(example=STEPS)
def importance_sampling(logps: ActionLogProbability, old_logps: OldLogProbability, advantages: Advantage, *, mask: Mask | None = None) -> Evaluation:
    r"""Off-policy policy gradient: the advantage times the unclipped importance ratio.

    Use: Off-policy reinforcement learning, and of language models whose samples are a little old.
    Formula: \ell = -e^{\log \pi - \log \pi_{old}} A
    advantages: advantage of each action, or of each sample.
    Divisor: the number of elements, without those masked out
    Synonyms: off_policy_reinforce, cpi
    Reference: Kakade and Langford, Approximately Optimal Approximate Reinforcement Learning, 2002; Schulman et al., 2017, arXiv:1707.06347, equation 6
    """
    value = -exp_times(unmasked(logps - old_logps, mask), per_action(advantages, logps))
    return elementwise(value, {"logps": lambda c: c * value}, weight=as_weight(mask, logps))


@loss(example=STEPS, conventions=("gradients",))
def cispo(
    logps: ActionLogProbability,
    old_logps: OldLogProbability,
    advantages: Advantage,
    *,
    mask: Mask | None = None,
    epsilon_high: Positive = 5.0,
    lower_bound: NonNegative = 0.0,
) -> Evaluation:
    r"""Clipped importance sampling policy optimization: the clipped ratio is constant, so that no token loses its gradient.

    The clipped ratio is constant in the gradient, as in the method, so the gradient is not the derivative of the value. The equation of MiniMax-M1 and verl clip
    to [1 - e_low, 1 + e_high], which are the bounds here. TRL's epsilon_high is the bound itself, as here; if unset it is TRL's epsilon, 0.2, which multiplies all on-policy
    gradients by 0.2. The default here is ScaleRL's 5.

    Formula: \ell = -\mathrm{sg}(\min(\max(\rho, \rho_l), \epsilon_h)) \, A \log \pi
    Use: Reinforcement learning of language models for reasoning, with long completions.
    advantages: advantage of each action, or of each sample.
    epsilon_high: upper bound of the ratio (as in TRL and ScaleRL, the bound itself, not its distance from 1).
    lower_bound: lower bound of the ratio, at most epsilon_high; 0 for none, as in TRL and ScaleRL.
    Divisor: the number of elements, without those masked out
    Synonyms: clipped_is_policy_optimization
    Reference: MiniMax, MiniMax-M1, 2025, arXiv:2506.13585, equation 4; TRL GRPOTrainer, loss_type cispo
    """
    if lower_bound > epsilon_high:
        raise InvalidOption("lower_bound", f"out of range; expected at most epsilon_high = {epsilon_high:g}, got {lower_bound:g}")
    log_ratio = np.minimum(unmasked(logps - old_logps, mask), math.log(epsilon_high))
    if lower_bound:
        log_ratio = np.maximum(log_ratio, math.log(lower_bound))
    weight = -exp_times(log_ratio, per_action(advantages, logps))
    return elementwise(weight * unmasked(logps, mask), {"logps": lambda c: c * weight}, weight=as_weight(mask, logps))


@loss(example={"logps": [[-1.2, -0.4], [-0.9, -2.0]], "advantages": [1.0, -0.5]})
def reinforce(logps: ActionLogProbability, advantages: Advantage, *, mask: Mask | None = None) -> Evaluation:
    r"""REINFORCE policy gradient: minus the log-probabilities of the actions taken, weighted by their advantages.

    With a completion's summed log-probability, and its reward minus the mean reward of the others, it is RLOO.

    Use: Reinforcement learning with policy gradients; the policy of an actor-critic; RLOO.
    Formula: \ell = -A \log \pi
    advantages: advantage of each action, or of each sample.
    Divisor: the number of elements, without those masked out
    Synonyms: policy_gradient, REINFORCELoss, rloo
    Reference: Williams, Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning, 1992, Machine Learning 8
    """
    slope = -per_action(advantages, logps)
    return elementwise(slope * unmasked(logps, mask), {"logps": lambda c: c * slope}, weight=as_weight(mask, logps))


@loss(example={"logps": [[-1.2, -0.4], [-0.9, -2.0]]}, conventions=("gradients",))
def dft(logps: ActionLogProbability, *, mask: Mask | None = None) -> Evaluation:
    r"""Dynamic fine-tuning: negative log-likelihood of the target tokens, each weighted by its own probability.

    The probability is constant in the gradient, as in the method, so the gradient is not the derivative of the value.

    Use: Supervised fine-tuning of language models that should generalize as after reinforcement learning.
    Formula: \ell = -\mathrm{sg}(\pi) \log \pi
    Divisor: the number of elements, without those masked out
    Synonyms: dynamic_fine_tuning, DFTLoss
    Reference: Wu et al., On the Generalization of SFT: A Reinforcement Learning Perspective with Reward Rectification, 2025, arXiv:2508.05629, equation 9; TRL SFTTrainer, loss_type dft
    """
    kept = unmasked(logps, mask)
    weight = -np.exp(kept)
    return elementwise(weight * kept, {"logps": lambda c: c * weight}, weight=as_weight(mask, logps))


@loss(
    example={"logps": [[-1.2, -0.4], [-0.9, -2.0]], "ref_logps": [[-1.0, -0.5], [-1.1, -1.2]]},
    hessian_diagonal=True,
    conventions=("gradients",),
)
def kl_estimator(
    logps: ActionLogProbability,
    ref_logps: RefLogProbability,
    *,
    mask: Mask | None = None,
    estimator: Literal["k1", "k2", "k3", "k1+", "k3+"] = "k3",
) -> Evaluation:
    r"""Estimators of KL(policy | reference) from log-probabilities of the policy's own samples.

    k1 is unbiased and of either sign; k2 is biased with low variance; k3 is unbiased and never negative. k3 is exact near 0, where
    exp(d) - d - 1 loses all digits. The gradients are those of the estimates, not of the divergence (except k2's, on average). k1+ and k3+ have the values of k1
    and k3 and the gradient of k2 (verl's straight-through estimators), which is that of the divergence on average. verl clips d to 20 and k3 to 10.

    Use: The penalty that keeps a policy near its reference in RLHF.
    Formula: k_1 = -d, \quad k_2 = \tfrac{d^2}{2}, \quad k_3 = e^d - 1 - d, \quad d = \log \pi_{ref} - \log \pi
    estimator: k1, k2 or k3; k1+ and k3+ are their values with the gradient of k2.
    Divisor: the number of elements, without those masked out
    Synonyms: k3, kl_penalty, low_var_kl
    Reference: Schulman, Approximating KL Divergence, 2020, joschu.net/blog/kl-approx.html
    """
    d = unmasked(ref_logps - logps, mask)
    forms: dict[str, Callable[[], Array]] = {"k1": lambda: -d, "k2": lambda: 0.5 * d * d, "k3": lambda: expm1_minus(d)}
    slopes: dict[str, Callable[[], Array]] = {"k1": lambda: -np.ones_like(d), "k2": lambda: d, "k3": lambda: np.expm1(d)}
    curvatures: dict[str, Callable[[], Array]] = {"k1": lambda: np.zeros_like(d), "k2": lambda: np.ones_like(d), "k3": lambda: np.exp(d)}
    of_gradient = "k2" if estimator.endswith("+") else estimator
    slope, curvature = slopes[of_gradient], curvatures[of_gradient]
    return elementwise(
        forms[estimator[:2]](),
        {"logps": lambda c: -c * slope(), "ref_logps": lambda c: c * slope()},
        {"logps": lambda c: c * curvature(), "ref_logps": lambda c: c * curvature()},
        weight=as_weight(mask, logps),
    )
