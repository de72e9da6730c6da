"""Values of states and of actions, which are to agree with the rewards and the values that come next. What comes next is constant."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import Domain, Fraction, TensorSpec
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.registry import loss

StateValue = Annotated[Array, TensorSpec("n ...", gradient="default", description="values of the states")]
NextStateValue = Annotated[Array, TensorSpec("n ...", description="values of the states that followed, mostly a target network's")]
StepReward = Annotated[Array, TensorSpec("n ...", description="rewards of the steps")]
StepDone = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 where nothing followed, 0 elsewhere")]
ActionValues = Annotated[Array, TensorSpec("n k", gradient="default", description="values of every action in each state")]
Actions = Annotated[Array, TensorSpec("n", kind="integer", below="k", description="the actions taken")]
NextActionValues = Annotated[Array, TensorSpec("n k", description="values of every action in the states that followed, mostly a target network's")]
OnlineValues = Annotated[Array, TensorSpec("n k", description="the online network's values there, which then choose the action (double DQN)")]
Reward = Annotated[Array, TensorSpec("n", description="rewards of the steps")]
Done = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 where nothing followed, 0 elsewhere")]
Criterion = Literal["huber", "squared", "half_squared"]


def error_and_slope(error: Array, criterion: Criterion) -> tuple[Array, Array]:
    """What a criterion makes of the errors, and its derivative."""
    if criterion == "huber":
        slope = np.clip(error, -1.0, 1.0)
        return slope * (error - 0.5 * slope), slope
    return (error * error, 2.0 * error) if criterion == "squared" else (0.5 * error * error, error)


def target(rewards: Array, followed: Array, done: Array, discount: float) -> Array:
    """Reward and discounted value of what followed."""
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
    r"""Temporal difference: the error of values against the reward and the discounted value of the state that followed.

    The target is constant, which makes it a semi-gradient.

    Formula: \ell = c(v - y), \quad y = r + (1 - d) \gamma v'
    discount: gamma.
    criterion: c: squared e^2, half_squared e^2 / 2, or huber with delta 1.
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
    r"""Deep Q-learning: the error of the taken action's value against the reward and the discounted value of the best next action.

    With next_predictions the best action is the one that they say, the first of equal ones (double DQN); its value is next_values' either way.

    Formula: \ell = c(Q_a - y), \quad y = r + (1 - d) \gamma \max_{a'} Q'_{a'}
    discount: gamma.
    criterion: c: huber with delta 1 (Stable-Baselines3; clipped errors in the paper), squared e^2, or half_squared e^2 / 2.
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
