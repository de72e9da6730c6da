"""Building blocks of policy gradients: their inputs, masks, the clipped surrogate, and sums of terms."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from service.losses.declaration import FROM_ZERO, Bound, Domain, TensorSpec
from service.losses.errors import InvalidOption
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times

ActionLogProbability = Annotated[
    Array, TensorSpec("n ...", unless="mask", gradient="default", description="log-probabilities of the actions under the policy")
]
OldLogProbability = Annotated[
    Array, TensorSpec("n ...", unless="mask", description="log-probabilities of the same actions under the behavior policy")
]
RefLogProbability = Annotated[
    Array, TensorSpec("n ...", unless="mask", gradient="on request", description="log-probabilities of the same actions under a reference")
]
Advantage = Annotated[Array, TensorSpec("n"), TensorSpec("n ...")]
Mask = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 for elements to include, 0 for padding")]
ValueEstimate = Annotated[Array, TensorSpec("n ...", unless="mask", gradient="default", description="the critic's values of the states")]
OldValueEstimate = Annotated[Array, TensorSpec("n ...", unless="mask", description="values when the actions were taken")]
Return = Annotated[Array, TensorSpec("n ...", unless="mask", description="returns, the targets of the values")]
Entropy = Annotated[Array, TensorSpec("n ...", unless="mask", gradient="default", description="entropies of the policy in the states")]
TokenLogProbability = Annotated[
    Array, TensorSpec("n t", unless="mask", gradient="default", description="log-probabilities of the tokens under the policy")
]
OldTokenLogProbability = Annotated[
    Array, TensorSpec("n t", unless="mask", description="log-probabilities of the tokens under the policy that generated them")
]
RefTokenLogProbability = Annotated[Array, TensorSpec("n t", unless="mask", description="log-probabilities of the tokens under the reference model")]
TokenMask = Annotated[
    Array, TensorSpec("n t", kind="integer", domain=Domain(values=(0, 1)), description="1 for the completion's tokens, 0 for the others")
]
TokenAdvantage = Annotated[
    Array, TensorSpec("n", description="advantage of each completion within its group (n,), or of each token (n, t)"), TensorSpec("n t")
]
CompletionAdvantage = Annotated[Array, TensorSpec("n", description="advantage of each completion within its group")]
TokenEntropy = Annotated[Array, TensorSpec("n t", unless="mask", gradient="default", description="entropies of the policy at the tokens")]
SamplingLogProbability = Annotated[
    Array,
    TensorSpec(
        "n t",
        unless="mask",
        description="log-probabilities under the inference engine that sampled the tokens, for off_policy_threshold; default old_logps",
    ),
]
ImportanceWeight = Annotated[
    Array,
    TensorSpec(
        "n",
        domain=FROM_ZERO,
        description="constant factor of the clipped objective, for each completion (n,) or token (n, t), such as the ratio of the training to the sampling engine",
    ),
    TensorSpec("n t", domain=FROM_ZERO),
]
STEPS = {"logps": [[-1.2, -0.4], [-0.9, -2.0]], "old_logps": [[-1.0, -0.5], [-1.1, -1.2]], "advantages": [1.0, -0.5]}
SIGNED = Bound(1e-13, 1e-12, "terms of both signs: advantages against values, entropies or a divergence")


def per_action(advantages: Array, like: Array) -> Array:
    """Broadcast advantages of samples, or of actions, to each element."""
    return np.broadcast_to(advantages.reshape(advantages.shape + (1,) * (like.ndim - advantages.ndim)), like.shape)


def unmasked(x: Array, mask: Array | None) -> Array:
    """Return x with 0 where masked out, so that nothing there can overflow."""
    return x if mask is None else np.where(mask == 1, x, 0.0).astype(x.dtype, copy=False)


def as_weight(mask: Array | None, like: Array) -> Array | None:
    """Return a mask as numbers."""
    return None if mask is None else mask.astype(like.dtype)


def surrogate(log_ratio: Array, advantages: Array, low: float, high: float, most: float = math.inf) -> tuple[Array, Array]:
    """Return -min(min(r, most) A, clip(r, low, high) A), and its derivative by the log-ratio: -r A, or 0 where a clipped term is smaller."""
    gain = exp_times(np.minimum(log_ratio, math.log(most)), advantages)
    ratio = np.exp(log_ratio)
    free = np.where(advantages >= 0, np.minimum(ratio, most) <= high, ratio >= low)
    bound = np.where(advantages >= 0, high, low).astype(gain.dtype) * advantages
    return np.where(free, -gain, -bound), np.where(free & (ratio <= most) & (advantages != 0), -gain, 0.0).astype(gain.dtype)


def total(terms: list[tuple[str, float, Evaluation]]) -> Evaluation:
    """Add weighted terms over the same elements; the unweighted ones are the parts."""
    gradients: dict[str, Pullback] = {}
    for _, factor, term in terms:
        for name, pullback in term.gradients.items():
            gradients[name] = lambda c, pullback=pullback, factor=factor: pullback(factor * c)  # type: ignore[misc]
    first = terms[0][2]

    def elements() -> Array:
        parts = [factor * term.elements() for _, factor, term in terms if term.elements is not None]
        return sum(parts[1:], parts[0])

    return Evaluation(
        sum((factor * term.numerator for _, factor, term in terms), np.zeros_like(first.numerator)),
        first.weight,
        gradients,
        elements,
        parts={name: term.numerator if term.elements is None else term.elements() for name, _, term in terms},
        shares=first.shares,
    )


def require_bound(name: str, bound: float, epsilon_high: float) -> None:
    """Reject an upper bound of the ratio that lies within the clip range."""
    if bound and bound < 1.0 + epsilon_high:
        raise InvalidOption(name, f"out of range; expected 0 or at least 1 + epsilon_high = {1.0 + epsilon_high:g}, got {bound:g}")
