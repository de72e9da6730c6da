"""Distances between distributions, and distillation.

A distribution that is given as scores (logits) has its classes on axis 1. Sums over classes are taken term by term in a form that is
never negative, p log(p / q) - p + q, so that distributions that are nearly equal keep their digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.core import Evaluation, Fraction, Logits, Positive, Pullback, loss
from service.losses.numerics import Softmax, elementwise, per_sample_size, per_sample_sum, softplus, spread, times
from service.losses.probabilistic import gamma_terms
from service.losses.special import expm1_minus, log_ratio, relative_entropy, relative_entropy_of_log
from service.losses.tensors import UNIT, Array, Domain, Tensor
from service.losses.twofold import two_sum

ABOVE_ZERO = Domain(low=0, low_open=True)
LogProbability = Annotated[Array, Tensor("n ...", gradient="default", description="logarithms of the predicted probabilities")]
Target = Annotated[
    Array,
    Tensor(
        "n ...",
        narrowed=(("log_target", False, Domain(low=0)),),
        gradient="on request",
        description="true probabilities, or their logarithms (log_target)",
    ),
]
Mass = Annotated[Array, Tensor("n ...", domain=Domain(low=0), gradient="on request", description="true masses, from 0 on")]
Distribution = Annotated[Array, Tensor("n c ...", domain=UNIT, gradient="default", description="predicted probabilities, a class each")]
TrueDistribution = Annotated[Array, Tensor("n c ...", domain=UNIT, gradient="on request", description="true probabilities, a class each")]
TeacherLogits = Annotated[Array, Tensor("n c ...", gradient="on request", description="raw scores of the teacher, one for each class")]
PositiveReal = Annotated[Array, Tensor("n ...", domain=ABOVE_ZERO, gradient="default", description="estimates, above 0")]
PositiveLabel = Annotated[Array, Tensor("n ...", domain=ABOVE_ZERO, gradient="on request", description="true values, above 0")]
Mean = Annotated[Array, Tensor("n ...", gradient="default", description="predicted means")]
LogVariance = Annotated[Array, Tensor("n ...", gradient="default", description="logarithms of the predicted variances")]
Sample = Annotated[Array, Tensor("n m", gradient="default", description="numbers drawn from the predicted distribution, in any order")]
TrueSample = Annotated[Array, Tensor("n m", gradient="on request", description="numbers drawn from the true distribution, in any order")]

PAIR = {"predictions": [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]}
LOGITS = {"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [[1.5, 0.5, -0.5], [1.0, 0.0, 0.0]]}


def positions(values: Array) -> Array:
    """How many distributions each sample has, as (n,) divisors."""
    return per_sample_size(values) / values.shape[1]


# ------------------------------------------------------------------ probabilities


@loss(
    example={"predictions": [[-0.4, -1.6, -2.3], [-1.2, -1.2, -0.9]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
)
def kl_divergence(predictions: LogProbability, labels: Target, *, log_target: bool = False) -> Evaluation:
    r"""Kullback-Leibler divergence of the labels from the predictions, element by element; 0 log 0 is 0.

    The predictions are logarithms, as in torch and optax. Torch's mean divides by all elements; the divergence itself, averaged over the batch, is
    reduction batchmean. A label of 0 has an infinite gradient of its own.

    Formula: \ell = p (\log p - \log q)
    predictions: log q, the logarithms of the predicted probabilities.
    labels: p, or log p with log_target.
    log_target: whether the labels are logarithms too.
    Synonyms: KLDivLoss, kl_div, KLD, kl, KLDivergence, relative_entropy, kullback_leibler
    Reference: Kullback and Leibler, On Information and Sufficiency, 1951
    """
    log_q = predictions
    p, log_p = (np.exp(labels), labels) if log_target else (labels, np.log(labels))
    gap = log_p - log_q
    zero = np.zeros_like(gap)
    return elementwise(
        np.where(gap == 0, zero, times(p, gap)),
        {"predictions": lambda c: -c * p, "labels": lambda c: c * (times(p, gap + 1.0) if log_target else gap + 1.0)},
        {"predictions": lambda c: c * zero, "labels": lambda c: c * (times(p, gap + 2.0) if log_target else 1.0 / p)},
    )


@loss(
    example={"predictions": [[-0.4, -1.6, -2.3], [-1.2, -1.2, -0.9]], "labels": [[0.6, 0.3, 0.1], [0.0, 0.5, 0.5]]},
    hessian_diagonal=True,
)
def generalized_kl_divergence(predictions: LogProbability, labels: Mass) -> Evaluation:
    r"""Kullback-Leibler divergence of masses that need not sum to one: never negative, element by element.

    Formula: \ell = p \log\frac{p}{q} - p + q
    predictions: log q, the logarithms of the predicted masses.
    labels: p.
    Synonyms: I_divergence, convex_kl_divergence, csiszar_divergence
    Reference: Csiszár, Why Least Squares and Maximum Entropy?, 1991; Boyd and Vandenberghe, Convex Optimization, page 90
    """
    log_q, p = predictions, labels
    q, log_p = np.exp(log_q), np.log(p)
    return elementwise(
        relative_entropy_of_log(p, log_p, q, log_q),
        {"predictions": lambda c: c * (q - p), "labels": lambda c: c * (log_p - log_q)},
        {"predictions": lambda c: c * q, "labels": lambda c: c / p},
    )


@loss(example=PAIR, hessian_diagonal=True)
def jensen_shannon(predictions: Distribution, labels: TrueDistribution) -> Evaluation:
    r"""Jensen-Shannon divergence, in nats: at most log 2. scipy's jensenshannon is its square root.

    A probability of 0 where the other is not has an infinite gradient, two that are 0 have the gradient 0.

    Formula: \ell = \frac{1}{2} \sum_k \left( p_k \log\frac{p_k}{m_k} + q_k \log\frac{q_k}{m_k} \right), \quad m = \frac{p + q}{2}
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: JSD, JS, js_div, jensen_shannon_divergence, js_div_loss_2d
    Reference: Lin, Divergence Measures Based on the Shannon Entropy, 1991
    """
    p, q = predictions, labels
    gap, total = p - q, p + q
    total = np.where(total == 0, 1.0, total).astype(p.dtype, copy=False)
    nonzero = (p + q != 0).astype(p.dtype)

    def slope(x: Array, difference: Array) -> Array:
        return 0.5 * times(nonzero, log_ratio(2.0 * x, total, difference))

    return elementwise(
        0.25 * nonzero * (relative_entropy(2.0 * p, total, gap) + relative_entropy(2.0 * q, total, -gap)),
        {"predictions": lambda c: c * slope(p, gap), "labels": lambda c: c * slope(q, -gap)},
        {"predictions": lambda c: c * (0.5 * (q / total) / p), "labels": lambda c: c * (0.5 * (p / total) / q)},
        divisor=positions(p),
    )


@loss(example=PAIR, hessian_diagonal=True)
def hellinger(predictions: Distribution, labels: TrueDistribution) -> Evaluation:
    r"""Squared Hellinger distance: between 0 and 1 for distributions. A probability of 0 where the other is not has an infinite gradient, two that are 0 the gradient 0.

    Formula: \ell = \frac{1}{2} \sum_k \left( \sqrt{p_k} - \sqrt{q_k} \right)^2
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: squared_hellinger, hellinger_distance, bhattacharyya_complement
    Reference: Hellinger, Neue Begründung der Theorie quadratischer Formen, 1909
    """
    p, q = predictions, labels
    root_p, root_q = np.sqrt(p), np.sqrt(q)
    total = np.where(root_p + root_q == 0, 1.0, root_p + root_q).astype(p.dtype, copy=False)
    gap = (p - q) / total

    def slope(sign: float, root: Array) -> Array:
        return np.where(gap == 0, 0.0, (0.5 * sign) * (gap / root)).astype(p.dtype, copy=False)

    return elementwise(
        0.5 * gap * gap,
        {"predictions": lambda c: c * slope(1.0, root_p), "labels": lambda c: c * slope(-1.0, root_q)},
        {"predictions": lambda c: c * (0.25 * (root_q / root_p) / p), "labels": lambda c: c * (0.25 * (root_p / root_q) / q)},
        divisor=positions(p),
    )


@loss(example=PAIR, hessian_diagonal=True)
def total_variation_distance(predictions: Distribution, labels: TrueDistribution) -> Evaluation:
    r"""The largest difference of the probabilities that two distributions give to any event; the gradient at a tie is 0.

    Formula: \ell = \frac{1}{2} \sum_k |p_k - q_k|
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: tv_distance, statistical_distance, variational_distance
    Reference: Gibbs and Su, On Choosing and Bounding Probability Metrics, 2002
    """
    error = predictions - labels
    zero = np.zeros_like(error)
    return elementwise(
        0.5 * np.abs(error),
        {"predictions": lambda c: (0.5 * c) * np.sign(error), "labels": lambda c: (-0.5 * c) * np.sign(error)},
        {"predictions": lambda c: c * zero, "labels": lambda c: c * zero},
        divisor=positions(error),
    )


# ------------------------------------------------------------------ positive numbers, normal distributions, samples


@loss(example={"predictions": [0.5, 0.2, 1.3], "labels": [1.0, 2.0, 0.4]}, hessian_diagonal=True)
def itakura_saito(predictions: PositiveReal, labels: PositiveLabel) -> Evaluation:
    r"""Itakura-Saito divergence of spectra: only the ratio counts. It is gamma_deviance / 2.

    Formula: \ell = \frac{t}{x} - \log\frac{t}{x} - 1
    Synonyms: is_divergence, itakura_saito_distance
    Reference: Févotte, Bertin and Durrieu, Nonnegative Matrix Factorization with the Itakura-Saito Divergence, 2009
    """
    return elementwise(*gamma_terms(predictions, labels, 1.0))


@loss(example={"mean": [[0.5, -0.2], [0.1, 0.0]], "log_variance": [[0.1, -0.5], [0.0, 0.3]]}, hessian_diagonal=True)
def gaussian_kl(mean: Mean, log_variance: LogVariance) -> Evaluation:
    r"""Divergence of a diagonal normal distribution from the standard one: the regulariser of a variational autoencoder.

    Formula: \ell_i = \frac{1}{2} \sum_k \left( \mu_k^2 + e^{s_k} - 1 - s_k \right)
    mean: mu, the means.
    log_variance: s, the logarithms of the variances.
    Divisor: the number of samples: latent dimensions are summed
    Synonyms: vae_kl, kl_normal, kl_standard_normal, DiagonalGaussianKL
    Reference: Kingma and Welling, Auto-Encoding Variational Bayes, 2013, arXiv:1312.6114, appendix B
    """
    spread_of = np.exp(log_variance)
    return elementwise(
        0.5 * mean * mean + 0.5 * expm1_minus(log_variance),
        {"mean": lambda c: c * mean, "log_variance": lambda c: (0.5 * c) * np.expm1(log_variance)},
        {"mean": lambda c: c * np.ones_like(mean), "log_variance": lambda c: (0.5 * c) * spread_of},
        divisor=np.ones(mean.shape[0]),
    )


@loss(example={"predictions": [[0.1, 0.9, 0.5]], "labels": [[0.7, 0.2, 0.4]]}, hessian_diagonal=True)
def wasserstein_1d(predictions: Sample, labels: TrueSample, *, p: Annotated[float, annotated_types.Ge(1)] = 1.0) -> Evaluation:
    r"""Wasserstein distance of two equally large samples of numbers, to the power p: the smallest goes to the smallest, and so on.

    The gradient is 0 at a tie of partners, and that of one order where numbers of a sample are tied.

    Formula: \ell_i = \frac{1}{m} \sum_k |x_{i(k)} - t_{i(k)}|^p
    p: exponent of the distance.
    Divisor: the number of samples: each is a mean over its m numbers
    Synonyms: earth_movers_distance, emd, wasserstein_distance, w1
    Reference: Villani, Topics in Optimal Transportation, 2003, theorem 2.18
    """
    m = predictions.shape[1]
    orders = {"predictions": np.argsort(predictions, axis=1, kind="stable"), "labels": np.argsort(labels, axis=1, kind="stable")}
    error = np.take_along_axis(predictions, orders["predictions"], 1) - np.take_along_axis(labels, orders["labels"], 1)
    size = np.abs(error)

    def unsorted(name: str, values: Array) -> Array:
        out = np.empty_like(values)
        np.put_along_axis(out, orders[name], values, 1)
        return out

    def slope() -> Array:
        return (p / m) * np.sign(error) * size ** (p - 1.0)

    def curvature() -> Array:
        return np.zeros_like(error) if p == 1 else (p * (p - 1.0) / m) * size ** (p - 2.0)

    def pulled(name: str, derivative: Callable[[], Array], sign: float = 1.0) -> Pullback:
        return lambda c: (sign * spread(c, error)) * unsorted(name, derivative())

    return Evaluation(
        per_sample_sum(size**p) / m,
        np.ones(predictions.shape[0]),
        {"predictions": pulled("predictions", slope), "labels": pulled("labels", slope, -1.0)},
        hessian_diagonal={name: pulled(name, curvature) for name in orders},
    )


# ------------------------------------------------------------------ scores


@loss(example=LOGITS)
def knowledge_distillation_kl(predictions: Logits, labels: TeacherLogits, *, temperature: Positive = 3.0) -> Evaluation:
    r"""Divergence of a student's softened probabilities from a teacher's, times the temperature squared.

    keras divides by samples, as here; mmdetection (temperature 10) by classes too.

    Formula: \ell_i = T^2 \sum_k t_k \log\frac{t_k}{s_k}, \quad s = \mathrm{softmax}(x / T), \quad t = \mathrm{softmax}(y / T)
    predictions: x, the student's scores.
    labels: y, the teacher's scores.
    temperature: T, by which scores are divided.
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: KnowledgeDistillationKLDivLoss, distillation, kd, LogitsDistillation, soft_target
    Reference: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, arXiv:1503.02531
    """
    student, teacher = _Scores(predictions, temperature), _Scores(labels, temperature)
    kl = _Kl(teacher, student)
    scale = temperature * temperature
    return elementwise(
        scale * kl.terms,
        {"predictions": lambda c: (c * temperature) * kl.by_second(), "labels": lambda c: (c * temperature) * kl.by_first()},
        divisor=positions(predictions),
    )


@loss(example=LOGITS)
def generalized_jsd(predictions: Logits, labels: TeacherLogits, *, beta: Fraction = 0.5, temperature: Positive = 1.0) -> Evaluation:
    r"""Jensen-Shannon divergence of a student's and a teacher's probabilities, from one direction of the divergence to the other.

    beta 0 is the divergence of the student from the teacher (forward), beta 1 the reverse, and 1/2 jensen_shannon; no factor temperature squared, as TRL has it.

    Formula: \ell_i = \beta \, \mathrm{KL}(t \| m) + (1 - \beta) \, \mathrm{KL}(s \| m), \quad m = \beta t + (1 - \beta) s; \quad \mathrm{KL}(t \| s) \text{ at } 0, \quad \mathrm{KL}(s \| t) \text{ at } 1
    predictions: the student's scores; s is their softmax at the temperature.
    labels: the teacher's scores; t is their softmax at the temperature.
    beta: the teacher's share in the mixture.
    temperature: by which scores are divided.
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: gkd, generalized_jsd_loss, GKDTrainer
    Reference: Agarwal et al., On-Policy Distillation of Language Models: Learning from Self-Generated Mistakes, 2023, arXiv:2306.13649
    """
    student, teacher = _Scores(predictions, temperature), _Scores(labels, temperature)
    if beta in (0, 1):
        kl = _Kl(teacher, student) if beta == 0 else _Kl(student, teacher)
        by_student, by_teacher = (kl.by_second, kl.by_first) if beta == 0 else (kl.by_first, kl.by_second)
        terms = kl.terms
    else:
        s, t = student.p, teacher.p
        gap = _Kl(teacher, student).difference()
        middle = beta * t + (1.0 - beta) * s
        middle = np.where(middle == 0, 1.0, middle).astype(s.dtype, copy=False)
        empty = t + s == 0
        parts = beta * relative_entropy(t, middle, (1.0 - beta) * gap) + (1.0 - beta) * relative_entropy(s, middle, -beta * gap)
        terms = np.where(empty, 0.0, parts).astype(s.dtype, copy=False)

        def by_student() -> Array:
            return (1.0 - beta) * student.chain(_mixture_slope(student, teacher, beta))

        def by_teacher() -> Array:
            return beta * teacher.chain(_mixture_slope(teacher, student, 1.0 - beta))

    return elementwise(
        terms,
        {"predictions": lambda c: (c / temperature) * by_student(), "labels": lambda c: (c / temperature) * by_teacher()},
        divisor=positions(predictions),
    )


@loss(example={"input1": LOGITS["predictions"], "input2": LOGITS["labels"]})
def r_drop(input1: Logits, input2: Logits) -> Evaluation:
    r"""Mean of both directions of the divergence between two passes of a network over the same samples.

    Formula: \ell_i = \frac{1}{2} \left( \mathrm{KL}(p \| q) + \mathrm{KL}(q \| p) \right) = \frac{1}{2} \sum_k (p_k - q_k) \log\frac{p_k}{q_k}
    input1: scores of one pass; p is their softmax.
    input2: scores of the other pass; q is their softmax.
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: rdrop, symmetric_kl, jeffreys_divergence
    Reference: Liang et al., R-Drop: Regularized Dropout for Neural Networks, 2021, arXiv:2106.14448, equation 2
    """
    one, two = _Scores(input1, 1.0), _Scores(input2, 1.0)
    there, back = _Kl(one, two), _Kl(two, one)
    return elementwise(
        0.5 * (there.terms + back.terms),
        {
            "input1": lambda c: (0.5 * c) * (there.by_first() + back.by_second()),
            "input2": lambda c: (0.5 * c) * (there.by_second() + back.by_first()),
        },
        divisor=positions(input1),
    )


@loss(example={"predictions": LOGITS["predictions"]})
def entropy(predictions: Logits) -> Evaluation:
    r"""Entropy of the predicted distribution, in nats: the lower, the more certain. As a regulariser of unlabelled samples.

    Formula: \ell_i = -\sum_k p_k \log p_k, \quad p = \mathrm{softmax}(x)
    predictions: x, raw scores, one for each class.
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: entropy_minimization, entropy_loss, min_entropy
    Reference: Grandvalet and Bengio, Semi-supervised Learning by Entropy Minimization, 2004
    """
    return _entropy(predictions, 1.0)


@loss(example={"predictions": LOGITS["predictions"]})
def confidence_penalty(predictions: Logits) -> Evaluation:
    r"""Minus the entropy of the predicted distribution: the more certain, the higher. Added with a small weight to a cross entropy.

    Formula: \ell_i = \sum_k p_k \log p_k, \quad p = \mathrm{softmax}(x)
    predictions: x, raw scores, one for each class.
    Divisor: the number of samples (of positions, with further axes)
    Synonyms: negative_entropy, negentropy
    Reference: Pereyra et al., Regularizing Neural Networks by Penalizing Confident Output Distributions, 2017, arXiv:1701.06548
    """
    return _entropy(predictions, -1.0)


def _entropy(logits: Array, sign: float) -> Evaluation:
    scores = _Scores(logits, 1.0)
    return elementwise(
        sign * times(scores.p, scores.surprise),
        {"predictions": lambda c: (sign * c) * scores.chain(-scores.logits)},
        divisor=positions(logits),
    )


def _mixture_slope(own: _Scores, other: _Scores, share: float) -> Array:
    """log(own / mixture) less that of the own likeliest class, where `share` of the mixture is the other's.

    With r = other / own it is -log of (1 - share + share r) over the same at the likeliest class, or -log1p(w expm1(u)): u the logarithm of
    r over that there, a difference of scores, and w the other's part of the mixture there. No two nearly equal numbers are subtracted.
    """
    u = _between(other, own, own.top)
    mine, theirs = (-np.take_along_axis(x.surprise, own.top, 1) for x in (own, other))
    odds = np.log(share) - np.log1p(-share)
    w = np.exp(-softplus(-(theirs - mine + odds)))
    log_wr = odds + (own.surprise - other.surprise) - softplus(theirs - mine + odds)  # log w + u
    beyond = np.log1p(np.exp(np.minimum(log_wr, 80.0)) - w)
    large = np.where(log_wr > 80.0, log_wr, beyond)
    return -np.where(u <= 30.0, np.log1p(w * np.expm1(np.minimum(u, 30.0))), large).astype(u.dtype, copy=False)


class _Scores:
    """The probabilities of scores at a temperature, and minus their logarithms."""

    def __init__(self, logits: Array, temperature: float) -> None:
        self.logits = logits / temperature
        softmax = Softmax(self.logits)
        self.top = softmax.top
        self.p = softmax.probabilities()
        self.surprise = softmax.negative_log()

    def chain(self, slope: Array) -> Array:
        """From d loss / d probability, up to a constant, to d loss / d (score / temperature).

        Slopes count from that of the likeliest class, so that a probability near 1 leaves its digits to the others; they may be infinite
        where the probability is 0.
        """
        slope = slope - np.take_along_axis(slope, self.top, 1)
        slope = np.where(self.p == 0, 0.0, slope).astype(self.p.dtype, copy=False)
        return self.p * (slope - (self.p * slope).sum(axis=1, keepdims=True))


def _between(first: _Scores, second: _Scores, top: Array) -> Array:
    """log(first / second) less that at `top`: differences of the scores, exact where they are near each other by row or by column."""
    gap, lost = two_sum(first.logits, -second.logits)
    return (gap - np.take_along_axis(gap, top, 1)) + (lost - np.take_along_axis(lost, top, 1))


class _Kl:
    """KL(first || second) of two distributions given as scores, by class."""

    def __init__(self, first: _Scores, second: _Scores) -> None:
        self.first, self.second = first, second
        self.log_quotient = self._log_quotient()
        gap = np.where(np.abs(self.log_quotient) < 0.7, self.log_quotient, 0.0).astype(first.p.dtype, copy=False)
        self.near = gap == self.log_quotient
        far = (second.p - first.p) + times(first.p, self.log_quotient)
        self.terms = np.where(self.near, first.p * expm1_minus(-gap), far).astype(first.p.dtype, copy=False)

    def _log_quotient(self) -> Array:
        """log(first / second): from the differences of the scores themselves where these are small, so that nothing is lost near ties."""
        between = _between(self.first, self.second, self.first.top)
        close = np.abs(between).max(axis=1, keepdims=True) < 0.7
        small = np.where(close, between, 0.0)
        exact = small - np.log1p((self.second.p * np.expm1(small)).sum(axis=1, keepdims=True))
        return np.where(close, exact, self.second.surprise - self.first.surprise).astype(self.first.p.dtype, copy=False)

    def difference(self) -> Array:
        """The first's probabilities less the second's."""
        small = np.where(self.near, self.log_quotient, 0.0)
        direct = self.first.p - self.second.p
        return np.where(self.near, self.second.p * np.expm1(small), direct).astype(direct.dtype, copy=False)

    def by_first(self) -> Array:
        """By the first's scores over the temperature."""
        return self.first.chain(_between(self.first, self.second, self.first.top))

    def by_second(self) -> Array:
        """By the second's."""
        return -self.difference()
