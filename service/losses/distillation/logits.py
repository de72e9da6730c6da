"""Divergences between distributions given as scores (logits): of a student and a teacher, or of two passes.

Classes are on axis 1. Computations use differences of scores where these are nearly equal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from service.losses.declaration import ClassIndexOrIgnored, Fraction, IgnoreIndex, Logits, NonNegative, PositionMask, Positive, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise, in_float64, masked, of_positions, whole_positions, without_void
from service.losses.numerics import Array
from service.losses.numerics.double_double import DoubleDouble, less_mean, two_product, two_sum
from service.losses.numerics.elementary import divide_or_zero, positions, sigmoid, softplus, times
from service.losses.numerics.softmax import Softmax
from service.losses.numerics.special import expm1_minus, relative_entropy, x_minus_log1p
from service.losses.registry import loss

TeacherLogits = Annotated[Array, TensorSpec("n c ...", gradient="on request", description="raw scores of the teacher, one for each class")]
LOGITS = {"predictions": [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]], "labels": [[1.5, 0.5, -0.5], [1.0, 0.0, 0.0]]}


@loss(example=LOGITS, hessian_diagonal=True, work=Work("400 n c ...", "160 n c ..."))
def knowledge_distillation_kl(
    predictions: Logits, labels: TeacherLogits, *, temperature: Positive = 3.0, mask: PositionMask | None = None
) -> Evaluation:
    r"""Kullback-Leibler divergence of a student's softened probabilities from a teacher's, times the squared temperature.

    keras divides by samples, as here; mmdetection (temperature 10) also by classes.

    Use: Knowledge distillation from a teacher to a smaller student.
    Search: distillation, teacher_student
    Formula: \ell_i = T^2 \sum_k t_k \log\frac{t_k}{s_k}, \quad s = \mathrm{softmax}(x / T), \quad t = \mathrm{softmax}(y / T)
    predictions: x, the student's scores.
    labels: y, the teacher's scores.
    temperature: T, divisor of the scores.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: KnowledgeDistillationKLDivLoss, distillation, kd, LogitsDistillation, soft_target
    Reference: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, arXiv:1503.02531
    """
    student, teacher = _Scores(predictions, temperature), _Scores(labels, temperature)
    kl = _Kl(teacher, student)
    scale = temperature * temperature
    result = elementwise(
        scale * kl.terms,
        {
            "predictions": lambda c: temperature * student.pulled(c, kl.by_second, kl.rate_of_second),
            "labels": lambda c: temperature * teacher.pulled(c, kl.by_first, kl.rate_of_first),
        },
        {"predictions": lambda c: student.bent(c, kl.bend_by_second, kl.rate_of_second, kl.steep_of_second)},
        divisor=positions(predictions),
    )
    return masked(result, of_positions(mask))


@loss(example={"predictions": LOGITS["predictions"], "teacher": LOGITS["labels"], "labels": [0, 2]}, work=Work("1000 n c ...", "500 n c ..."))
@in_float64
def decoupled_knowledge_distillation(
    predictions: Logits,
    teacher: TeacherLogits,
    labels: ClassIndexOrIgnored,
    *,
    alpha: NonNegative = 1.0,
    beta: NonNegative = 8.0,
    temperature: Positive = 4.0,
    ignore_index: IgnoreIndex = -100,
    mask: PositionMask | None = None,
) -> Evaluation:
    r"""Decoupled knowledge distillation: divergences of the true class against all others, and among the others, with weights of their own.

    knowledge_distillation_kl is the first plus the second times the teacher's probability of the other classes. Defaults are the paper's for
    ImageNet and CIFAR; its beta differs by teacher, and its code raises the weight linearly over the first epochs.

    Use: Knowledge distillation of classifiers from a confident teacher (DKD).
    Formula: \ell_i = T^2 \left( \alpha \, \mathrm{KL}(b^t \| b^s) + \beta \, \mathrm{KL}(\hat t \| \hat s) \right), \quad b = (p_y, 1 - p_y), \quad \hat p_k = \frac{p_k}{1 - p_y} \text{ for } k \ne y
    Where: p = s the student's and p = t the teacher's softmax at the temperature T; y `labels`
    predictions: the student's scores.
    alpha: weight of the divergence of the true class against all others (TCKD).
    beta: weight of the divergence among the other classes (NCKD).
    temperature: T, divisor of the scores.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: DKD, dkd_loss, DKDLoss
    Reference: Zhao et al., Decoupled Knowledge Distillation, 2022, arXiv:2203.08679, equation 7
    """
    if predictions.shape[1] < 2:
        raise InvalidTensor("predictions", f"too few classes; expected at least 2, got {predictions.shape[1]}")
    safe, kept = without_void(predictions, labels, ignore_index, mask)
    at = np.arange(predictions.shape[1] - 1).reshape(-1, *(1,) * (predictions.ndim - 2))
    others = at + (at >= safe[:, None])
    student, master = (_Scores(np.take_along_axis(x, others, 1), temperature) for x in (predictions, teacher))
    ahead = [np.take_along_axis(x, safe[:, None], 1) / temperature for x in (predictions, teacher)]
    among, target = _Kl(master, student), _BinaryKl(ahead, student, master)

    def joined(slope: Array, own: Array, rest: Array, scores: _Scores) -> Array:
        """Return the derivative by all scores: `own` by the odds of the true class, `rest` by the scores of the others."""
        out = np.empty_like(predictions)
        np.put_along_axis(out, safe[:, None], own, 1)
        np.put_along_axis(out, others, rest - own * scores.p, 1)
        return (temperature * slope)[:, None] * out

    square = temperature * temperature
    result = elementwise(
        square * (alpha * target.values + beta * among.terms.sum(axis=1, keepdims=True))[:, 0],
        {
            "predictions": lambda c: joined(c, alpha * target.by_second(), beta * among.by_second(), student),
            "teacher": lambda c: joined(c, alpha * target.by_first(), beta * among.by_first(), master),
        },
    )
    return masked(result, whole_positions(kept))


@loss(example=LOGITS, hessian_diagonal=True, work=Work("1200 n c ...", "320 n c ..."))
def generalized_jsd(
    predictions: Logits, labels: TeacherLogits, *, beta: Fraction = 0.5, temperature: Positive = 1.0, mask: PositionMask | None = None
) -> Evaluation:
    r"""Generalized Jensen-Shannon divergence of a student's and a teacher's probabilities, which interpolates between both directions.

    beta 0 is the divergence of the student from the teacher (forward), beta 1 the reverse, and 1/2 jensen_shannon. As in TRL, there is no factor of the squared temperature.

    Use: Knowledge distillation of language models from a teacher (GKD).
    Formula: \ell_i = \beta \, \mathrm{KL}(t \| m) + (1 - \beta) \, \mathrm{KL}(s \| m), \quad m = \beta t + (1 - \beta) s; \quad \mathrm{KL}(t \| s) \text{ at } 0, \quad \mathrm{KL}(s \| t) \text{ at } 1
    predictions: the student's scores; s is their softmax at the temperature.
    labels: the teacher's scores; t is their softmax at the temperature.
    beta: the teacher's share in the mixture.
    temperature: divisor of the scores.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: gkd, generalized_jsd_loss, GKDTrainer
    Reference: Agarwal et al., On-Policy Distillation of Language Models: Learning from Self-Generated Mistakes, 2023, arXiv:2306.13649
    """
    student, teacher = _Scores(predictions, temperature), _Scores(labels, temperature)
    if beta in (0, 1):
        kl = _Kl(teacher, student) if beta == 0 else _Kl(student, teacher)
        by_student, by_teacher = (kl.by_second, kl.by_first) if beta == 0 else (kl.by_first, kl.by_second)
        bends = (kl.bend_by_second, kl.bend_by_first) if beta == 0 else (kl.bend_by_first, kl.bend_by_second)
        rates = (kl.rate_of_second, kl.rate_of_first) if beta == 0 else (kl.rate_of_first, kl.rate_of_second)
        steep = (kl.steep_of_second, kl.steep_of_first) if beta == 0 else (kl.steep_of_first, kl.steep_of_second)
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

        bends = lambda: _mixture_bend(student, teacher, beta), lambda: _mixture_bend(teacher, student, 1.0 - beta)
        rates = (lambda: (1.0 - beta) * times(s, np.log(s / middle)), lambda: beta * times(t, np.log(t / middle)))
        product = beta * (1.0 - beta) * s * (t / middle)
        steep = lambda: rates[0]() + product, lambda: rates[1]() + product

    square = temperature * temperature
    result = elementwise(
        terms,
        {
            "predictions": lambda c: student.pulled(c / temperature, by_student, rates[0]),
            "labels": lambda c: teacher.pulled(c / temperature, by_teacher, rates[1]),
        },
        {
            "predictions": lambda c: student.bent(c / square, bends[0], rates[0], steep[0]),
            "labels": lambda c: teacher.bent(c / square, bends[1], rates[1], steep[1]),
        },
        divisor=positions(predictions),
    )
    return masked(result, of_positions(mask))


@loss(example={"input1": LOGITS["predictions"], "input2": LOGITS["labels"]}, hessian_diagonal=True, work=Work("1500 n c ...", "320 n c ..."))
def r_drop(input1: Logits, input2: Logits, *, mask: PositionMask | None = None) -> Evaluation:
    r"""R-Drop regularizer: the mean of both directions of the Kullback-Leibler divergence between two passes over the same samples.

    Use: Regularization of models with dropout, such as fine-tuned language models.
    Formula: \ell_i = \frac{1}{2} \left( \mathrm{KL}(p \| q) + \mathrm{KL}(q \| p) \right) = \frac{1}{2} \sum_k (p_k - q_k) \log\frac{p_k}{q_k}
    input1: scores of one pass; p is their softmax.
    input2: scores of the other pass; q is their softmax.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: rdrop, symmetric_kl, jeffreys_divergence
    Reference: Liang et al., R-Drop: Regularized Dropout for Neural Networks, 2021, arXiv:2106.14448, equation 2
    """
    one, two = _Scores(input1, 1.0), _Scores(input2, 1.0)
    there, back = _Kl(one, two), _Kl(two, one)

    def rate(own: _Kl, other: _Kl) -> Array:
        return own.rate_of_first() + other.rate_of_second()

    def steep(own: _Kl) -> Array:
        return own.steep_of_first() + own.first.p

    result = elementwise(
        0.5 * (there.terms + back.terms),
        {
            "input1": lambda c: one.pulled(0.5 * c, lambda: there.by_first() + back.by_second(), lambda: rate(there, back)),
            "input2": lambda c: two.pulled(0.5 * c, lambda: there.by_second() + back.by_first(), lambda: rate(back, there)),
        },
        {
            "input1": lambda c: one.bent(0.5 * c, lambda: there.bend_by_first() + one.p * one.q, lambda: rate(there, back), lambda: steep(there)),
            "input2": lambda c: two.bent(0.5 * c, lambda: back.bend_by_first() + two.p * two.q, lambda: rate(back, there), lambda: steep(back)),
        },
        divisor=positions(input1),
    )
    return masked(result, of_positions(mask))


@loss(example={"predictions": LOGITS["predictions"]}, hessian_diagonal=True, work=Work("1000 n c ...", "250 n c ..."))
def entropy(predictions: Logits, *, mask: PositionMask | None = None) -> Evaluation:
    r"""Entropy of the predicted distribution, in nats; minimized as a regularizer of unlabeled samples.

    Use: Semi-supervised learning and adaptation to a new domain, by confident predictions.
    Formula: \ell_i = -\sum_k p_k \log p_k, \quad p = \mathrm{softmax}(x)
    predictions: x, raw scores, one for each class.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: entropy_minimization, entropy_loss, min_entropy
    Reference: Grandvalet and Bengio, Semi-supervised Learning by Entropy Minimization, 2004
    """
    return masked(_entropy(predictions, 1.0), of_positions(mask))


@loss(example={"predictions": LOGITS["predictions"]}, hessian_diagonal=True, work=Work("1000 n c ...", "250 n c ..."))
def confidence_penalty(predictions: Logits, *, mask: PositionMask | None = None) -> Evaluation:
    r"""Negative entropy of the predicted distribution, added with a small weight to a cross entropy to penalize overconfidence.

    Use: Calibration of classifiers and exploration of policies, by less confident predictions.
    Formula: \ell_i = \sum_k p_k \log p_k, \quad p = \mathrm{softmax}(x)
    predictions: x, raw scores, one for each class.
    Divisor: the number of samples (of positions, with further axes) included
    Synonyms: negative_entropy, negentropy
    Reference: Pereyra et al., Regularizing Neural Networks by Penalizing Confident Output Distributions, 2017, arXiv:1701.06548
    """
    return masked(_entropy(predictions, -1.0), of_positions(mask))


def _entropy(logits: Array, sign: float) -> Evaluation:
    scores = _Scores(logits, 1.0)
    from_top = _from_top(scores.logits, np.zeros_like(scores.logits), scores.top)

    def rate() -> Array:
        return scores.p - times(scores.p, scores.surprise)

    return elementwise(
        sign * times(scores.p, scores.surprise),
        {"predictions": lambda c: scores.pulled(-sign * c, lambda: scores.chain(from_top), rate)},
        {"predictions": lambda c: scores.bent(-sign * c, lambda: scores.bend(from_top), rate, lambda: rate() + scores.p)},
        divisor=positions(logits),
    )


def _mixture_slope(own: _Scores, other: _Scores, share: float) -> DoubleDouble:
    """Return log(own / mixture) minus that of the most likely own class, where `share` of the mixture is the other's.

    With r = other / own it is -log of (1 - share + share r) over the same at the most likely class, or -log1p(w expm1(u)): u the logarithm of
    r over that there, a difference of scores, and w the other's part of the mixture there. No two nearly equal numbers are subtracted, and
    terms linear in a small u keep twice the digits.
    """
    u, lost = _between(other, own, own.top)
    mine, theirs = (-np.take_along_axis(x.surprise, own.top, 1) for x in (own, other))
    odds = np.log(share) - np.log1p(-share)
    w = np.exp(-softplus(-(theirs - mine + odds)))
    log_wr = odds + (own.surprise - other.surprise) - softplus(theirs - mine + odds)  # log w + u
    beyond = np.log1p(np.exp(np.minimum(log_wr, 80.0)) - w)
    large = np.where(log_wr > 80.0, log_wr, beyond)
    far = np.where(u <= 30.0, np.log1p(w * np.expm1(np.minimum(u, 30.0))), large)
    near = np.abs(u) < 0.5
    small = np.where(near, u, 0.0).astype(u.dtype, copy=False)
    high, low = two_product(np.broadcast_to(w, u.shape), small)
    low = low + (w * lost + (w * expm1_minus(small) - x_minus_log1p(w * np.expm1(small))))
    return -np.where(near, high, far).astype(u.dtype, copy=False), -np.where(near, low, 0.0).astype(u.dtype, copy=False)


def _mixture_bend(own: _Scores, other: _Scores, share: float) -> Array:
    """Return the second derivative by the own scores of the divergences from the mixture, with `share` of the other."""
    whole = (1.0 - share) * own.p + share * other.p
    part = divide_or_zero((1.0 - share) * own.p, whole)  # share of the own distribution in the mixture
    mean = (own.p * part).sum(axis=1, keepdims=True)
    return (1.0 - share) * (own.bend(_mixture_slope(own, other, share)) + own.p * (own.p * (part - mean) - own.q * part))


class _Scores:
    """Probabilities of scores at a temperature, and minus their logarithms."""

    def __init__(self, logits: Array, temperature: float) -> None:
        self.logits = logits / temperature
        softmax = Softmax(self.logits)
        self.top = softmax.top
        self.p, self.q = softmax.probabilities(), softmax.complements
        self.surprise = softmax.negative_log()

    def chain(self, slope: DoubleDouble) -> Array:
        """Convert d loss / d probability, up to a constant, to d loss / d (score / temperature).

        Slopes are relative to that of the most likely class, so that those of the others keep their digits; they may be infinite
        where the probability is 0.
        """
        held = (np.where(self.p == 0, 0.0, part).astype(self.p.dtype, copy=False) for part in slope)
        return (self.p * less_mean(self.logits, (next(held), next(held)))).astype(self.p.dtype, copy=False)

    def pulled(self, c: Array, whole: Callable[[], Array], rate: Callable[[], Array]) -> Array:
        """A cotangent of positions or of the classes' terms taken back to the scores. rate: p times each term's derivative by p."""
        if c.shape[1] == 1:
            return c * whole()
        weighted = c * rate()
        return weighted - self.p * weighted.sum(axis=1, keepdims=True)

    def bent(self, c: Array, whole: Callable[[], Array], rate: Callable[[], Array], steep: Callable[[], Array]) -> Array:
        """The same for the second derivative. steep: p times the derivative of the rate by p."""
        if c.shape[1] == 1:
            return c * whole()
        first, second = c * rate(), c * steep()
        sums = first.sum(axis=1, keepdims=True), second.sum(axis=1, keepdims=True)
        return (self.q - self.p) * second - self.p * self.q * sums[0] + self.p * self.p * sums[1]

    def bend(self, slope: DoubleDouble) -> Array:
        """Return the second derivative of sum p slope, where the slope's derivative is that of log p, as for the negative entropy or a divergence."""
        return self.p * self.q + (self.q - self.p) * self.chain(slope)


def _from_top(high: Array, low: Array, top: Array) -> DoubleDouble:
    """Return the numbers minus the one at `top`."""
    s, e = two_sum(high, -np.take_along_axis(high, top, 1))
    return s, e + (low - np.take_along_axis(low, top, 1))


def _between(first: _Scores, second: _Scores, top: Array) -> DoubleDouble:
    """Return log(first / second) minus that at `top`, from differences of the scores that are exact where scores are near each other by row or by column."""
    return _from_top(*two_sum(first.logits, -second.logits), top)


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
        """Return log(first / second), from the differences of the scores where these are small, so that it is accurate near ties."""
        high, low = _between(self.first, self.second, self.first.top)
        close = np.abs(high).max(axis=1, keepdims=True) < 0.7
        centered = less_mean(self.second.logits, (np.where(close, high, 0.0), np.where(close, low, 0.0)))  # by the second's mean
        exact = centered - np.log1p((self.second.p * expm1_minus(centered)).sum(axis=1, keepdims=True))
        return np.where(close, exact, self.second.surprise - self.first.surprise).astype(self.first.p.dtype, copy=False)

    def difference(self) -> Array:
        """Return the first's probabilities minus the second's."""
        small = np.where(self.near, self.log_quotient, 0.0)
        direct = self.first.p - self.second.p
        return np.where(self.near, self.second.p * np.expm1(small), direct).astype(direct.dtype, copy=False)

    def by_first(self) -> Array:
        """Return the gradient by the first's scores over the temperature."""
        return self.first.chain(_between(self.first, self.second, self.first.top))

    def by_second(self) -> Array:
        """Return the derivative by the second's scores."""
        return -self.difference()

    def rate_of_first(self) -> Array:
        """The first's probabilities times the derivatives of the terms by them."""
        return times(self.first.p, self.log_quotient)

    def rate_of_second(self) -> Array:
        """The second's probabilities times the derivatives of the terms by them."""
        return -self.difference()

    def steep_of_first(self) -> Array:
        """The first's probabilities times the derivatives of its rate by them."""
        return self.rate_of_first() + self.first.p

    def steep_of_second(self) -> Array:
        """The second's probabilities times the derivatives of its rate by them."""
        return self.second.p

    def bend_by_first(self) -> Array:
        """The second derivative by the first's scores over the temperature."""
        return self.first.bend(_between(self.first, self.second, self.first.top))

    def bend_by_second(self) -> Array:
        """Return the derivative by the second's scores."""
        return self.second.p * self.second.q


class _BinaryKl:
    """KL(first || second) of the true class against the others, of a teacher (first) and a student (second); all (n, 1, ...)."""

    def __init__(self, ahead: list[Array], student: _Scores, teacher: _Scores) -> None:
        """ahead: the scores of the true class of the student and of the teacher."""
        self.odds, self.teacher_odds = (a - _log_sum(scores) for a, scores in zip(ahead, (student, teacher), strict=True))
        self.gap = self._gap(ahead[1] - ahead[0], student, teacher)
        side = np.where(self.teacher_odds > 0, -1.0, 1.0)
        share, gap = sigmoid(side * self.teacher_odds), side * self.gap  # of the less likely side, so that the terms do not cancel
        near = np.abs(gap) < 0.7
        small = np.where(near, gap, 0.0)
        close = share * expm1_minus(-small) - x_minus_log1p(share * np.expm1(-small))
        far = share * gap + (softplus(side * self.odds) - softplus(side * self.teacher_odds))
        self.values = np.where(near, close, far)

    def _gap(self, of_target: Array, student: _Scores, teacher: _Scores) -> Array:
        """Return the difference of the teacher's and the student's odds, from differences of the scores where these are small."""
        high, low = _between(teacher, student, student.top)
        base = np.take_along_axis(teacher.logits - student.logits, student.top, 1)
        moved = np.where(np.abs(high) < 0.7, high + low, 0.0)
        exact = (of_target - base) - np.log1p((student.p * np.expm1(moved)).sum(axis=1, keepdims=True))
        close = np.abs(high).max(axis=1, keepdims=True) < 0.7
        return np.where(close, exact, self.teacher_odds - self.odds)

    def by_first(self) -> Array:
        """Return the derivative by the teacher's odds."""
        return sigmoid(self.teacher_odds) * sigmoid(-self.teacher_odds) * self.gap

    def by_second(self) -> Array:
        """Return the derivative by the student's odds: the difference of the probabilities."""
        near = np.abs(self.gap) < 0.7
        small = np.where(near, self.gap, 0.0)
        close = -sigmoid(self.odds) * sigmoid(-self.teacher_odds) * np.expm1(small)
        direct = np.where(self.odds > 0, sigmoid(-self.teacher_odds) - sigmoid(-self.odds), sigmoid(self.odds) - sigmoid(self.teacher_odds))
        return np.where(near, close, direct)


def _log_sum(scores: _Scores) -> Array:
    """Return log sum exp of the scores over the temperature."""
    return np.take_along_axis(scores.logits, scores.top, 1) + np.take_along_axis(scores.surprise, scores.top, 1)
