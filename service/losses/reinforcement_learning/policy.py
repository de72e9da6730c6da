"""Policy gradients: log-probabilities of the actions or tokens taken, weighted by their advantages.

logps are the log-probabilities under the policy being trained, old_logps those under the behavior policy; the ratio is
e^(logps - old_logps). Advantages, old and reference log-probabilities are constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import FROM_ZERO, Bound, Domain, Fraction, NonNegative, Positive, TensorSpec
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times, per_sample_sum, sigmoid, spread, times
from service.losses.numerics.special import expm1_minus
from service.losses.registry import loss

ActionLogProbability = Annotated[Array, TensorSpec("n ...", gradient="default", description="log-probabilities of the actions under the policy")]
OldLogProbability = Annotated[Array, TensorSpec("n ...", description="log-probabilities of the same actions under the behavior policy")]
RefLogProbability = Annotated[
    Array, TensorSpec("n ...", gradient="on request", description="log-probabilities of the same actions under a reference")
]
Advantage = Annotated[Array, TensorSpec("n"), TensorSpec("n ...")]
Mask = Annotated[Array, TensorSpec("n ...", kind="integer", domain=Domain(values=(0, 1)), description="1 for elements to include, 0 for padding")]
ValueEstimate = Annotated[Array, TensorSpec("n ...", gradient="default", description="the critic's values of the states")]
OldValueEstimate = Annotated[Array, TensorSpec("n ...", description="values when the actions were taken")]
Return = Annotated[Array, TensorSpec("n ...", description="returns, the targets of the values")]
Entropy = Annotated[Array, TensorSpec("n ...", gradient="default", description="entropies of the policy in the states")]
TokenLogProbability = Annotated[Array, TensorSpec("n t", gradient="default", description="log-probabilities of the tokens under the policy")]
OldTokenLogProbability = Annotated[Array, TensorSpec("n t", description="log-probabilities of the tokens under the policy that generated them")]
RefTokenLogProbability = Annotated[Array, TensorSpec("n t", description="log-probabilities of the tokens under the reference model")]
TokenMask = Annotated[
    Array, TensorSpec("n t", kind="integer", domain=Domain(values=(0, 1)), description="1 for the completion's tokens, 0 for the others")
]
TokenAdvantage = Annotated[
    Array, TensorSpec("n", description="advantage of each completion within its group (n,), or of each token (n, t)"), TensorSpec("n t")
]
TokenEntropy = Annotated[Array, TensorSpec("n t", gradient="default", description="entropies of the policy at the tokens")]
SamplingLogProbability = Annotated[
    Array,
    TensorSpec(
        "n t", description="log-probabilities under the inference engine that sampled the tokens, for off_policy_threshold; default old_logps"
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


def softened(log_ratio: Array, advantages: Array, temperatures: tuple[float, float]) -> tuple[Array, Array]:
    """Return -(4 / T) sigmoid(T (r - 1)) A and its derivative by the log-ratio, with separate T for positive advantages and for the others."""
    of = np.where(advantages > 0, *temperatures).astype(log_ratio.dtype)
    x = of * np.expm1(log_ratio)
    right = sigmoid(x)
    return (-4.0 / of) * right * advantages, exp_times(log_ratio, -4.0 * advantages * (right * sigmoid(-x)))


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
    _require_bound("dual_clip", dual_clip, epsilon_high)
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


def _require_bound(name: str, bound: float, epsilon_high: float) -> None:
    """Reject an upper bound of the ratio that lies within the clip range."""
    if bound and bound < 1.0 + epsilon_high:
        raise InvalidOption(name, f"out of range; expected 0 or at least 1 + epsilon_high = {1.0 + epsilon_high:g}, got {bound:g}")


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


@loss(example=STEPS | {"ref_logps": [[-1.1, -0.4], [-1.0, -1.5]], "beta": 0.04}, bound=SIGNED)
def grpo(
    logps: TokenLogProbability,
    old_logps: OldTokenLogProbability,
    advantages: TokenAdvantage,
    *,
    ref_logps: RefTokenLogProbability | None = None,
    mask: TokenMask | None = None,
    loss_type: Literal["dapo", "grpo", "bnpo", "dr_grpo", "luspo", "sapo"] = "dapo",
    importance_sampling_level: Literal["token", "sequence"] = "token",
    epsilon: Fraction = 0.2,
    epsilon_high: NonNegative = 0.2,
    beta: NonNegative = 0.0,
    max_completion_length: Annotated[int, annotated_types.Ge(0)] = 0,
    delta: NonNegative = 0.0,
    sapo_temperature_pos: Positive = 1.0,
    sapo_temperature_neg: Positive = 1.05,
    entropy: TokenEntropy | None = None,
    importance_weights: ImportanceWeight | None = None,
    sampling_logps: SamplingLogProbability | None = None,
    entropy_coefficient: NonNegative = 0.0,
    off_policy_threshold: NonNegative = 0.0,
) -> Evaluation:
    r"""Group relative policy optimization (GRPO): PPO's clipped objective per token, with the completion's advantage, plus a divergence penalty.

    The variants differ in the weight of a token. grpo: a completion's tokens share a weight of 1, and the divisor is the number of completions.
    bnpo and dapo: the divisor is the number of tokens in the request; TRL's dapo uses that of the whole generation batch over all processes, which
    merging results by their normalizers gives. dr_grpo: the divisor is completions times max_completion_length. luspo: a completion's tokens are summed
    and the divisor is the number of completions. sapo averages as grpo and has a soft gate, (4 / T) sigmoid(T (ratio - 1)) times the advantage, for the clipped
    objective. TRL's cispo is a separate loss here; its vespo and use_bias_correction_kl are not included. With `sequence` the ratio is the geometric mean over the completion's tokens (GSPO). A
    completion without tokens is included with loss 0.

    Use: Reinforcement learning of language models with verifiable rewards, for reasoning.
    Formula: \ell_{it} = -\min(\rho_{it} A_i, \mathrm{clip}(\rho_{it}, 1 - \epsilon, 1 + \epsilon_h) A_i) + \beta (e^{d} - 1 - d), \quad d = \log \pi_{ref} - \log \pi
    loss_type: averaging of tokens, as named in TRL.
    importance_sampling_level: one ratio per token, or one per completion (sequence).
    epsilon: lower clip range of the ratio, to 1 - epsilon.
    epsilon_high: upper clip range of the ratio, to 1 + epsilon_high (DAPO 0.28).
    beta: weight of the divergence from `ref_logps` (estimator k3), 0 to omit it; 0.04 in the paper.
    max_completion_length: divisor of a completion in dr_grpo; 0 uses the length of the padded completions sent.
    delta: upper bound of the ratio in the unclipped term, at least 1 + epsilon_high; 0 for no bound. It acts where the advantage is negative: two-sided or dual clipping, verl's clip_ratio_c.
    sapo_temperature_pos: T of tokens with a positive advantage.
    sapo_temperature_neg: T of the others.
    entropy_coefficient: weight of the entropy bonus, whose tokens are averaged as those of the objective (verl); TRL averages them over all tokens for every loss_type.
    off_policy_threshold: largest mean of sampling_logps - logps over a completion with a negative advantage; the objective of one beyond it is left out, but not its tokens from the divisor (DeepSeek-V3.2, TRL's off_policy_mask_threshold). 0 for no threshold.
    Divisor: given by loss_type
    Synonyms: GRPOTrainer, GRPOLoss, dapo, soft_adaptive_policy_optimization
    Reference: Shao et al., DeepSeekMath, 2024, arXiv:2402.03300, equation 3; DAPO 2503.14476; Dr. GRPO 2503.20783; GSPO 2507.18071; SAPO 2511.20347; two-sided clipping 2505.07291; dual clip 1912.09729; off-policy mask DeepSeek-V3.2 2512.02556; TRL GRPOTrainer
    """
    if beta and ref_logps is None:
        raise InvalidTensor("ref_logps", "missing; expected with a positive beta")
    _require_bound("delta", delta, epsilon_high)
    kept = np.ones_like(logps) if mask is None else mask.astype(logps.dtype)
    lengths = per_sample_sum(kept)
    share = kept / spread(np.maximum(lengths, 1.0), kept)  # of each token in its completion
    log_ratio = unmasked(logps - old_logps, mask)
    whole = importance_sampling_level == "sequence"
    if whole:
        log_ratio = per_sample_sum(share * log_ratio).astype(logps.dtype)[:, None]
    gains = advantages if advantages.ndim == 2 else advantages[:, None]
    if loss_type == "sapo":
        value, slope = softened(log_ratio, gains, (sapo_temperature_pos, sapo_temperature_neg))
    else:
        value, slope = surrogate(log_ratio, gains, 1.0 - epsilon, 1.0 + epsilon_high, delta or math.inf)
    unit = share if loss_type in ("grpo", "sapo") else kept
    factor = (
        np.ones_like(gains)
        if importance_weights is None
        else importance_weights.reshape(importance_weights.shape + (1,) * (2 - importance_weights.ndim))
    )
    if off_policy_threshold:
        drift = per_sample_sum(share * unmasked((old_logps if sampling_logps is None else sampling_logps) - logps, mask))
        factor = factor * ((gains >= 0) | (drift <= off_policy_threshold)[:, None])
    of_objective = unit * factor
    numerator = times(of_objective, unmasked(np.broadcast_to(value, kept.shape), mask))
    distance = np.zeros_like(logps) if ref_logps is None else unmasked(ref_logps - logps, mask)
    if beta:
        numerator = numerator + _weighed(unit * beta, distance, expm1_minus)
    if entropy is not None:
        numerator = numerator - (unit * entropy_coefficient) * unmasked(entropy, mask)

    def pullback(c: Array) -> Array:
        by_token = times(of_objective, unmasked(np.broadcast_to(slope, kept.shape), mask))
        upstream = spread(c, logps)
        by_token = per_sample_sum(upstream * by_token).astype(logps.dtype)[:, None] * share if whole else upstream * by_token
        return by_token - upstream * _weighed(unit * beta, distance, np.expm1) if beta else by_token

    divisor = {
        "grpo": np.ones_like(lengths),
        "sapo": np.ones_like(lengths),
        "luspo": np.ones_like(lengths),
        "dr_grpo": np.full_like(lengths, max_completion_length or logps.shape[1]),
    }.get(loss_type, lengths)
    gradients: dict[str, Pullback] = {"logps": pullback}
    if entropy is not None:
        gradients["entropy"] = lambda c: spread(c, entropy) * (-entropy_coefficient * unit)
    return Evaluation(per_sample_sum(numerator), divisor, gradients, lambda: numerator, shares=kept)


def _weighed(weight: Array, x: Array, function: Callable[[Array], Array]) -> Array:
    """Return weight * function(x) for a function that equals e^x for large |x|, finite where the product is."""
    return np.where(x > 80.0, exp_times(x, weight), weight * function(np.minimum(x, 80.0)))


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
