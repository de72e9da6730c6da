"""Policy gradients kept near the behavior policy by its divergence instead of by a clipped ratio."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Domain, NonNegative, Positive, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times
from service.losses.registry import loss
from service.losses.reinforcement_learning._shared import (
    SIGNED,
    STEPS,
    ActionLogProbability,
    Advantage,
    Mask,
    OldLogProbability,
    as_weight,
    per_action,
    unmasked,
)

BELOW = Domain(high=0)
DiscreteLogProbability = Annotated[
    Array,
    TensorSpec("n ...", domain=BELOW, unless="mask", gradient="default", description="log-probabilities of the actions or tokens under the policy"),
]
OldDiscreteLogProbability = Annotated[
    Array, TensorSpec("n ...", domain=BELOW, unless="mask", description="log-probabilities of the same actions or tokens under the behavior policy")
]


@loss(example=STEPS, conventions=("gradients",))
def dppo(
    logps: DiscreteLogProbability,
    old_logps: OldDiscreteLogProbability,
    advantages: Advantage,
    *,
    mask: Mask | None = None,
    divergence: Literal["tv", "kl"] = "tv",
    epsilon: NonNegative = 0.2,
    epsilon_high: NonNegative = 0.2,
    max_ratio: Annotated[float, annotated_types.Gt(0)] = 20.0,
) -> Evaluation:
    r"""Divergence PPO: the policy gradient of the tokens that have not yet left a trust region, which is measured by a divergence instead of the ratio.

    The divergence is that of the two outcomes, this action or another. An action with a positive advantage loses its gradient once its probability has risen
    beyond the region, one with another advantage once it has fallen beyond it. Ratio and region are constant in the gradient, so the gradient is not the
    derivative of the value. verl's losses dppo_tv and dppo_kl, which add 1e-8 inside the logarithms of the divergence.

    Use: Reinforcement learning of language models, where a ratio misjudges tokens of small probability.
    Formula: \ell = -[D \le \epsilon \text{ or } \pi \text{ moves back}] \; \mathrm{sg}(\min(\rho, \rho_m)) \, A \log \pi, \quad D_{tv} = |\pi - \pi_{old}|, \; D_{kl} = \pi_{old} \log \frac{\pi_{old}}{\pi} + (1 - \pi_{old}) \log \frac{1 - \pi_{old}}{1 - \pi}
    advantages: advantage of each action, or of each sample.
    divergence: tv (total variation) or kl.
    epsilon: largest divergence of an action whose probability falls.
    epsilon_high: largest divergence of an action whose probability rises.
    max_ratio: upper bound of the ratio, verl's clip_ratio_c.
    Divisor: the number of elements, without those masked out
    Synonyms: divergence_ppo, dppo_tv, dppo_kl
    Reference: Divergence Proximal Policy Optimization, 2026, arXiv:2602.04879; verl, loss_mode dppo_tv and dppo_kl
    """
    new, old = unmasked(logps, mask), unmasked(old_logps, mask)
    p, q = np.exp(new), np.exp(old)
    change = q * np.expm1(new - old)
    if divergence == "tv":
        distance = np.abs(change)
    else:
        rest = np.where(q == 1, 0.0, -np.expm1(old) * (np.log(-np.expm1(old)) - np.log(-np.expm1(new))))
        distance = q * (old - new) + rest
    gains = per_action(advantages, logps)
    inside = np.where(gains > 0, (distance <= epsilon_high) | (p <= q), (distance <= epsilon) | (p >= q))
    weight = np.where(inside, -exp_times(np.minimum(new - old, math.log(max_ratio)), gains), 0.0).astype(logps.dtype)
    return elementwise(weight * new, {"logps": lambda c: c * weight}, weight=as_weight(mask, logps))


@loss(example=STEPS, bound=SIGNED, hessian_diagonal=True)
def dro(
    logps: ActionLogProbability, old_logps: OldLogProbability, advantages: Advantage, *, mask: Mask | None = None, beta: Positive = 0.1
) -> Evaluation:
    r"""Direct reward optimization: the policy gradient plus half the squared log-ratio to the policy that generated the samples.

    verl has no default for beta.

    Use: Offline and off-policy reinforcement learning of language models from rewards of single completions.
    Formula: \ell = -A \log \pi + \frac{\beta}{2} (\log \pi - \log \pi_{old})^2
    advantages: advantage of each action, or of each sample.
    beta: weight of the squared log-ratio.
    Divisor: the number of elements, without those masked out
    Synonyms: direct_reward_optimisation, direct_reward_optimization
    Reference: Richemond et al., Offline Regularised Reinforcement Learning for Large Language Models Alignment, 2024, arXiv:2405.19107; verl, loss_mode dro
    """
    gains, log_ratio = per_action(advantages, logps), unmasked(logps - old_logps, mask)
    return elementwise(
        0.5 * (beta * log_ratio) * log_ratio - gains * unmasked(logps, mask),
        {"logps": lambda c: c * (beta * log_ratio - gains)},
        {"logps": lambda c: c * np.full_like(log_ratio, beta)},
        weight=as_weight(mask, logps),
    )
