"""Values as distributions: cross entropies of histograms of returns. The target is constant."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from service.losses.checking import require
from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import Bound, Domain, Fraction, Logits, NonNegative, TensorSpec, Work
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, in_float64
from service.losses.numerics import Array
from service.losses.numerics.normal import minus_log_of_interval
from service.losses.numerics.special import in_parts
from service.losses.registry import loss
from service.losses.reinforcement_learning.values import Actions, Done, Reward, target

AtomLogits = Annotated[Array, TensorSpec("n k z", gradient="default", description="raw scores of every action's returns, one for each atom")]
NextAtomLogits = Annotated[
    Array, TensorSpec("n k z", description="raw scores of every action's returns in the next states, usually from a target network")
]
OnlineAtomLogits = Annotated[
    Array, TensorSpec("n k z", description="raw scores of the online network in the next states, which select the action (double DQN)")
]
ScalarLabel = Annotated[Array, TensorSpec("n ...", description="true values, from v_min to v_max")]


@loss(
    example={
        "predictions": [[[0.1, 0.4, -0.2], [0.0, 0.3, 0.5]]],
        "actions": [1],
        "next_logits": [[[0.2, 0.1, 0.0], [0.3, -0.5, 0.4]]],
        "rewards": [1.0],
        "done": [0],
    },
    bound=Bound(
        1e-13, 1e-11, "the shares of an atom are differences of its place and a whole number, which hide the last digits of reward and discount"
    ),
    work=Work("200 n k z", "96 n k z"),
)
@in_float64
def c51(
    predictions: AtomLogits,
    actions: Actions,
    next_logits: NextAtomLogits,
    rewards: Reward,
    done: Done,
    *,
    next_predictions: OnlineAtomLogits | None = None,
    v_min: float = -10.0,
    v_max: float = 10.0,
    discount: Fraction = 0.99,
) -> Evaluation:
    r"""Categorical distributional Q-learning (C51): cross entropy of the taken action's distribution of returns against the Bellman target's projection.

    The returns are z atoms, evenly from v_min to v_max. The best next action has the largest mean, by next_logits, or by next_predictions if sent (double DQN); its
    distribution is always from next_logits. Each atom of the target, clipped to the support, is shared between its two neighbors. The target is constant. 51
    atoms give the algorithm its name. torchrl's DistributionalDQNLoss takes log-probabilities, which are logits too, and is double.

    Use: Deep Q-learning of discrete actions by distributions of returns, as in Rainbow.
    Search: rainbow, distributional_reinforcement_learning
    Formula: \ell = -\sum_i m_i \log p_{ai}, \quad m_i = \sum_j p'_{a^* j} \max\left( 0, 1 - \frac{|\mathrm{clip}(r + (1 - d) \gamma z_j) - z_i|}{\Delta} \right)
    Where: p the softmax of `predictions`; p' of `next_logits`; a `actions`; r `rewards`; d `done`
    v_min: smallest return, z_1.
    v_max: largest return, above v_min.
    discount: gamma, discount factor.
    Divisor: the number of samples
    Synonyms: DistributionalDQNLoss, categorical_dqn, distributional_dqn, CategoricalDQNLoss
    Reference: Bellemare, Dabney and Munos, A Distributional Perspective on Reinforcement Learning, 2017, arXiv:1707.06887, algorithm 1
    """
    support = _support(v_min, v_max, predictions.shape[2])
    rows = np.arange(len(actions))
    judged = _softmax_of_atoms(next_logits if next_predictions is None else next_predictions)
    best = _largest_mean(judged, support)
    following = _softmax_of_atoms(next_logits[rows, best])
    aims = target(rewards[:, None], np.broadcast_to(support, following.shape), done[:, None], discount)
    aimed = cross_entropy.function(predictions[rows, actions], _projected(following, aims, support))

    def pullback(c: Array) -> Array:
        out = np.zeros_like(predictions)
        out[rows, actions] = aimed.gradients["predictions"](c)
        return out

    return replace(aimed, gradients={"predictions": pullback}, hessian_diagonal={})


def _support(v_min: float, v_max: float, count: int) -> Array:
    if v_min >= v_max:
        raise InvalidOption("v_max", f"out of range; expected above v_min = {v_min:g}, got {v_max:g}")
    if count < 2:
        raise InvalidTensor("predictions", f"too few atoms or bins on the last axis; expected at least 2, got {count}")
    return np.linspace(v_min, v_max, count)


def _softmax_of_atoms(logits: Array) -> Array:
    """Return the softmax along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=-1, keepdims=True)


def _largest_mean(p: Array, support: Array) -> Array:
    """Return the first action of the largest mean, compared by distances from the nearer end: means near an end are equal to the last digit."""
    if not len(p):
        return np.zeros(0, np.intp)
    above, below = p @ (support - support[0]), p @ (support[-1] - support)
    return np.where(below.min(axis=1) < above.max(axis=1), np.argmin(below, axis=1), np.argmax(above, axis=1))


def _projected(p: Array, aims: Array, support: Array) -> Array:
    """Return the distribution on the support of atoms moved to the aims, each shared between its two neighbors."""
    n, count = p.shape
    aims = np.clip(aims, support[0], support[-1])
    low = np.clip(np.searchsorted(support, aims, side="right") - 1, 0, count - 2)
    share = (aims - support[low]) / (support[low + 1] - support[low])
    place = np.arange(n)[:, None] * count + low
    out = np.bincount(place.ravel(), (p * (1.0 - share)).ravel(), n * count) + np.bincount(place.ravel() + 1, (p * share).ravel(), n * count)
    return out.reshape(n, count)


@loss(
    example={"predictions": [[0.1, 0.4, -0.2, 0.0]], "labels": [0.3], "v_min": -1.0, "v_max": 1.0},
    bound=Bound(1e-13, 1e-12, "the logarithm of a bin's mass, of up to some hundred, is rounded before its exponential", "one"),
    work=Work("600 n c ...", "1600 n c ..."),
)
@in_float64
def hl_gauss(predictions: Logits, labels: ScalarLabel, *, v_min: float = -10.0, v_max: float = 10.0, sigma: NonNegative = 0.0) -> Evaluation:
    r"""Histogram loss with a Gaussian (HL-Gauss): cross entropy of a histogram of values against a normal distribution about the true value.

    The c bins divide the range from v_min to v_max evenly. The normal distribution is truncated to the range. A value that is predicted is the mean of the bins' centres.
    The label is constant.

    Use: Regression by classification, of values in reinforcement learning, ratings, ages or depths.
    Search: regression_as_classification, value_function, stop_regressing, muzero
    Formula: \ell = -\sum_k q_k \log p_k, \quad q_k = \frac{\Phi((e_{k+1} - y) / \sigma) - \Phi((e_k - y) / \sigma)}{\Phi((e_{c+1} - y) / \sigma) - \Phi((e_1 - y) / \sigma)}, \quad p = \mathrm{softmax}(x)
    Where: x `predictions`, raw scores of the bins; y `labels`; e the edges of the bins
    v_min: smallest value, the lower edge of the first bin.
    v_max: largest value, the upper edge of the last bin, above v_min.
    sigma: standard deviation of the normal distribution; 0 is three quarters of a bin's width, as in the paper on reinforcement learning.
    Divisor: the number of positions
    Synonyms: HLGaussLoss, histogram_loss, hl_gaussian
    Reference: Imani and White, Improving Regression Performance with Distributional Losses, 2018, arXiv:1806.04613; Farebrother et al., Stop Regressing, 2024, arXiv:2403.03950, appendix A
    """
    edges = _support(v_min, v_max, predictions.shape[1] + 1)
    require("labels", labels, Domain(v_min, v_max))
    width = (v_max - v_min) / predictions.shape[1]
    deviation = sigma or 0.75 * width
    each = ((1, -1) + (1,) * (predictions.ndim - 2), labels[:, None])
    low, high = ((ends.reshape(each[0]) - each[1]) / deviation for ends in (edges[:-1], edges[1:]))
    first, last = ((end - labels[:, None]) / deviation for end in (v_min, v_max))
    mass = _minus_log_mass(low, high, np.full_like(low, width / deviation))
    whole = _minus_log_mass(first, last, np.full_like(first, (v_max - v_min) / deviation))
    aimed = cross_entropy.function(predictions, np.exp(whole - mass))
    return replace(aimed, gradients={"predictions": aimed.gradients["predictions"]}, hessian_diagonal={})


@in_parts
def _minus_log_mass(low: Array, high: Array, width: Array) -> Array:
    """Return minus the logarithm of the normal distribution's mass in each interval."""
    return minus_log_of_interval(low.ravel(), high.ravel(), width.ravel())[0].reshape(low.shape)
