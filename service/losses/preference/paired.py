"""Preferences between two completions, from their log-probabilities under a policy.

chosen and rejected are the two completions of a pair. Each number is the log-probability of a whole completion, summed over its
tokens (or averaged, where stated). Reference log-probabilities are constant.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Domain, NonNegative, Positive, TensorSpec
from service.losses.errors import InvalidOption
from service.losses.evaluation import Evaluation, Pullback, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import exp_times, log1pexp_small, sigmoid, softplus, times
from service.losses.numerics.special import expm1_minus, x_minus_log1p
from service.losses.preference._shared import LogProbability, ReferenceLogProbability
from service.losses.registry import loss

Reward = Annotated[Array, TensorSpec("n", gradient="default", description="rewards of the completions")]
MeanLogProbability = Annotated[
    Array,
    TensorSpec(
        "n", domain=Domain(high=0, high_open=True), gradient="default", description="log-probabilities of the completions, averaged over tokens"
    ),
]
CompletionNll = Annotated[
    Array, TensorSpec("n", gradient="default", description="negative log-likelihood of the chosen completions, averaged over tokens")
]
Margin = Annotated[Array, TensorSpec("n", description="margin by which the chosen completions are better")]
Smoothing = Annotated[float, annotated_types.Ge(0), annotated_types.Lt(0.5)]
PAIR = {"chosen_logps": [-12.0, -8.5], "rejected_logps": [-14.0, -8.0]}
REFERRED = PAIR | {"ref_chosen_logps": [-13.0, -8.0], "ref_rejected_logps": [-13.5, -9.0]}
Curve = Callable[[Array], tuple[Array, Callable[[], Array]]]  # x -> value and its derivative


@loss(example={"chosen_rewards": [1.2, 0.3], "rejected_rewards": [0.2, 0.5]}, hessian_diagonal=True)
def bradley_terry(
    chosen_rewards: Reward, rejected_rewards: Reward, *, margin: Margin | None = None, center_rewards_coefficient: NonNegative = 0.0
) -> Evaluation:
    r"""Bradley-Terry loss of reward models: negative log-probability that the chosen completion is preferred.

    Use: Reward models for human feedback (RLHF), and other pairwise preferences.
    Formula: \ell = \mathrm{softplus}(m - (r_c - r_r)) + \lambda (r_c + r_r)^2
    center_rewards_coefficient: weight of the square of the rewards' sum, which keeps them near zero (TRL; 0.01 in the paper).
    Divisor: the number of pairs
    Synonyms: BradleyTerry, reward_model, RewardTrainer, pairwise_reward
    Reference: Bradley and Terry, Rank Analysis of Incomplete Block Designs, 1952; Ouyang et al., 2022, arXiv:2203.02155, equation 1; Eisenstein et al., 2023, arXiv:2312.09244 (centring)
    """
    x = chosen_rewards - rejected_rewards
    if margin is not None:
        x = x - margin
    total, coefficient = chosen_rewards + rejected_rewards, center_rewards_coefficient
    center = (coefficient * total) * total if coefficient else np.zeros_like(total)

    def curvature(c: Array) -> Array:
        return c * (sigmoid(x) * sigmoid(-x) + 2.0 * coefficient)

    return elementwise(
        softplus(-x) + center,
        {
            "chosen_rewards": lambda c: c * (2.0 * coefficient * total - sigmoid(-x)),
            "rejected_rewards": lambda c: c * (2.0 * coefficient * total + sigmoid(-x)),
        },
        {"chosen_rewards": curvature, "rejected_rewards": curvature},
    )


# ------------------------------------------------------------------ curves: functions of beta times a log-ratio


def logistic(x: Array, smoothing: float = 0.0) -> tuple[Array, Callable[[], Array]]:
    """Return softplus(-x), with a share of softplus(x)."""
    small = log1pexp_small(x)
    value = (1.0 - smoothing) * (np.maximum(-x, 0.0) + small)
    if smoothing:
        value += smoothing * (np.maximum(x, 0.0) + small)
    return value, lambda: smoothing * sigmoid(x) - (1.0 - smoothing) * sigmoid(-x)


def robust(x: Array, smoothing: float) -> tuple[Array, Callable[[], Array]]:
    """((1 - e) softplus(-x) - e softplus(x)) / (1 - 2 e)."""
    flipped = smoothing / (1.0 - 2.0 * smoothing)
    return softplus(-x) - flipped * x, lambda: -sigmoid(-x) - flipped


def hinge(x: Array) -> tuple[Array, Callable[[], Array]]:
    """Return max(0, 1 - x); slope 0 at 1."""
    return np.maximum(1.0 - x, 0.0), lambda: -(x < 1.0).astype(x.dtype)


def square(x: Array, target: float, beta: float) -> tuple[Array, Callable[[], Array]]:
    """((x - target) / beta)^2."""
    error = (x - target) / beta
    return error * error, lambda: 2.0 * error / beta


def exo(x: Array, smoothing: float) -> tuple[Array, Callable[[], Array]]:
    """KL(sigmoid(x) || 1 - smoothing) by its rarer outcome, whose probability is q: log(1 + q (e^d - 1)) - q d, d the logits' distance."""
    sign = np.where(x > 0, 1.0, -1.0).astype(x.dtype)
    logit = float(np.log1p(-smoothing) - np.log(smoothing)) * sign
    rare, d = sigmoid(-np.abs(x)), np.abs(x) - logit
    near = np.clip(d, -1.0, 1.0)
    value = rare * expm1_minus(near) - x_minus_log1p(rare * np.expm1(near))
    far = (softplus(-logit) - log1pexp_small(x)) - rare * d
    return np.where(np.abs(d) < 1.0, value, far), lambda: sign * rare * (1.0 - rare) * d


def discovered(x: Array, tau: float) -> tuple[Array, Callable[[], Array]]:
    """(1 - m) softplus(-x) + m e^-x with m = sigmoid(x / tau); m e^-x is one exponential, in range where the product is."""
    e = np.exp(-np.abs(x) / tau)
    m, rest = np.where(x >= 0, 1.0, e) / (1.0 + e), np.where(x >= 0, e, 1.0) / (1.0 + e)
    steep = np.exp(np.where(x >= 0, -x, x / tau - x)) / (1.0 + e)
    plain = softplus(-x)
    return rest * plain + steep, lambda: steep * (rest / tau - 1.0) - rest * (m / tau * plain + sigmoid(-x))


# ------------------------------------------------------------------ losses of pairs

Pair = tuple[Array, Callable[[], Array], Callable[[], Array]]  # value, slope by u, slope by v


def of_difference(curve: Curve) -> Callable[[Array, Array], Pair]:
    """Apply a curve to beta times the difference of the log-ratios."""

    def pair(chosen: Array, rejected: Array) -> Pair:
        value, slope = curve(chosen - rejected)
        return value, slope, lambda: -slope()

    return pair


def nca_pair(u: Array, v: Array) -> Pair:
    """softplus(-u) + softplus(u) / 2 + softplus(v) / 2."""
    value = softplus(-u) + 0.5 * softplus(u) + 0.5 * softplus(v)
    return value, lambda: 0.5 * sigmoid(u) - sigmoid(-u), lambda: 0.5 * sigmoid(v)


def bco_pair(u: Array, v: Array) -> Pair:
    """softplus(-u) + softplus(v)."""
    return softplus(-u) + softplus(v), lambda: -sigmoid(-u), lambda: sigmoid(v)


def sppo_hard(u: Array, v: Array, beta: float) -> Pair:
    """Return ((u - 1/2)^2 + (v + 1/2)^2) / beta^2."""
    (won, won_slope), (lost, lost_slope) = square(u, 0.5, beta), square(v, -0.5, beta)
    return won + lost, won_slope, lost_slope


def apo_zero(u: Array, v: Array) -> Pair:
    """sigmoid(-u) + sigmoid(v)."""
    return sigmoid(-u) + sigmoid(v), lambda: -sigmoid(u) * sigmoid(-u), lambda: sigmoid(v) * sigmoid(-v)


def apo_down(u: Array, v: Array) -> Pair:
    """sigmoid(u) + sigmoid(-x), x = u - v; the slopes' difference s'(u) - s'(x) is (s(u) - s(x)) (s(-u) - s(x))."""
    x = u - v
    return (
        sigmoid(u) + sigmoid(-x),
        lambda: _sigmoid_difference(u, x, v) * _sigmoid_difference(-u, x, -(u + x)),
        lambda: sigmoid(x) * sigmoid(-x),
    )


def _sigmoid_difference(a: Array, b: Array, gap: Array) -> Array:
    """sigmoid(a) - sigmoid(b) for gap = a - b, without cancellation."""
    high, low = np.where(gap > 0, a, b), np.where(gap > 0, b, a)
    return np.sign(gap) * sigmoid(high) * sigmoid(-low) * -np.expm1(-np.abs(gap))


def transported(own: Array, other: Array, beta: float, smoothing: float, paired: bool) -> Evaluation:
    """Return the logistic loss of the k-th smallest of `own` minus the k-th smallest of `other`, which has the rejected completions unless paired."""
    partner = np.empty(len(own), dtype=np.intp)
    partner[np.argsort(own, kind="stable")] = np.argsort(other, kind="stable")  # the partner of each sample
    value, slope = logistic(beta * (own - other[partner]), smoothing)

    def by_rejected(c: Array) -> Array:
        toward = -c * (beta * slope())
        out = np.empty_like(toward)
        out[slice(None) if paired else partner] = toward
        return out

    return elementwise(value, {"chosen_logps": lambda c: c * (beta * slope()), "rejected_logps": by_rejected})


@loss(example=REFERRED)
def dpo(
    chosen_logps: LogProbability,
    rejected_logps: LogProbability,
    ref_chosen_logps: ReferenceLogProbability,
    ref_rejected_logps: ReferenceLogProbability,
    *,
    loss_type: Literal[
        "sigmoid",
        "hinge",
        "ipo",
        "robust",
        "exo_pair",
        "nca_pair",
        "bco_pair",
        "sppo_hard",
        "aot",
        "aot_unpaired",
        "apo_zero",
        "apo_down",
        "discopop",
    ] = "sigmoid",
    beta: Positive = 0.1,
    label_smoothing: Smoothing = 0.0,
    discopop_tau: Positive = 0.05,
    f_divergence_type: Literal["reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"] = "reverse_kl",
    f_alpha_divergence_coef: float = 0.5,
) -> Evaluation:
    r"""Direct preference optimization: the policy's log-ratio to the reference is the reward of a Bradley-Terry model.

    With u and v for beta times the log-ratios of the chosen and the rejected completion and x = u - v, `loss_type` is one of
    sigmoid softplus(-x); hinge max(0, 1 - x), SLiC, slope 0 at the kink; ipo (x - 1/2)^2 / beta^2; robust the unbiased sigmoid of noisy labels, which can
    be negative; exo_pair KL(sigmoid(x) | 1 - label_smoothing), which must be positive there; nca_pair softplus(-u) + softplus(u)/2 +
    softplus(v)/2; bco_pair softplus(-u) + softplus(v), without the shift by a running mean, which the client applies; sppo_hard
    ((u - 1/2)^2 + (v + 1/2)^2) / beta^2; apo_zero sigmoid(-u) + sigmoid(v); apo_down sigmoid(u) + sigmoid(-x); discopop
    (1 - m) softplus(-x) + m exp(-x) with m = sigmoid(x / tau), which overflows in TRL below x = -709. TRL's DPO trainer averages
    log-probabilities over tokens for ipo, its CPO trainer sums; send either. TRL's sigmoid_norm is sigmoid of averages. With another f_divergence_type
    the reward is f'(t) for the ratio t = pi / pi_ref instead of log t; both aot have the reverse KL only.

    aot and aot_unpaired are the sigmoid of beta (a - b) with the batch's a and b sorted: in alignment by optimal transport, the k-th smallest
    a should exceed the k-th smallest b. With aot a is the pair's log-ratio log pi(c) - log pi(r) and b the reference's; with aot_unpaired they are the
    log-ratios to the reference of the chosen and of the rejected completions. A sample's loss is that of its a; ties keep the order of the
    samples. These two depend on the whole batch, so results over shards do not merge.

    Use: Fine-tuning of language models by pairs of preferences, without a reward model; instead of RLHF.
    Formula: \ell = \mathrm{softplus}\left(-\beta \left(\log\frac{\pi(c)}{\pi_{ref}(c)} - \log\frac{\pi(r)}{\pi_{ref}(r)}\right)\right)
    Where: c the chosen completion; r the rejected one
    loss_type: variant, as named in TRL.
    beta: strength of the regularization toward the reference; temperature of the reward.
    label_smoothing: probability that the preference is wrong, for sigmoid (conservative DPO), robust, exo_pair and both aot; ignored by the others.
    discopop_tau: temperature of discopop's mixture.
    f_divergence_type: divergence from the reference, as named in TRL; reward of the log-ratio d: reverse_kl d; forward_kl 1 - e^-d; js_divergence log(2 t / (1 + t)); alpha_divergence (e^((a - 1) d) - 1) / (a - 1).
    f_alpha_divergence_coef: a of alpha_divergence; 1 is the limit, reverse_kl. TRL computes e^((a - 1) d) in float32 and bounds its exponent by 80.
    Divisor: the number of pairs
    Synonyms: DPOTrainer, DPOLoss, direct_preference_optimization
    Reference: Rafailov et al., 2023, arXiv:2305.18290, equation 7; TRL DPOTrainer; hinge 2305.10425; ipo 2310.12036, equation 17; robust 2403.00409; exo 2402.00856, equation 16; nca 2402.05369; bco 2404.04656; sppo 2405.00675, equation 4.7; aot 2406.05882; apo 2408.06266, equations 7 and 8; discopop 2406.08414, equation 5; f-divergences Wang et al. 2309.16240, table 1
    """
    if f_divergence_type != "reverse_kl" and loss_type in ("aot", "aot_unpaired"):
        raise InvalidOption("f_divergence_type", f"not available with {loss_type}; expected reverse_kl, got {f_divergence_type}")
    if loss_type == "exo_pair" and label_smoothing == 0:
        raise InvalidOption("label_smoothing", "out of range; expected a positive number with exo_pair, got 0")
    if loss_type == "aot":
        return transported(chosen_logps - rejected_logps, ref_chosen_logps - ref_rejected_logps, beta, label_smoothing, paired=True)
    if loss_type == "aot_unpaired":
        return transported(chosen_logps - ref_chosen_logps, rejected_logps - ref_rejected_logps, beta, label_smoothing, paired=False)
    variants: dict[str, Callable[[Array, Array], Pair]] = {
        "sigmoid": of_difference(partial(logistic, smoothing=label_smoothing)),
        "hinge": of_difference(hinge),
        "ipo": of_difference(partial(square, target=0.5, beta=beta)),
        "robust": of_difference(partial(robust, smoothing=label_smoothing)),
        "exo_pair": of_difference(partial(exo, smoothing=label_smoothing)),
        "nca_pair": nca_pair,
        "bco_pair": bco_pair,
        "sppo_hard": partial(sppo_hard, beta=beta),
        "apo_zero": apo_zero,
        "apo_down": apo_down,
        "discopop": of_difference(partial(discovered, tau=discopop_tau)),
    }
    ratios = chosen_logps - ref_chosen_logps, rejected_logps - ref_rejected_logps
    (won, won_slope), (lost, lost_slope) = (rewarded(ratio, beta, f_divergence_type, f_alpha_divergence_coef) for ratio in ratios)
    value, chosen, rejected = variants[loss_type](won, lost)
    return elementwise(
        value,
        {
            "chosen_logps": lambda c: c * times(chosen(), won_slope()),
            "rejected_logps": lambda c: c * times(rejected(), lost_slope()),
        },
    )


def rewarded(log_ratio: Array, beta: float, divergence: str, alpha: float) -> tuple[Array, Callable[[], Array]]:
    """Return beta f'(t) of a divergence for the ratio t, and its derivative by log t."""
    if divergence == "js_divergence":
        halved = np.log1p(0.5 * np.expm1(-np.abs(log_ratio)))  # log of the mean of 1 and e^-|d|
        return beta * (np.minimum(log_ratio, 0.0) - halved), lambda: beta * sigmoid(-log_ratio)
    power = {"reverse_kl": 0.0, "forward_kl": -1.0}.get(divergence, alpha - 1.0)
    if power == 0:
        return beta * log_ratio, lambda: np.full_like(log_ratio, beta)
    x, scale = power * log_ratio, np.full_like(log_ratio, beta)
    far = x > 80.0  # there the 1 is lost, and e^x may be out of range where its product is not
    return np.where(far, exp_times(x, scale / power), np.expm1(x) * (beta / power)).astype(x.dtype, copy=False), lambda: exp_times(x, scale)


@loss(example={"chosen_logps": [-0.6, -0.8], "rejected_logps": [-1.1, -0.7]})
def orpo(chosen_logps: MeanLogProbability, rejected_logps: MeanLogProbability, *, beta: Positive = 0.1) -> Evaluation:
    r"""Odds-ratio preference optimization: the negative log-likelihood of the chosen completion plus a penalty on the odds ratio, without reference model.

    Log-probabilities are averages over tokens, below 0. The first term is each chosen completion's own mean, as in the paper; TRL averages it over
    all tokens of the batch. log(1 - p) is accurate for p near 1, as in TRL since it uses log1mexp.

    Use: Fine-tuning of language models by instructions and preferences in one step, without a reference.
    Formula: \ell = -\log p_c + \beta \, \mathrm{softplus}\left(-\log\frac{p_c (1 - p_r)}{(1 - p_c) p_r}\right)
    Where: c the chosen completion; r the rejected one
    beta: weight of the odds ratio's term (lambda in the paper).
    Divisor: the number of pairs
    Synonyms: ORPOTrainer, ORPOLoss, odds_ratio
    Reference: Hong, Lee and Thorne, ORPO: Monolithic Preference Optimization without Reference Model, 2024, arXiv:2403.07691, equations 6 and 7
    """
    c, r = chosen_logps, rejected_logps
    miss_c, miss_r = -np.expm1(c), -np.expm1(r)
    gap = r - c
    odds = exp_times(gap, miss_c / miss_r)  # of the rejected completion over those of the chosen
    log_odds = gap + (_log1mexp(c, miss_c) - _log1mexp(r, miss_r))
    likely = odds <= 1.0
    inverse = np.where(likely, 1.0, np.exp(-np.maximum(log_odds, 0.0)))
    odds = np.where(likely, odds, 1.0)
    value = np.where(likely, np.log1p(odds), log_odds + np.log1p(inverse))

    def share(k: Array, of_likely: Array, miss: Array) -> Array:
        """The quotient k / (1 + 1 / odds) / miss, given half of k * odds / miss where the odds are at most 1."""
        return np.where(likely, of_likely / (0.5 + 0.5 * odds), 0.5 * k / (0.5 + 0.5 * inverse) / miss)

    def chosen(k: Array) -> Array:
        return -k - share(k * beta, exp_times(gap, 0.5 * k * beta / miss_r), miss_c)

    return elementwise(
        beta * value - c,
        {"chosen_logps": chosen, "rejected_logps": lambda k: share(k * beta, 0.5 * k * beta * odds / miss_r, miss_r)},
    )


def _log1mexp(x: Array, complement: Array) -> Array:
    """log(1 - e^x) for x < 0, given 1 - e^x."""
    return np.where(x > -0.7, np.log(complement), np.log1p(-np.exp(np.minimum(x, -0.5))))


@loss(example=PAIR)
def cpo(
    chosen_logps: LogProbability,
    rejected_logps: LogProbability,
    *,
    chosen_nll: CompletionNll | None = None,
    loss_type: Literal["sigmoid", "hinge", "ipo"] = "sigmoid",
    beta: Positive = 0.1,
    label_smoothing: Smoothing = 0.0,
    cpo_alpha: NonNegative = 1.0,
) -> Evaluation:
    r"""Contrastive preference optimization: DPO without a reference, plus the negative log-likelihood of the chosen completion.

    For `loss_type` ipo, send log-probabilities averaged over tokens, as TRL does. Triple preference optimization (TPO, arXiv:2405.16681) is
    this loss with the likelihood of a third, better completion for `chosen_nll` (TRL: beta 0.01, tpo_alpha for cpo_alpha).

    Use: Fine-tuning of language models by preferences without a reference, as in translation.
    Formula: \ell = \mathrm{softplus}(-\beta (\log \pi(c) - \log \pi(r))) + \alpha \, \mathrm{NLL}(c)
    Where: c the chosen completion; r the rejected one
    loss_type: sigmoid; hinge max(0, 1 - x), slope 0 at the kink; ipo (x - 1/2)^2 / beta^2; x is beta times the difference.
    beta: scale of the difference.
    label_smoothing: probability that the preference is wrong; sigmoid only.
    cpo_alpha: weight of `chosen_nll`, if sent.
    Divisor: the number of pairs
    Synonyms: CPOTrainer, CPOLoss
    Reference: Xu et al., Contrastive Preference Optimization, 2024, arXiv:2401.08417, equation 5; TRL CPOTrainer
    """
    curves: dict[str, Curve] = {
        "sigmoid": partial(logistic, smoothing=label_smoothing),
        "hinge": hinge,
        "ipo": partial(square, target=0.5, beta=beta),
    }
    value, slope = curves[loss_type](beta * (chosen_logps - rejected_logps))
    gradients: dict[str, Pullback] = {"chosen_logps": lambda c: c * (beta * slope()), "rejected_logps": lambda c: -c * (beta * slope())}
    if chosen_nll is not None:
        value = value + cpo_alpha * chosen_nll
        gradients["chosen_nll"] = lambda c: cpo_alpha * c
    return elementwise(value, gradients)


@loss(example={"chosen_logps": [-0.6, -0.8], "rejected_logps": [-1.1, -0.7]})
def simpo(
    chosen_logps: LogProbability,
    rejected_logps: LogProbability,
    *,
    beta: Positive = 0.1,
    simpo_gamma: NonNegative = 0.5,
    label_smoothing: Smoothing = 0.0,
) -> Evaluation:
    r"""Simple preference optimization: the reward is the mean log-probability of a token, and the chosen completion must win by a margin.

    Send log-probabilities averaged over tokens. Defaults are TRL's; the paper has beta 2 to 2.5 and gamma 0.5 to 1.5.

    Use: Fine-tuning of language models by preferences without a reference.
    Formula: \ell = \mathrm{softplus}(\gamma - \beta (\overline{\log \pi}(c) - \overline{\log \pi}(r)))
    Where: c the chosen completion; r the rejected one
    beta: scale of the difference.
    simpo_gamma: margin by which the chosen completion must win.
    label_smoothing: probability that the preference is wrong.
    Divisor: the number of pairs
    Synonyms: SimPOLoss, simpo_loss
    Reference: Meng, Xia and Chen, SimPO: Simple Preference Optimization with a Reference-Free Reward, 2024, arXiv:2405.14734, equation 6
    """
    value, slope = logistic(beta * (chosen_logps - rejected_logps) - simpo_gamma, label_smoothing)
    return elementwise(value, {"chosen_logps": lambda c: c * (beta * slope()), "rejected_logps": lambda c: -c * (beta * slope())})


@loss(example={"chosen_logps": [-0.6, -0.8], "rejected_logps": [-1.1, -0.7]})
def alphapo(
    chosen_logps: LogProbability,
    rejected_logps: LogProbability,
    *,
    alpha: float = 0.25,
    beta: Positive = 0.1,
    simpo_gamma: NonNegative = 0.5,
    label_smoothing: Smoothing = 0.0,
) -> Evaluation:
    r"""AlphaPO loss: SimPO with the reward (1 - p^-alpha) / alpha of the probability, whose limit for alpha 0 is the logarithm.

    Send log-probabilities averaged over tokens. The difference of rewards is computed from that of the log-probabilities, so that it is exact
    for small alpha and for nearly equal completions; TRL raises probabilities to the power.

    Use: Fine-tuning of language models by preferences without a reference.
    Formula: \ell = \mathrm{softplus}\left(\gamma - \beta (r_c - r_r)\right), \quad r = \frac{1 - e^{-\alpha \overline{\log \pi}}}{\alpha}
    alpha: shape; 0 gives simpo.
    beta: scale of the difference.
    simpo_gamma: margin by which the chosen completion must win.
    label_smoothing: probability that the preference is wrong.
    Divisor: the number of pairs
    Synonyms: AlphaPOLoss, alphapo_loss
    Reference: Gupta et al., AlphaPO: Reward Shape Matters for LLM Alignment, 2025, arXiv:2501.03884; TRL CPOTrainer, alpha
    """
    gap = chosen_logps - rejected_logps
    larger = np.maximum(-alpha * chosen_logps, -alpha * rejected_logps)  # |e^a - e^b| = e^max (1 - e^-|a - b|)
    ahead = gap if alpha == 0 else -np.sign(gap) * exp_times(larger, np.expm1(-np.abs(alpha * gap)) / abs(alpha))
    value, slope = logistic(beta * ahead - simpo_gamma, label_smoothing)

    def toward(logps: Array) -> Array:
        return exp_times(-alpha * logps, beta * slope())

    return elementwise(value, {"chosen_logps": lambda c: c * toward(chosen_logps), "rejected_logps": lambda c: -c * toward(rejected_logps)})
