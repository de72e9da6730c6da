"""Actors and critics of continuous actions."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Fraction, NonNegative, TensorSpec
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times
from service.losses.registry import loss
from service.losses.reinforcement_learning._shared import SIGNED
from service.losses.reinforcement_learning.values import Criterion, Done, Reward, error_and_slope, target

OwnLogProbability = Annotated[
    Array, TensorSpec("n", gradient="default", description="log-probabilities of the actions that the policy samples in the states")
]
OwnValues = Annotated[Array, TensorSpec("n m", gradient="default", description="values of these actions, by each of m critics")]
TakenValues = Annotated[Array, TensorSpec("n m", gradient="default", description="values of the actions taken, by each critic")]
FollowingValues = Annotated[Array, TensorSpec("n m", description="values of the policy's actions in the next states, by each target critic")]
FollowingLogProbability = Annotated[Array, TensorSpec("n", description="log-probabilities of the policy's actions in the next states")]
LogTemperature = Annotated[
    Array, TensorSpec("1", gradient="default", description="logarithm of alpha, in place of the option, for the temperature's term")
]


@loss(
    example={
        "logps": [-1.2, -0.4],
        "action_values": [[1.0, 0.8], [0.2, 0.5]],
        "values": [[0.9, 1.1], [0.1, 0.4]],
        "next_values": [[0.7, 0.6], [0.3, 0.2]],
        "next_logps": [-0.9, -1.1],
        "rewards": [0.5, 1.0],
        "done": [0, 1],
        "alpha": 0.2,
    },
    bound=SIGNED,
    conventions=("gradients",),
)
def sac(
    logps: OwnLogProbability,
    action_values: OwnValues,
    values: TakenValues,
    next_values: FollowingValues,
    next_logps: FollowingLogProbability,
    rewards: Reward,
    done: Done,
    *,
    log_alpha: LogTemperature | None = None,
    alpha: NonNegative = 1.0,
    discount: Fraction = 0.99,
    criterion: Criterion = "huber",
    target_entropy: float = -1.0,
) -> Evaluation:
    r"""Soft actor-critic (SAC): the actor's term, the critics', and the temperature's if log_alpha is sent.

    The actor prefers actions with a large value, by the smallest of the critics, the first of equal ones, and with a small log-probability. The critics' terms, added up, are errors against the
    reward plus the discounted soft value of the next state. `parts` has actor, critic and temperature. The gradients of logps and action_values are the actor's alone, that of values
    the critics', and that of log_alpha the temperature's. As in torchrl's SACLoss, the temperature is constant in the
    other terms and the log-probabilities are constant in its own, so the gradient is not the derivative of the value. Stable-Baselines3 has half the squared errors
    (half_squared).

    Use: Reinforcement learning of continuous actions, such as robots, with an entropy bonus.
    Formula: \ell = \alpha \log \pi - \min_m Q_m + \sum_m c(q_m - y) - \log \alpha \, (\log \pi + H), \quad y = r + (1 - d) \gamma \left( \min_m Q'_m - \alpha \log \pi' \right)
    Where: \log \pi `logps`; Q `action_values`; q `values`; Q' `next_values`; \log \pi' `next_logps`; r `rewards`; d `done`; H `target_entropy`
    alpha: temperature, the weight of the entropy, unless log_alpha is sent (torchrl's alpha_init is 1).
    discount: gamma, discount factor.
    criterion: c, function of the critics' errors: huber with delta 1 (torchrl's smooth_l1), squared e^2, or half_squared e^2 / 2.
    target_entropy: entropy that the temperature's term aims at, usually minus the number of dimensions of an action.
    Divisor: the number of samples
    Synonyms: SACLoss, soft_actor_critic
    Reference: Haarnoja et al., Soft Actor-Critic Algorithms and Applications, 2018, arXiv:1812.05905, equations 5, 9 and 18; torchrl SACLoss
    """
    rate = np.full(1, np.log(alpha), logps.dtype) if log_alpha is None else log_alpha
    rows, least = np.arange(len(logps)), np.argmin(action_values, axis=1)
    actor = exp_times(rate, logps) - action_values[rows, least]
    parts = {"actor": actor}

    def of_actor(c: Array) -> Array:
        out = np.zeros_like(action_values)
        out[rows, least] = -c
        return out

    gradients: dict[str, Pullback] = {"logps": lambda c: exp_times(rate, c.astype(logps.dtype)), "action_values": of_actor}
    soft = next_values.min(axis=1) - exp_times(rate, next_logps)
    cost, slope = error_and_slope(values - target(rewards, soft, done, discount)[:, None], criterion)
    parts["critic"] = cost.sum(axis=1)
    gradients["values"] = lambda c: c.astype(slope.dtype)[:, None] * slope
    if log_alpha is not None:
        excess = logps + logps.dtype.type(target_entropy)
        parts["temperature"] = -log_alpha * excess
        gradients["log_alpha"] = lambda c: -np.sum(c * excess, keepdims=True).astype(log_alpha.dtype)
    total = sum((part.astype(np.float64) for part in parts.values()), np.zeros(len(logps)))
    return Evaluation(total, np.ones(len(logps)), gradients, lambda: total, parts=parts)
