"""Temporal-difference losses of state and action values. The target is constant."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import Domain, Fraction, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.registry import loss

StateValue = Annotated[Array, TensorSpec("n ...", gradient="default", description="values of the states")]
NextStateValue = Annotated[Array, TensorSpec("n ...", description="values of the next states, usually from a target network")]
StepReward = Annotated[Array, TensorSpec("n ...", description="rewards of the steps")]
StepDone = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 where the episode ended, 0 elsewhere")]
ActionValues = Annotated[Array, TensorSpec("n k", gradient="default", description="values of every action in each state")]
Actions = Annotated[Array, TensorSpec("n", kind="integer", below="k", description="the actions taken")]
NextActionValues = Annotated[Array, TensorSpec("n k", description="values of every action in the next states, usually from a target network")]
OnlineValues = Annotated[
    Array, TensorSpec("n k", description="values of the online network in the next states, which select the action (double DQN)")
]
Reward = Annotated[Array, TensorSpec("n", description="rewards of the steps")]
Done = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 where the episode ended, 0 elsewhere")]
Criterion = Literal["huber", "squared", "half_squared"]


def error_and_slope(error: Array, criterion: Criterion) -> tuple[Array, Array]:
    """Apply a criterion to the errors; return its values and derivative."""
    if criterion == "huber":
        slope = np.clip(error, -1.0, 1.0)
        return slope * (error - 0.5 * slope), slope
    return (error * error, 2.0 * error) if criterion == "squared" else (0.5 * error * error, error)


def target(rewards: Array, followed: Array, done: Array, discount: float) -> Array:
    """Return the reward plus the discounted value of the next state."""
    return rewards + np.where(done == 1, 0.0, discount * followed).astype(rewards.dtype, copy=False)


@loss(example={"predictions": [0.5, 1.0], "next_values": [0.4, 0.9], "rewards": [0.0, 1.0], "done": [0, 1]})
def td(
    predictions: StateValue,
    next_values: NextStateValue,
    rewards: StepReward,
    done: StepDone,
    *,
    discount: Fraction = 0.99,
    criterion: Criterion = "squared",
) -> Evaluation:
    r"""Temporal-difference error of state values against the reward plus the discounted value of the next state.

    The target is constant, so the gradient is a semi-gradient.

    Use: State values in reinforcement learning; the critic of an actor-critic.
    Formula: \ell = c(v - y), \quad y = r + (1 - d) \gamma v'
    discount: gamma, discount factor.
    criterion: c, function of the error: squared e^2, half_squared e^2 / 2, or huber with delta 1.
    Synonyms: TD0Loss, temporal_difference, td_error, bellman_error
    Reference: Sutton, Learning to Predict by the Methods of Temporal Differences, 1988, Machine Learning 3
    """
    value, slope = error_and_slope(predictions - target(rewards, next_values, done, discount), criterion)
    return elementwise(value, {"predictions": lambda c: c * slope})


@loss(
    example={
        "predictions": [[0.5, 1.0], [0.2, -0.3]],
        "actions": [0, 1],
        "next_values": [[0.4, 0.9], [0.1, 0.0]],
        "rewards": [0.0, 1.0],
        "done": [0, 1],
    }
)
def dqn(
    predictions: ActionValues,
    actions: Actions,
    next_values: NextActionValues,
    rewards: Reward,
    done: Done,
    *,
    next_predictions: OnlineValues | None = None,
    discount: Fraction = 0.99,
    criterion: Criterion = "huber",
) -> Evaluation:
    r"""Deep Q-learning: error of the taken action's value against the reward plus the discounted value of the best next action.

    With next_predictions, they determine the best action, the first of equal ones (double DQN); its value is always from next_values.

    Use: Deep Q-learning of discrete actions in reinforcement learning.
    Formula: \ell = c(Q_a - y), \quad y = r + (1 - d) \gamma \max_{a'} Q'_{a'}
    discount: gamma, discount factor.
    criterion: c, function of the error: huber with delta 1 (Stable-Baselines3; clipped errors in the paper), squared e^2, or half_squared e^2 / 2.
    Divisor: the number of samples
    Synonyms: DQNLoss, q_learning, double_dqn, ddqn
    Reference: Mnih et al., Human-level control through deep reinforcement learning, 2015, Nature 518, algorithm 1; van Hasselt, Guez and Silver, 2015, arXiv:1509.06461, equation 4
    """
    rows = np.arange(len(actions))
    best = np.argmax(next_values if next_predictions is None else next_predictions, axis=1) if len(rows) else rows
    value, slope = error_and_slope(predictions[rows, actions] - target(rewards, next_values[rows, best], done, discount), criterion)

    def pullback(c: Array) -> Array:
        out = np.zeros_like(predictions)
        out[rows, actions] = c * slope
        return out

    return elementwise(value, {"predictions": pullback})
