"""Parametric families of divergences, and divergences between parametric distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import numpy as np

from service.losses.declaration import UNIT, Bound, CountLabel, Domain, NonNegative, PositionMask, Positive, PositiveReal, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise, in_float64, masked, of_positions
from service.losses.numerics import Array
from service.losses.numerics.double_double import two_product, two_sum
from service.losses.numerics.elementary import divide_or_zero, per_sample_size, times
from service.losses.numerics.softmax import sum_of_others
from service.losses.numerics.special import expm1_minus, log_ratio, relative_entropy, times_exp
from service.losses.registry import loss

Mean = Annotated[Array, TensorSpec("n ...", gradient="default", description="predicted means")]
LogVariance = Annotated[Array, TensorSpec("n ...", gradient="default", description="logarithms of the predicted variances")]
PriorMean = Annotated[Array, TensorSpec("n ...", gradient="default", description="means of the prior; default: 0")]
PriorLogVariance = Annotated[Array, TensorSpec("n ...", gradient="default", description="logarithms of the prior's variances; default: 0")]


@loss(example={"mean": [[0.5, -0.2], [0.1, 0.0]], "log_variance": [[0.1, -0.5], [0.0, 0.3]]}, hessian_diagonal=True)
def gaussian_kl(
    mean: Mean,
    log_variance: LogVariance,
    *,
    prior_mean: PriorMean | None = None,
    prior_log_variance: PriorLogVariance | None = None,
    free_bits: NonNegative = 0.0,
) -> Evaluation:
    r"""Kullback-Leibler divergence of a diagonal normal distribution from a prior, by default the standard one: the regularizer of variational autoencoders.

    The paper of free bits takes the maximum after an average over the batch; here each latent dimension of each sample has its own, in nats.

    Use: The regularizer of a variational autoencoder (VAE), also hierarchical or with a learned prior; world models.
    Search: vae, free_nats
    Formula: \ell_i = \frac{1}{2} \sum_k \left( \frac{(\mu_k - m_k)^2}{e^{p_k}} + e^{s_k - p_k} - 1 - (s_k - p_k) \right)
    mean: mu, the means.
    log_variance: s, the logarithms of the variances.
    prior_mean: m, the means of the prior; 0 by default.
    prior_log_variance: p, the logarithms of the variances of the prior; 0 by default.
    free_bits: smallest divergence of a latent dimension, in nats; below it the gradient is 0.
    Divisor: the number of samples; latent dimensions are summed
    Synonyms: vae_kl, kl_normal, kl_standard_normal, DiagonalGaussianKL
    Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2013, arXiv:1312.6114, appendix B; Kingma et al., Inverse Autoregressive Flow, 2016, arXiv:1606.04934, equation 15
    """
    gap = mean if prior_mean is None else mean - prior_mean
    ratio = log_variance if prior_log_variance is None else log_variance - prior_log_variance
    z = gap if prior_log_variance is None else times_exp(gap, -0.5 * prior_log_variance)
    half = np.full_like(ratio, 0.5)
    far = ratio > 0.5 * math.log(np.finfo(ratio.dtype).max)  # there all but e^ratio is negligible, and half of it may be in range

    def excess(factor: Array, less: Callable[[Array], Array]) -> Array:
        return np.where(far, times_exp(factor, ratio), factor * less(ratio)).astype(ratio.dtype, copy=False)

    def precise(x: Array) -> Array:
        """Divide by the variance of the prior."""
        return x if prior_log_variance is None else times_exp(x, -prior_log_variance)

    values = 0.5 * z * z + excess(half, expm1_minus)

    def active(c: Array) -> Array:
        return c * (values >= free_bits) if free_bits else c

    slopes: dict[str, Callable[[Array], Array]] = {
        "mean": lambda c: precise(active(c) * gap),
        "log_variance": lambda c: excess(active(c) * half, np.expm1),
    }
    bends: dict[str, Callable[[Array], Array]] = {
        "mean": lambda c: precise(active(c) * np.ones_like(gap)),
        "log_variance": lambda c: times_exp(active(c) * half, ratio),
    }
    if prior_mean is not None:
        slopes["prior_mean"] = lambda c: -precise(active(c) * gap)
        bends["prior_mean"] = bends["mean"]
    if prior_log_variance is not None:
        slopes["prior_log_variance"] = lambda c: -excess(active(c) * half, np.expm1) - (0.5 * active(c) * z) * z
        bends["prior_log_variance"] = lambda c: times_exp(active(c) * half, ratio) + (0.5 * active(c) * z) * z
    return elementwise(np.maximum(values, free_bits), slopes, bends, divisor=np.ones(mean.shape[0]))


PositiveShare = Annotated[
    Array, TensorSpec("n c ...", domain=Domain(0, 1, low_open=True), gradient="default", description="predicted probability of each class, above 0")
]
TrueShare = Annotated[Array, TensorSpec("n c ...", domain=UNIT, gradient="on request", description="true probability of each class")]


def scaled_power(p: Array, q: Array, exponent: tuple[float, float], scale: Array) -> Array:
    """Return (p / q)^exponent * scale, finite where the result is; the exponent comes with its rounding error."""
    (fraction_p, power_p), (fraction_q, power_q), (fraction, power) = np.frexp(p), np.frexp(q), np.frexp(scale)
    dtype = fraction_p.dtype
    a = dtype.type(exponent[0])
    lost = dtype.type((exponent[0] - float(a)) + exponent[1])
    twos = (power_p - power_q).astype(dtype)
    whole, rest = two_product(a * np.ones_like(twos), twos)
    n = np.rint(whole)
    raised = (fraction_p / fraction_q) ** a * np.exp2((whole - n) + (rest + lost * twos))
    shift = np.clip(n, -1e5, 1e5).astype(np.int64) + power
    return np.where(scale == 0, 0.0, np.ldexp(fraction * raised, np.clip(shift, -10000, 10000).astype(np.int32))).astype(dtype, copy=False)


def _less(exponent: float, k: float) -> tuple[float, float]:
    """Return the exponent minus k, and the rounding error of the subtraction."""
    difference, lost = two_sum(np.array(exponent), np.array(-k))
    return float(difference), float(lost)


def _power_less_one(p: Array, q: Array, ratio: Array, exponent: tuple[float, float]) -> Array:
    """Return ((p / q)^e - 1) / e, which is the logarithm at e = 0. ratio: the logarithm of p / q."""
    e = exponent[0]
    if e == 0:
        return ratio
    x = e * ratio
    near = np.abs(x) < 0.5
    far = scaled_power(p, q, exponent, np.ones_like(p)) - 1.0
    return np.where(near, np.expm1(np.where(near, x, 0.0)), far).astype(p.dtype, copy=False) / p.dtype.type(e)


def _kernel(ratio: Array, a: float) -> Array:
    """Return (u^a - 1 - a (u - 1)) / (a (a - 1)) for u = e^ratio near 1."""
    if a >= 0.5:
        return np.exp(ratio) * (expm1_minus(-ratio) + divide_or_zero(expm1_minus((a - 1.0) * ratio), a - 1.0)) / a
    return (expm1_minus(ratio) - divide_or_zero(expm1_minus(a * ratio), a)) / (1.0 - a)


@loss(
    example={"predictions": [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
    work=Work(memory="32 n c ..."),
)
def alpha_divergence(predictions: PositiveShare, labels: TrueShare, *, alpha: float = 0.5, mask: PositionMask | None = None) -> Evaluation:
    r"""Amari's alpha divergences: Kullback-Leibler (alpha 1), its reverse (0), four times hellinger (1/2), half of Pearson's chi squared (2).

    For masses that do not sum to one it is the generalized form, never negative. Here alpha 1 is the divergence of the labels from the predictions. The loss of a label 0 is infinite for alpha <= 0.

    Use: Comparison of probability distributions, from mode-seeking to mass-covering.
    Formula: \ell = \sum_k \frac{p_k^\alpha q_k^{1 - \alpha} - \alpha p_k + (\alpha - 1) q_k}{\alpha (\alpha - 1)}
    Where: p `labels`; q `predictions`
    predictions: q.
    labels: p.
    alpha: exponent; at 0 and 1 the loss is the limit.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: amari_divergence, amari_alpha, cressie_read, power_divergence
    Reference: Cichocki and Amari, Families of Alpha- Beta- and Gamma-Divergences, 2010, Entropy 12, equation 2; Amari, Differential-Geometrical Methods in Statistics, 1985
    """
    q, p = predictions, labels
    ratio = log_ratio(p, q)
    near = np.abs(ratio) < 0.7
    less = _less(alpha, 1.0)
    values = np.where(near, q * _kernel(np.where(near, ratio, 0.0).astype(q.dtype, copy=False), alpha), _alpha_far(p, q, ratio, alpha))
    result = elementwise(
        values.astype(q.dtype, copy=False),
        {
            "predictions": lambda c: -c * _power_less_one(p, q, ratio, (alpha, 0.0)),
            "labels": lambda c: c * _power_less_one(p, q, ratio, less),
        },
        {
            "predictions": lambda c: c * (scaled_power(p, q, (alpha, 0.0), np.ones_like(q)) / q),
            "labels": lambda c: c * (scaled_power(p, q, less, np.ones_like(q)) / p),
        },
        divisor=per_sample_size(q) / q.shape[1],
    )
    return masked(result, of_positions(mask))


def _alpha_far(p: Array, q: Array, ratio: Array, alpha: float) -> Array:
    """Return the terms where p and q are not nearly equal, by relative entropies if the exponent is close to its singularity for this ratio."""
    if alpha == 1:
        return relative_entropy(p, q)
    if alpha == 0:
        return relative_entropy(q, p)
    e = alpha - 1.0
    direct = scaled_power(p, q, (alpha, 0.0), q) / (alpha * e) - p / e + q / alpha
    if alpha >= 0.5:
        close = np.abs(e * ratio) < 0.5
        return np.where(close, (relative_entropy(p, q) + p * divide_or_zero(expm1_minus(np.where(close, e * ratio, 0.0)), e)) / alpha, direct)
    close = np.abs(alpha * ratio) < 0.5
    return np.where(close, (relative_entropy(q, p) - q * divide_or_zero(expm1_minus(np.where(close, alpha * ratio, 0.0)), alpha)) / -e, direct)


@loss(example={"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 2.0, 0.4]}, hessian_diagonal=True, work=Work("300 n ...", "48 n ..."))
def beta_divergence(predictions: PositiveReal, labels: CountLabel, *, beta: float = 2.0) -> Evaluation:
    r"""Beta divergences of matrix factorization: half_squared_error (beta 2), generalized Kullback-Leibler divergence (1), itakura_saito (0).

    The family has the Bregman divergences of powers. The loss of a label 0 is infinite for beta <= 0.

    Use: Non-negative matrix factorization (NMF), of spectra and of topics.
    Formula: \ell = \frac{t^\beta + (\beta - 1) x^\beta - \beta t x^{\beta - 1}}{\beta (\beta - 1)}
    Where: x `predictions`; t `labels`
    predictions: x, above 0.
    labels: t, at least 0.
    beta: exponent; at 0 and 1 the loss is the limit.
    Synonyms: bregman_power, beta_loss, density_power_divergence
    Reference: Févotte and Idier, Algorithms for Nonnegative Matrix Factorization with the Beta-Divergence, 2011, arXiv:1010.1763, equation 2; Basu et al., 1998
    """
    x, t = predictions, labels
    one = np.ones_like(x)
    ratio = log_ratio(t, x)
    near = np.abs(ratio) < 0.7
    less, less_two = _less(beta, 1.0), _less(beta, 2.0)
    kernel = _kernel(np.where(near, ratio, 0.0).astype(x.dtype, copy=False), beta)
    values = np.where(near, scaled_power(x, one, (beta, 0.0), kernel), _beta_far(t, x, ratio, beta))

    def label_slope() -> Array:
        quotient = _power_less_one(t, x, ratio, less)
        inside = np.abs(less[0] * ratio) < 0.5
        if less[0] == 0:
            return quotient
        apart = (scaled_power(t, one, less, one) - scaled_power(x, one, less, one)) / x.dtype.type(less[0])
        return np.where(inside, scaled_power(x, one, less, np.where(inside, quotient, 0.0).astype(x.dtype, copy=False)), apart)

    return elementwise(
        values.astype(x.dtype, copy=False),
        {
            "predictions": lambda c: c * scaled_power(x, one, less_two, x - t),
            "labels": lambda c: c * label_slope().astype(x.dtype, copy=False),
        },
        {
            "predictions": lambda c: c * (scaled_power(x, one, less_two, (beta - 1.0) * x - (beta - 2.0) * t) / x),
            "labels": lambda c: c * scaled_power(t, one, less_two, one),
        },
    )


def _beta_far(t: Array, x: Array, ratio: Array, beta: float) -> Array:
    """Return the terms where t and x are not nearly equal; at the singularities, and close to them for this ratio, by relative entropies."""
    one, less = np.ones_like(x), _less(beta, 1.0)
    if beta == 1:
        return relative_entropy(t, x)
    if beta == 0:
        return (t - x) / x - ratio
    e = less[0]
    own, cross = scaled_power(x, one, (beta, 0.0), one), scaled_power(x, one, less, t)
    direct = scaled_power(t, one, (beta, 0.0), one) / (beta * e) + own / beta - cross / e
    direct = np.where(np.isnan(direct), np.inf, direct).astype(x.dtype, copy=False)  # terms of both signs overflow, and so does the sum
    close = np.abs((e if beta >= 0.5 else beta) * ratio) < 0.5
    by_ratio = np.where(close, ratio, 0.0).astype(x.dtype, copy=False)
    if beta >= 0.5:
        entropy = scaled_power(x, one, less, relative_entropy(t, x))
        return np.where(close, (entropy + cross * divide_or_zero(expm1_minus(e * by_ratio), e)) / beta, direct)
    return np.where(
        close, (scaled_power(x, one, (beta, 0.0), (t - x) / x - by_ratio) - own * divide_or_zero(expm1_minus(beta * by_ratio), beta)) / -e, direct
    )


@loss(
    example={"predictions": [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
    bound=Bound(1e-14, 1e-12, "a gradient is an exponential of logarithms of up to some hundred, whose rounding it multiplies"),
    work=Work(memory="48 n c ..."),
)
@in_float64
def renyi(predictions: PositiveShare, labels: TrueShare, *, alpha: Positive = 0.5, mask: PositionMask | None = None) -> Evaluation:
    r"""Rényi divergences of the labels from the predictions: Kullback-Leibler (alpha 1), minus twice the log of the Bhattacharyya coefficient (1/2).

    For labels that do not sum to one it is Rényi's generalized form, which divides by their sum; a row of zeros is rejected. Predicted
    probabilities are above 0.

    Use: Comparison of probability distributions; privacy and variational inference.
    Formula: \ell = \frac{1}{\alpha - 1} \log \frac{\sum_k p_k^\alpha q_k^{1 - \alpha}}{\sum_k p_k}
    Where: p `labels`; q `predictions`
    predictions: q.
    labels: p.
    alpha: order; at 1 the loss is the limit.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: renyi_divergence, alpha_renyi, renyi_entropy_relative
    Reference: Rényi, On Measures of Entropy and Information, 1961, equation 3.3; van Erven and Harremoës, Rényi Divergence and Kullback-Leibler Divergence, 2014, arXiv:1206.2459
    """
    q, p = predictions, labels
    mass, kept = p.sum(axis=1, keepdims=True), None if mask is None else mask == 1
    empty = (mass == 0)[:, 0] if kept is None else (mass == 0)[:, 0] & kept
    if empty.any():
        at = np.argwhere(empty)[0]
        raise InvalidTensor("labels", "zero mass; expected a distribution with a positive sum", (int(at[0]), 0, *(int(i) for i in at[1:])))
    less, ratio = _less(alpha, 1.0), log_ratio(p, q)
    e = less[0]
    values = _renyi(p, q, ratio, p / mass, less)
    lead = ratio - values[:, None]
    enlarged = np.exp(e * lead) / mass  # u^(alpha - 1) over its mean, u = p / q

    def by_label() -> Array:
        if e == 0:
            return (1.0 + lead) / mass
        growth = np.log1p(e) + e * lead
        slope = np.expm1(growth)
        if abs(e) > 0.1:  # near a root, the excess of each class over the others is used
            beyond = enlarged * (alpha * sum_of_others(p) + e * p) - sum_of_others(times(p, enlarged))
            slope = np.where(np.abs(growth) < 0.3, beyond, slope)
        return slope / e / mass

    def by_prediction() -> Array:
        return -np.exp(alpha * ratio - e * values[:, None]) / mass

    result = elementwise(
        values,
        {"predictions": lambda c: c[:, None] * by_prediction(), "labels": lambda c: c[:, None] * by_label()},
        {
            "predictions": lambda c: c[:, None] * -by_prediction() * (alpha / q + e * by_prediction()),
            "labels": lambda c: c[:, None] * (alpha * enlarged / p - by_label() * (alpha * enlarged + 1.0 / mass)),
        },
    )
    return masked(result, kept)


def _renyi(p: Array, q: Array, ratio: Array, share: Array, less: tuple[float, float]) -> Array:
    """Return log(sum share (p / q)^e) / e, from the powers minus 1 where these are small, else from the powers; at e = 0 the mean logarithm."""
    e = less[0]
    excess = times(share, _power_less_one(p, q, ratio, less)).sum(axis=1)
    if e == 0:
        return np.asarray(excess)
    near = np.abs(e * excess) < 0.5
    total = scaled_power(p, q, less, share).sum(axis=1)
    logs = np.where(share > 0, np.log(share) + e * ratio, -np.inf)
    highest = logs.max(axis=1, keepdims=True)
    beyond = (highest + np.log(np.exp(logs - highest).sum(axis=1, keepdims=True)))[:, 0]
    within = (total > 1e-290) & (total < np.inf)
    return np.where(near, np.log1p(np.where(near, e * excess, 0.0)), np.where(within, np.log(total), beyond)) / e
