"""Discrete times: the intervals in which events fall."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from service.losses.declaration import UNIT, Bound, Domain, Fraction, Positive, TensorSpec, Work
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid, softplus, spread
from service.losses.numerics.softmax import Softmax
from service.losses.registry import loss
from service.losses.survival._shared import Events

BinLogits = Annotated[Array, TensorSpec("n b", gradient="default", description="raw scores of the intervals of time")]
CauseLogits = Annotated[Array, TensorSpec("n r b", gradient="default", description="raw scores of each cause in each interval of time")]
Causes = Annotated[
    Array,
    TensorSpec("n", kind="integer", upto="r", domain=Domain(low=0), description="number of the cause of the event, 1 to r, or 0 where censored"),
]
Share = Annotated[Array, TensorSpec("n", domain=UNIT, description="share of its last interval that a subject was observed for")]
Bins = Annotated[Array, TensorSpec("n", kind="integer", below="b", description="interval of the event or of censoring")]


@loss(example={"predictions": [[-1.0, 0.5, 0.2], [0.3, -0.4, 1.0]], "labels": [1, 2], "events": [1, 0]}, hessian_diagonal=True)
def logistic_hazard(predictions: BinLogits, labels: Bins, events: Events) -> Evaluation:
    r"""Logistic hazard (Nnet-survival): binary cross entropy of the hazard in each interval up to the event or censoring.

    As in pycox, a subject censored in an interval survived it.

    Use: Survival analysis in discrete time, with censored times.
    Formula: \ell_i = \sum_{k < y_i} \mathrm{softplus}(x_{ik}) + \mathrm{softplus}(\mp x_{i y_i}), \quad - \text{ for an event, } + \text{ if censored}
    Divisor: the number of subjects
    Synonyms: NLLLogistiHazardLoss, nll_logistic_hazard, nnet_survival
    Reference: Kvamme and Borgan, Continuous and Discrete-Time Survival Prediction with Neural Networks, 2019, arXiv:1910.06724, section 3.1
    """
    place = np.arange(predictions.shape[1])
    at = place == labels[:, None]
    sign = np.where(at & (events[:, None] == 1), -1.0, 1.0).astype(predictions.dtype)
    counts = (place <= labels[:, None]).astype(predictions.dtype)
    values = counts * softplus(sign * predictions)
    slope = counts * sign * sigmoid(sign * predictions)
    bend = counts * sigmoid(predictions) * sigmoid(-predictions)
    return elementwise(values, {"predictions": lambda c: c * slope}, {"predictions": lambda c: c * bend}, divisor=np.ones(len(values)), shares=counts)


@loss(example={"predictions": [[-1.0, 0.5, 0.2], [0.3, -0.4, 1.0]], "labels": [1, 2], "events": [1, 0]}, hessian_diagonal=True)
def pmf(predictions: BinLogits, labels: Bins, events: Events) -> Evaluation:
    r"""Negative log-probability of the event's interval or, for a censored subject, of all later intervals.

    The softmax includes one more interval after the last, whose score is 0 (pycox). A censored subject survived its interval.

    Use: Survival analysis in discrete time, by the probability of each interval.
    Formula: \ell_i = -\log p_{i y_i} \text{ or } -\log \sum_{k > y_i} p_{ik}, \quad p_i = \mathrm{softmax}(x_{i1}, ..., x_{ib}, 0)
    Divisor: the number of subjects
    Synonyms: NLLPMFLoss, nll_pmf, pc_pmf
    Reference: Kvamme and Borgan, Continuous and Discrete-Time Survival Prediction with Neural Networks, 2019, arXiv:1910.06724, section 3.2
    """
    padded = np.concatenate([predictions, np.zeros_like(predictions[:, :1])], axis=1)
    place, at = np.arange(padded.shape[1]), labels[:, None]
    right = np.where(events[:, None] == 1, place == at, place > at)
    (log_right, of_right), (log_wrong, of_wrong) = _within(padded, right), _within(padded, ~right)
    odds = log_wrong - log_right
    slope = sigmoid(odds)[:, None] * (of_wrong - of_right)[:, :-1]

    def bend() -> Array:
        """Return p (1 - p) of all intervals minus that of the correct ones among themselves."""
        every, own = (sigmoid(odds)[:, None] * of_wrong + sigmoid(-odds)[:, None] * of_right)[:, :-1], of_right[:, :-1]
        return every * (1.0 - every) - own * (1.0 - own)

    return Evaluation(
        softplus(odds).astype(np.float64),
        np.ones(len(odds)),
        {"predictions": lambda c: spread(c, slope) * slope},
        lambda: softplus(odds),
        {"predictions": lambda c: spread(c, slope) * bend()},
    )


@loss(
    example={"predictions": [[-1.0, 0.5, 0.2], [0.3, -0.4, 1.0], [0.1, 0.0, -0.2]], "labels": [1, 2, 2], "events": [1, 0, 1]},
    merges=False,
    work=Work("100 n n", "48 n n"),
)
def deephit(predictions: BinLogits, labels: Bins, events: Events, *, alpha: Fraction = 0.2, sigma: Positive = 0.1) -> Evaluation:
    r"""DeepHit loss for a single risk: pmf plus a ranking loss of the cumulative risks of subjects with earlier and later events.

    As in pycox, alpha is the weight of the likelihood (in the paper, of the ranking loss). Subjects censored in the
    same interval are treated as later. The ranking loss is a mean over all n subjects.

    Use: Survival analysis in discrete time that also ranks subjects by risk.
    Formula: \ell_i = \alpha \, \mathrm{pmf}_i + (1 - \alpha) \frac{1}{n} \sum_{j : T_i < T_j} [d_i] \exp\left( \frac{F_j(T_i) - F_i(T_i)}{\sigma} \right), \quad F_i(t) = \sum_{k \le t} p_{ik}
    alpha: weight of the likelihood; the ranking loss has 1 - alpha.
    sigma: scale of the differences of risk.
    Divisor: the number of subjects
    Synonyms: DeepHitSingle, DeepHitSingleLoss, deephit_single
    Reference: Lee et al., DeepHit: A Deep Learning Approach to Survival Analysis with Competing Risks, 2018, AAAI; pycox DeepHitSingleLoss
    """
    single = _deephit(predictions[:, None], labels, events, alpha, sigma)
    slope = single.gradients["predictions"]
    return replace(single, gradients={"predictions": lambda c: slope(c)[:, 0]})


def _deephit(predictions: Array, labels: Array, events: Array, alpha: float, sigma: float) -> Evaluation:
    """Evaluate the loss of several causes, whose events are 1, 2, ..., r, and 0 where censored. predictions (n, r, b)."""
    n, causes, bins = predictions.shape
    padded = np.concatenate([predictions.reshape(n, causes * bins), np.zeros((n, 1), predictions.dtype)], axis=1)
    place = np.maximum(events - 1, 0) * bins + labels  # of each event among all causes and intervals
    after = np.append(np.tile(np.arange(bins), causes), bins) > labels[:, None]
    right = np.where(events[:, None] > 0, np.arange(padded.shape[1]) == place[:, None], after)
    (log_right, of_right), (log_wrong, of_wrong) = _within(padded, right), _within(padded, ~right)
    odds, softmax = log_wrong - log_right, Softmax(padded)
    p = softmax.probabilities()
    reached = (
        np.cumsum(p[:, :-1].reshape(predictions.shape), axis=2).reshape(n, causes * bins)[:, place].T
    )  # row i: cumulative risks of all at the event of i
    later = (labels[:, None] < labels) | ((labels[:, None] == labels) & (events == 0))
    behind = np.where((events[:, None] > 0) & later, np.exp((reached - np.diagonal(reached)[:, None]) / sigma), 0.0)
    behind = (behind / max(n, 1)).astype(p.dtype, copy=False)

    def pullback(c: Array) -> Array:
        upstream = ((1.0 - alpha) / sigma) * (behind * c.astype(p.dtype)[:, None])
        np.fill_diagonal(upstream, np.diagonal(upstream) - upstream.sum(axis=1))
        at_times = (upstream.T @ (np.arange(causes * bins) == place[:, None]).astype(p.dtype)).reshape(predictions.shape)  # by each subject's F
        slope = np.zeros_like(p)
        slope[:, :-1] = np.cumsum(at_times[:, :, ::-1], axis=2)[:, :, ::-1].reshape(n, causes * bins)
        centered = slope - np.take_along_axis(slope, softmax.top, 1)
        ranks = p * (centered - (p * centered).sum(axis=1, keepdims=True))
        likelihood = spread(c, padded) * (sigmoid(odds)[:, None] * (of_wrong - of_right))
        return (alpha * likelihood + ranks)[:, :-1].reshape(predictions.shape)

    values = alpha * softplus(odds).astype(np.float64) + (1.0 - alpha) * behind.sum(axis=1, dtype=np.float64)
    return Evaluation(values, np.ones(n), {"predictions": pullback}, lambda: values)


def _within(x: Array, mask: Array) -> tuple[Array, Array]:
    """Return the log-sum-exp over a mask's entries in each row, and their softmax."""
    top = np.where(mask, x, -np.inf).max(axis=1, keepdims=True).astype(x.dtype) if len(x) else x[:, :1]
    e = np.exp(np.where(mask, x - top, -np.inf)).astype(x.dtype)
    total = e.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], e / total


@loss(
    example={"predictions": [[-1.0, 0.5, 0.2], [0.3, -0.4, 1.0]], "labels": [1, 2], "events": [1, 0]},
    bound=Bound(1e-14, 1e-13, "a score is a sum along the intervals, in which the largest input hides the last digits of the others", "vector"),
)
def mtlr(predictions: BinLogits, labels: Bins, events: Events) -> Evaluation:
    r"""Multi-task logistic regression (MTLR): pmf of scores that are sums of the given ones from each interval on.

    As in pycox, the last of the intervals is followed by one whose score is 0, and a censored subject survived its interval.

    Use: Survival analysis in discrete time, with probabilities that change smoothly from interval to interval.
    Formula: \ell_i = \mathrm{pmf}(z_i, y_i), \quad z_{ik} = \sum_{j \ge k} x_{ij}
    Where: x `predictions`; y `labels`
    Divisor: the number of subjects
    Synonyms: NLLMTLRLoss, nll_mtlr, multi_task_logistic_regression, n_mtlr
    Reference: Yu, Greiner, Lin and Baracos, Learning Patient-Specific Cancer Survival Distributions as a Sequence of Dependent Regressors, 2011, NeurIPS; pycox nll_mtlr
    """
    scores = np.cumsum(predictions[:, ::-1], axis=1)[:, ::-1]
    padded = np.concatenate([scores, np.zeros_like(scores[:, :1])], axis=1)
    place, at = np.arange(padded.shape[1]), labels[:, None]
    right = np.where(events[:, None] == 1, place == at, place > at)
    (log_right, of_right), (log_wrong, of_wrong) = _within(padded, right), _within(padded, ~right)
    odds = log_wrong - log_right
    until, tail = np.cumsum(of_wrong, axis=1)[:, :-1], np.cumsum((of_right - of_wrong)[:, ::-1], axis=1)[:, -2::-1]
    begun = np.logical_or.accumulate(right, axis=1)[:, :-1]  # from there on the tail is of the right ones alone, or of the wrong ones
    slope = sigmoid(odds)[:, None] * np.where(begun, tail, until)
    return Evaluation(
        softplus(odds).astype(np.float64), np.ones(len(odds)), {"predictions": lambda c: spread(c, slope) * slope}, lambda: softplus(odds)
    )


@loss(
    example={"predictions": [[-1.0, 0.5, 0.2], [0.3, -0.4, 1.0]], "labels": [1, 2], "events": [1, 0], "fractions": [0.5, 0.2]},
    hessian_diagonal=True,
    work=Work(memory="96 n b"),
)
def pc_hazard(predictions: BinLogits, labels: Bins, events: Events, fractions: Share) -> Evaluation:
    r"""Piecewise constant hazard: negative log-likelihood of times whose hazard is constant in each interval, the softplus of its score.

    The time is where in its interval the event or censoring was, so that times are not rounded to intervals. Hazards are per length of an interval.

    Use: Survival analysis of continuous times by a network with one output for each interval.
    Formula: \ell_i = f_i \eta(x_{i y_i}) + \sum_{k < y_i} \eta(x_{ik}) - d_i \log \eta(x_{i y_i}), \quad \eta(x) = \log(1 + e^x)
    Where: x `predictions`; y `labels`; d `events`; f `fractions`
    Divisor: the number of subjects
    Synonyms: NLLPCHazardLoss, nll_pc_hazard_loss, nll_pc_hazard, piecewise_constant_hazard
    Reference: Kvamme and Borgan, Continuous and Discrete-Time Survival Prediction with Neural Networks, 2019, arXiv:1910.06724, section 3.3; pycox nll_pc_hazard_loss
    """
    place, at = np.arange(predictions.shape[1]), labels[:, None]
    exposed = (place < at) + np.where(place == at, fractions[:, None], 0.0).astype(predictions.dtype)
    seen = ((place == at) & (events[:, None] == 1)).astype(predictions.dtype)
    hazard, rate = softplus(predictions), sigmoid(predictions)
    low = predictions < -40.0  # there the hazard is e^x, whose logarithm has the slope 1
    log_hazard = np.where(low, predictions, np.log(np.where(low, 1.0, hazard)))
    steep = np.where(low, 1.0, rate / np.where(low, 1.0, hazard))
    slope = exposed * rate - seen * steep
    values = exposed * hazard - seen * log_hazard

    def bend() -> Array:
        return exposed * rate * sigmoid(-predictions) + seen * steep * (steep - sigmoid(-predictions))

    included = exposed + seen  # a subject censored at the start of an interval has no part in it
    return elementwise(
        values, {"predictions": lambda c: c * slope}, {"predictions": lambda c: c * bend()}, divisor=np.ones(len(values)), shares=included
    )


@loss(
    example={
        "predictions": [[[-1.0, 0.5], [0.2, 0.1]], [[0.3, -0.4], [1.0, 0.0]], [[0.1, 0.0], [-0.2, 0.4]]],
        "labels": [0, 1, 1],
        "events": [1, 0, 2],
    },
    merges=False,
    work=Work("100 n n + 100 n r b", "48 n n + 96 n r b"),
)
def deephit_competing(predictions: CauseLogits, labels: Bins, events: Causes, *, alpha: Fraction = 0.2, sigma: Positive = 0.1) -> Evaluation:
    r"""DeepHit loss for competing risks: the likelihood of the interval and cause of each event, plus a ranking loss of each cause's cumulative risks.

    The softmax is over all causes and intervals and one more, later than all, whose score is 0. A censored subject had no event of any cause in its interval or before.
    As in pycox, alpha is the weight of the likelihood (in the paper, of the ranking loss), and subjects censored in the same interval are treated as later.
    With one cause it is deephit. The ranking loss is a mean over all n subjects.

    Use: Survival analysis in discrete time with several causes of an event, of which the first to come hides the others.
    Formula: \ell_i = -\alpha \log p_{i d_i y_i} \text{ or } -\alpha \log \left( 1 - \sum_r F_{ir}(y_i) \right), \text{ plus } \frac{1 - \alpha}{n} \sum_{j : T_i < T_j} \exp\left( \frac{F_{j d_i}(T_i) - F_{i d_i}(T_i)}{\sigma} \right), \quad F_{ir}(t) = \sum_{k \le t} p_{irk}
    alpha: weight of the likelihood; the ranking loss has 1 - alpha.
    sigma: scale of the differences of risk.
    Divisor: the number of subjects
    Synonyms: DeepHitLoss, nll_pmf_cr, deephit_competing_risks
    Reference: Lee et al., DeepHit: A Deep Learning Approach to Survival Analysis with Competing Risks, 2018, AAAI; pycox DeepHitLoss
    """
    return _deephit(predictions, labels, events, alpha, sigma)
