"""Policy gradients of language models: groups of sampled completions, with the ratio of each token or of a whole completion.

logps are the log-probabilities of the tokens under the policy being trained, old_logps those under the policy that generated them. Advantages,
old and reference log-probabilities are constant.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Fraction, NonNegative, Positive, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times, per_sample_sum, sigmoid, spread, times
from service.losses.numerics.special import expm1_minus
from service.losses.registry import loss
from service.losses.reinforcement_learning._shared import (
    SIGNED,
    STEPS,
    CompletionAdvantage,
    ImportanceWeight,
    OldTokenLogProbability,
    RefTokenLogProbability,
    SamplingLogProbability,
    TokenAdvantage,
    TokenEntropy,
    TokenLogProbability,
    TokenMask,
    require_bound,
    surrogate,
    unmasked,
)


def softened(log_ratio: Array, advantages: Array, temperatures: tuple[float, float]) -> tuple[Array, Array]:
    """Return -(4 / T) sigmoid(T (r - 1)) A and its derivative by the log-ratio, with separate T for positive advantages and for the others."""
    of = np.where(advantages > 0, *temperatures).astype(log_ratio.dtype)
    x = of * np.expm1(log_ratio)
    right = sigmoid(x)
    return (-4.0 / of) * right * advantages, exp_times(log_ratio, -4.0 * advantages * (right * sigmoid(-x)))


@loss(
    example=STEPS | {"ref_logps": [[-1.1, -0.4], [-1.0, -1.5]], "beta": 0.04},
    bound=SIGNED,
    merges={"top_entropy_quantile": 1.0},
    work=Work(memory="128 n t"),
)
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
    use_bias_correction_kl: bool = False,
    top_entropy_quantile: Fraction = 1.0,
) -> Evaluation:
    r"""Group relative policy optimization (GRPO): PPO's clipped objective per token, with the completion's advantage, plus a divergence penalty.

    The variants differ in the weight of a token. grpo: a completion's tokens share a weight of 1, and the divisor is the number of completions.
    bnpo and dapo: the divisor is the number of tokens in the request; TRL's dapo uses that of the whole generation batch over all processes, which
    merging results by their normalizers gives. dr_grpo: the divisor is completions times max_completion_length. luspo: a completion's tokens are summed
    and the divisor is the number of completions. sapo averages as grpo and has a soft gate, (4 / T) sigmoid(T (ratio - 1)) times the advantage, for the clipped
    objective. TRL's cispo and vespo are separate losses here, as is gmpo. With `sequence` the ratio is the geometric mean over the completion's tokens (GSPO). A
    completion without tokens is included with loss 0. With top_entropy_quantile below 1, results over shards do not merge.

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
    use_bias_correction_kl: multiply the divergence by the ratio, unclipped, which makes its gradient that of the reverse divergence also off-policy (DeepSeek-V3.2). The default is that of the paper; TRL 1.16 has true.
    top_entropy_quantile: share of the tokens of the request, those with the largest entropy, that the objective and the entropy bonus act on (0.2 in the paper); the others still count in the divisor. Below 1 it needs `entropy`.
    Divisor: given by loss_type
    Synonyms: GRPOTrainer, GRPOLoss, dapo, soft_adaptive_policy_optimization
    Reference: Shao et al., DeepSeekMath, 2024, arXiv:2402.03300, equation 3; DAPO 2503.14476; Dr. GRPO 2503.20783; GSPO 2507.18071; SAPO 2511.20347; two-sided clipping 2505.07291; dual clip 1912.09729; off-policy mask and corrected divergence DeepSeek-V3.2 2512.02556; top entropy 2506.01939; TRL GRPOTrainer
    """
    if beta and ref_logps is None:
        raise InvalidTensor("ref_logps", "missing; expected with a positive beta")
    if top_entropy_quantile < 1 and entropy is None:
        raise InvalidTensor("entropy", "missing; expected with top_entropy_quantile below 1")
    require_bound("delta", delta, epsilon_high)
    kept = np.ones_like(logps) if mask is None else mask.astype(logps.dtype)
    lengths, share = _lengths(kept)
    log_ratio = unmasked(logps - old_logps, mask)
    whole = importance_sampling_level == "sequence"
    if whole:
        log_ratio = per_sample_sum(share * log_ratio).astype(logps.dtype)[:, None]
    gains = _columns(advantages)
    if loss_type == "sapo":
        value, slope = softened(log_ratio, gains, (sapo_temperature_pos, sapo_temperature_neg))
    else:
        value, slope = surrogate(log_ratio, gains, 1.0 - epsilon, 1.0 + epsilon_high, delta or math.inf)
    unit = share if loss_type in ("grpo", "sapo") else kept
    acting = unit * _most_uncertain(entropy, kept, top_entropy_quantile) if entropy is not None and top_entropy_quantile < 1 else unit
    factor = np.ones_like(gains) if importance_weights is None else _columns(importance_weights)
    if off_policy_threshold:
        drift = per_sample_sum(share * unmasked((old_logps if sampling_logps is None else sampling_logps) - logps, mask))
        factor = factor * ((gains >= 0) | (drift <= off_policy_threshold)[:, None])
    of_objective = acting * factor
    numerator = times(of_objective, unmasked(np.broadcast_to(value, kept.shape), mask))
    distance = np.zeros_like(logps) if ref_logps is None else unmasked(ref_logps - logps, mask)
    trust = log_ratio if use_bias_correction_kl else np.zeros_like(log_ratio)
    penalty = _weighted(unit * beta, distance, expm1_minus, trust) if beta else np.zeros_like(logps)
    numerator = numerator + penalty
    if entropy is not None:
        numerator = numerator - (acting * entropy_coefficient) * unmasked(entropy, mask)

    def pullback(c: Array) -> Array:
        upstream = spread(c, logps)
        by_ratio = times(of_objective, unmasked(np.broadcast_to(slope, kept.shape), mask))
        direct = -upstream * _weighted(unit * beta, distance, np.expm1, trust) if beta else np.zeros_like(logps)
        if not whole:  # e^r (e^d - 1 - d) has the slope -d e^r by logps, from two terms that cancel
            corrected = -upstream * _weighted(unit * beta, distance, _itself, trust) if use_bias_correction_kl and beta else direct
            return upstream * by_ratio + corrected
        by_ratio = by_ratio + penalty if use_bias_correction_kl else by_ratio
        return per_sample_sum(upstream * by_ratio).astype(logps.dtype)[:, None] * share + direct

    divisor = {
        "grpo": np.ones_like(lengths),
        "sapo": np.ones_like(lengths),
        "luspo": np.ones_like(lengths),
        "dr_grpo": np.full_like(lengths, max_completion_length or logps.shape[1]),
    }.get(loss_type, lengths)
    gradients: dict[str, Pullback] = {"logps": pullback}
    if entropy is not None:
        gradients["entropy"] = lambda c: spread(c, entropy) * (-entropy_coefficient * acting)
    return Evaluation(per_sample_sum(numerator), divisor, gradients, lambda: numerator, shares=kept)


def _columns(x: Array) -> Array:
    """Return numbers of completions (n,) as (n, 1); those of tokens (n, t) stay."""
    return x if x.ndim == 2 else x[:, None]


def _lengths(kept: Array) -> tuple[Array, Array]:
    """Return the number of tokens of each completion, and each token's share of its completion."""
    lengths = per_sample_sum(kept)
    return lengths, kept / spread(np.maximum(lengths, 1.0), kept)


def _most_uncertain(entropy: Array, kept: Array, share: float) -> Array:
    """Mark the tokens whose entropy is at least the quantile 1 - share of all tokens included."""
    falling = np.sort(entropy[kept == 1])
    if not falling.size:
        return kept
    at = math.ceil((1.0 - share) * (falling.size - 1) - 1e-9)  # an interpolated quantile has the same tokens above it
    return kept * (entropy >= falling[max(at, 0)])


def _itself(x: Array) -> Array:
    return x


def _weighted(weight: Array, x: Array, function: Callable[[Array], Array], log_factor: Array) -> Array:
    """Return weight * e^log_factor * function(x), finite where the product is, for a function that is x or equals e^x for large x."""
    if function is _itself:
        return exp_times(log_factor, weight * x)
    return np.where(x > 80.0, exp_times(x + log_factor, weight), exp_times(log_factor, weight * function(np.minimum(x, 80.0))))


SEQUENCES = STEPS | {"mask": [[1, 1], [1, 0]]}


@loss(example=SEQUENCES)
def gmpo(
    logps: TokenLogProbability,
    old_logps: OldTokenLogProbability,
    advantages: CompletionAdvantage,
    *,
    mask: TokenMask | None = None,
    epsilon: NonNegative = 0.4,
    epsilon_high: NonNegative = 0.4,
) -> Evaluation:
    r"""Geometric-mean policy optimization: the advantage of a completion times the geometric mean of its tokens' ratios, each clipped.

    The logarithm of a ratio is clipped to [-epsilon, epsilon_high], where that lowers the objective; at the edge the gradient is that of the inside. The defaults are
    the paper's e^-0.4 and e^0.4; verl's geo_mean takes them from clip_ratio, 0.2 by default. A completion without tokens is included with loss 0.

    Use: Reinforcement learning of language models for reasoning, less sensitive to the ratios of single tokens than grpo.
    Formula: \ell_i = -A_i \exp\left( \frac{1}{T_i} \sum_t s_i \min(s_i r_{it}, s_i \mathrm{clip}(r_{it}, -\epsilon, \epsilon_h)) \right), \quad r = \log \pi - \log \pi_{old}, \; s_i = \mathrm{sign}(A_i)
    epsilon: lower clip range of the logarithm of a token's ratio.
    epsilon_high: upper clip range of the logarithm of a token's ratio.
    Divisor: the number of completions
    Synonyms: geo_mean, geometric_mean_policy_optimization, GMPOLoss
    Reference: Zhao et al., Geometric-Mean Policy Optimization, 2025, arXiv:2507.20673, equation 4; verl, loss_mode geo_mean
    """
    lengths, share = _lengths(np.ones_like(logps) if mask is None else mask.astype(logps.dtype))
    log_ratio = unmasked(logps - old_logps, mask)
    gains = (advantages * (lengths > 0)).astype(logps.dtype, copy=False)[:, None]
    clipped = np.where(gains >= 0, np.minimum(log_ratio, epsilon_high), np.maximum(log_ratio, -epsilon)).astype(logps.dtype, copy=False)
    mean = per_sample_sum(share * clipped).astype(logps.dtype)
    values = exp_times(mean, -gains[:, 0])
    slope = share * (clipped == log_ratio)
    return Evaluation(
        values.astype(np.float64), np.ones(len(values)), {"logps": lambda c: (spread(c, values) * values)[:, None] * slope}, lambda: values
    )


@loss(example=SEQUENCES, bound=SIGNED, conventions=("gradients",))
def vespo(
    logps: TokenLogProbability,
    old_logps: OldTokenLogProbability,
    advantages: TokenAdvantage,
    *,
    mask: TokenMask | None = None,
    importance_weights: ImportanceWeight | None = None,
    vespo_k_pos: NonNegative = 2.0,
    vespo_lambda_pos: Positive = 3.0,
    vespo_k_neg: NonNegative = 3.0,
    vespo_lambda_neg: Positive = 2.0,
) -> Evaluation:
    r"""Variational sequence-level soft policy optimization: REINFORCE with a smooth weight of the whole completion's ratio in place of a clip.

    w is the product of the ratios of a completion's tokens and of its importance weights, within [1e-8, e^20], each ratio within e^-20 and e^20. The weight is 1 at w = 1 and
    constant in the gradient, so the gradient is not the derivative of the value. As in TRL, whose lambda is at least 1e-4.

    Use: Off-policy reinforcement learning of language models, stable with stale samples.
    Formula: \ell_{it} = -\mathrm{sg}\left( w_i^k e^{\lambda (1 - w_i)} \right) A_{it} \log \pi_{it}, \quad w_i = \prod_t \frac{\pi_{it}}{\pi_{old,it}}
    importance_weights: ratio of the training to the sampling engine, for each completion (n,) or token (n, t), a factor of w.
    vespo_k_pos: k where the advantage is at least 0.
    vespo_lambda_pos: lambda where the advantage is at least 0.
    vespo_k_neg: k where the advantage is negative.
    vespo_lambda_neg: lambda where the advantage is negative.
    Divisor: the number of tokens
    Synonyms: VESPOLoss, variational_sequence_level_soft_policy_optimization
    Reference: VESPO: Variational Sequence-Level Soft Policy Optimization for Stable Off-Policy LLM Training, 2026, arXiv:2602.10693; TRL GRPOTrainer, loss_type vespo
    """
    least, most = math.log(1e-8), 20.0
    kept = np.ones_like(logps) if mask is None else mask.astype(logps.dtype)
    log_w = per_sample_sum(np.clip(unmasked(logps - old_logps, mask), -most, most))
    if importance_weights is not None:
        of_weights = np.clip(np.log(importance_weights), least, most)
        log_w = log_w + (of_weights if of_weights.ndim == 1 else per_sample_sum(unmasked(of_weights, mask)))
    log_w = np.clip(log_w, least, most)[:, None]
    gains = _columns(advantages)
    k, rate = np.where(gains >= 0, vespo_k_pos, vespo_k_neg), np.where(gains >= 0, vespo_lambda_pos, vespo_lambda_neg)
    weight = (kept * (np.exp(k * log_w - rate * np.expm1(log_w)) * -gains)).astype(logps.dtype, copy=False)
    values = weight * unmasked(logps, mask)
    return Evaluation(per_sample_sum(values), per_sample_sum(kept), {"logps": lambda c: spread(c, weight) * weight}, lambda: values, shares=kept)
