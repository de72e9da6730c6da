"""Survival losses of times until an event, with censoring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import Bound, Domain, Fraction, Positive, TensorSpec
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid, softplus, spread
from service.losses.numerics.softmax import Softmax
from service.losses.registry import loss
from service.losses.work import Work

Risk = Annotated[Array, TensorSpec("n", gradient="default", description="logarithm of each subject's relative hazard")]
Times = Annotated[Array, TensorSpec("n", description="time of the event or of censoring")]
Events = Annotated[
    Array, TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 where the event was observed, 0 where censored")
]
LogTime = Annotated[Array, TensorSpec("n", gradient="default", description="predicted location of the logarithm of the time")]
Bounds = Annotated[Array, TensorSpec("n", domain=Domain(low=0))]
RightCensored = Annotated[
    Array,
    TensorSpec("n", kind="integer", domain=Domain(values=(0, 1)), description="1 where the time is above lower_bound, and upper_bound is unused"),
]
BinLogits = Annotated[Array, TensorSpec("n b", gradient="default", description="raw scores of the intervals of time")]
Bins = Annotated[Array, TensorSpec("n", kind="integer", below="b", description="interval of the event or of censoring")]
LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
ROUNDED = Bound(2e-13, 1e-12, "an exponential of (log t - x) / scale, rounded, multiplies its rounding by its size")


# ------------------------------------------------------------------ proportional hazards


def prefix_log_sums(x: Array) -> tuple[Array, Array]:
    """Return, for x[:1], x[:2], ..., the maximum and the sum of exp(x - maximum) without the maximum's own 1. O(n log n), no loop over elements."""
    top, rest = x.copy(), np.zeros_like(x)
    step = 1
    while step < len(x):
        (a, b), (ra, rb) = (top[:-step], top[step:]), (rest[:-step], rest[step:])
        scale = np.exp(-np.abs(a - b))
        merged = np.where(a >= b, ra + scale * (1.0 + rb), rb + scale * (1.0 + ra))
        rest = np.concatenate([rest[:step], merged])
        top = np.concatenate([top[:step], np.maximum(a, b)])
        step *= 2
    return top, rest


@dataclass(frozen=True)
class Ties:
    """Times of observed events, latest first, with all sums relative to exp(top) of the risk set.

    starts: first event of each time among all events, latest first. size: number of events. others: the sum over the rest of
    the risk set. own: the sum over the time's events. share: for each event the fraction of the own sum that Efron subtracts.
    beyond: for each event, (sum - share * own) - 1.
    """

    starts: Array
    size: Array
    top: Array
    others: Array
    own: Array
    share: Array
    beyond: Array

    @classmethod
    def of(cls, x: Array, times: Array, events: Array, efron: bool) -> Ties:
        """Build from subjects sorted by descending time, the censored of a time before its events."""
        at = np.flatnonzero(events)
        tied, when = x[at], times[at]
        starts = np.flatnonzero(np.concatenate([[True], when[1:] != when[:-1]]))
        size = np.diff(np.append(starts, len(at)))
        top, rest = prefix_log_sums(x)
        before = at[starts] - 1
        top_others = np.where(before >= 0, top[before], -np.inf).astype(x.dtype)
        top_own = np.maximum.reduceat(tied, starts)
        group = np.repeat(np.arange(len(starts)), size)
        largest = np.flatnonzero(tied == top_own[group])
        largest = largest[np.unique(group[largest], return_index=True)[1]]
        small = np.exp(tied - top_own[group])
        small[largest] = 0.0
        rest_own = np.add.reduceat(small, starts)
        peak = np.maximum(top_others, top_own)
        others = np.exp(top_others - peak) * (1.0 + rest[before])
        own = np.exp(top_own - peak) * (1.0 + rest_own)
        share = (np.arange(len(at)) - starts[group]) / size[group] * efron
        share = share.astype(x.dtype)
        inside = ((1.0 - share) * rest_own[group] - share) + others[group]
        outside = rest[before][group] + (1.0 - share) * own[group]
        beyond = np.where((top_own >= top_others)[group], inside, outside)
        return cls(starts, size, peak, others, own, share, beyond)

    def mean(self, values: Array) -> Array:
        """Return the mean over each time's events."""
        return np.add.reduceat(values, self.starts) / self.size.astype(values.dtype)


@loss(example={"predictions": [0.5, -0.2, 1.0, 0.1], "times": [3.0, 5.0, 2.0, 3.0], "events": [1, 0, 1, 1]}, merges=False)
def cox_ph(predictions: Risk, times: Times, events: Events, *, ties: Literal["breslow", "efron"] = "breslow") -> Evaluation:
    r"""Cox proportional hazards: negative log partial likelihood of each event's subject among the subjects still at risk.

    A subject is at risk at a time if its own time is not earlier. Of several events at one time, Breslow (XGBoost) keeps all in each other's
    risk set; Efron removes them gradually, and each event's loss has the mean of the logarithms. XGBoost sums over events and
    marks censored subjects by negative labels.

    Use: Survival analysis: the risk of an event, with censored times.
    Search: survival_analysis
    Formula: \ell_i = \log \sum_{j: t_j \ge t_i} e^{x_j} - x_i \text{ for each event } i
    ties: treatment of simultaneous events, breslow or efron.
    Divisor: the number of events; without any the value is 0
    Synonyms: CoxPHLoss, cox, neg_partial_log_likelihood, coxph, partial_likelihood
    Reference: Cox, Regression Models and Life-Tables, 1972, equation 12; Efron, The Efficiency of Cox's Likelihood Function, 1977
    """
    seen = events.astype(np.float64)
    if not events.any():
        return Evaluation(np.zeros(len(events)), seen, {"predictions": lambda c: np.zeros_like(predictions)})
    order = np.lexsort((events, -times))
    x, event = predictions[order], events[order]
    tied = Ties.of(x, times[order], event, ties == "efron")
    at = np.flatnonzero(event)
    group = np.repeat(np.arange(len(tied.starts)), tied.size)
    values = (tied.top[group] - x[at]) + tied.mean(np.log1p(tied.beyond))[group]
    numerator = np.zeros(len(x))
    numerator[order[at]] = values

    def pullback(cotangent: Array) -> Array:
        slope = np.zeros_like(x)
        slope[order] = _cox_slope(tied, x, event, spread(cotangent, x)[order])
        return slope

    return Evaluation(numerator, seen, {"predictions": pullback})


def _cox_slope(tied: Ties, x: Array, event: Array, c: Array) -> Array:
    """Return the derivative by each subject: its share of every risk set that contains it, minus its own event."""
    at = np.flatnonzero(event)
    group = np.repeat(np.arange(len(tied.starts)), tied.size)
    pull = np.add.reduceat(c[at], tied.starts)
    inverse = 1.0 / (1.0 + tied.beyond)
    rate = pull * tied.mean(inverse)
    top, later = tied.top, rate.copy()
    step = 1
    while step < len(later):  # the sum of rates at this and all earlier times, relative to this time's top: the tops never decrease
        later[:-step] = later[:-step] + np.exp(top[:-step] - top[step:]) * later[step:]
        step *= 2
    later, top = np.append(later, 0.0).astype(x.dtype), np.append(top, np.inf).astype(x.dtype)
    begun = np.concatenate([[0], np.cumsum(event)])[:-1]  # events before each subject in the order
    upcoming = np.searchsorted(tied.starts, begun, side="left")
    slope = np.exp(x - top[upcoming]) * later[upcoming]
    own = pull * tied.mean((1.0 - tied.share) * inverse)
    self = np.where(
        tied.size[group] == 1,
        -c[at] * (tied.others[group] * inverse),
        own[group] * np.exp(x[at] - tied.top[group]) - c[at],
    )
    slope[at] = np.exp(x[at] - top[group + 1]) * later[group + 1] + self
    return slope


# ------------------------------------------------------------------ accelerated failure times


@dataclass(frozen=True)
class Standardized:
    """Bounds as z = (log t - x) / scale. wide: the length of the interval in z, computed without cancellation."""

    low: Array
    high: Array
    wide: Array


Pointwise = tuple[Array, Array]  # minus the log-likelihood, and its slope on z


def _normal_at(z: Array) -> Pointwise:
    return 0.5 * z * z + LOG_ROOT_2PI, z


def _logistic_at(z: Array) -> Pointwise:
    return softplus(z) + softplus(-z), np.tanh(0.5 * z)


def _extreme_at(z: Array) -> Pointwise:
    return np.exp(z) - z, np.expm1(z)


def _logistic_between(z: Standardized) -> Pointwise:
    return softplus(z.low) + softplus(-z.high) - np.log(-np.expm1(-z.wide)), sigmoid(z.low) - sigmoid(-z.high)


def _extreme_between(z: Standardized) -> Pointwise:
    """Evaluate the extreme value distribution: survival is exp(-w) with w = exp(z), and the difference exp(-w_low) (1 - exp(-(w_high - w_low)))."""
    low = np.exp(z.low)
    growth = np.where(z.wide > 1, np.exp(z.high) - low, low * np.expm1(np.minimum(z.wide, 1.0)))
    small = np.where(np.isinf(z.low), z.high, z.low + np.log(np.expm1(z.wide)))  # log of a growth that may underflow
    chance = np.where(growth < 1e-20, small, np.where(growth < 0.5, np.log(-np.expm1(-growth)), np.log1p(-np.exp(-growth))))
    rate = np.where(growth == 0, 1.0, np.where(growth > 1e3, 0.0, growth / np.expm1(np.minimum(growth, 1e3))))
    return low - chance, low - rate


NODES, NODE_WEIGHTS = (half[8:] for half in np.polynomial.legendre.leggauss(16))  # the positive ones


def _normal_narrow(middle: Array, wide: Array) -> Pointwise:
    """The integral of the density over a short interval, symmetric about its middle."""
    s = 0.5 * wide[:, None] * NODES.astype(wide.dtype)
    weight = NODE_WEIGHTS.astype(wide.dtype) * np.exp(-0.5 * s * s)
    even = (weight * np.cosh(middle[:, None] * s)).sum(axis=1)
    odd = (weight * s * np.sinh(middle[:, None] * s)).sum(axis=1)
    return 0.5 * middle * middle + LOG_ROOT_2PI - np.log(wide * even), middle - odd / even


def _normal_wide(low: Array, high: Array, middle: Array, wide: Array) -> Pointwise:
    """Phi(high) - Phi(low) in the left tail (middle <= 0), relative to Phi(high)."""
    from scipy.special import erfcx, log_ndtr, ndtr

    root = math.sqrt(0.5)
    tail = high < -1
    scaled = erfcx(-root * np.minimum(high, -1.0))
    log_high = np.where(tail, np.log(0.5 * scaled) - 0.5 * high * high, log_ndtr(high))
    hazard = np.where(tail, math.sqrt(2 / math.pi) / scaled, np.exp(-0.5 * high * high) / math.sqrt(2 * math.pi) / ndtr(high))
    fall = np.where(np.isinf(low), -np.inf, wide * middle)  # log of the ratio of the densities
    ratio = np.where(tail, fall + np.log(erfcx(-root * np.minimum(low, -1.0)) / scaled), log_ndtr(low) - log_ndtr(high))
    ratio = np.where(np.isinf(low), -np.inf, ratio)
    return -log_high - np.log1p(-np.exp(ratio)), -hazard * np.expm1(fall) / np.expm1(ratio)


def _normal_between(z: Standardized) -> Pointwise:
    middle = 0.5 * (z.low + z.high)
    narrow = z.wide * np.maximum(np.abs(middle), 1.0) < 1.0
    right = middle > 0
    low, high = np.where(right, -z.high, z.low), np.where(right, -z.low, z.high)
    value, slope = _normal_wide(low, high, -np.abs(middle), z.wide)
    near, near_slope = _normal_narrow(np.where(narrow, middle, 0.0), np.where(narrow, z.wide, 1.0))
    return np.where(narrow, near, value), np.where(narrow, near_slope, np.where(right, -slope, slope))


AT = {"normal": _normal_at, "logistic": _logistic_at, "extreme": _extreme_at}
BETWEEN = {"normal": _normal_between, "logistic": _logistic_between, "extreme": _extreme_between}


@loss(
    example={"predictions": [1.0, 0.5, 2.0], "lower_bound": [3.0, 1.0, 4.0], "upper_bound": [3.0, 2.0, 4.0], "right_censored": [0, 0, 1]},
    bound=ROUNDED,
)
def aft(
    predictions: LogTime,
    lower_bound: Bounds,
    upper_bound: Bounds,
    *,
    right_censored: RightCensored | None = None,
    distribution: Literal["normal", "logistic", "extreme"] = "normal",
    scale: Positive = 1.0,
) -> Evaluation:
    r"""Negative log-likelihood of an accelerated failure time model, log t = x + scale * noise.

    Equal bounds mean an observed time; lower_bound 0 means left-censored, and right_censored 1 is XGBoost's infinite upper bound. The
    differences of the distribution function are accurate in its tails, where XGBoost clips them from below at 1e-12.

    Use: Survival analysis: the time of an event, with censored times, also in boosting.
    Formula: \ell = -\log \frac{f(z)}{\sigma t} \text{ or } -\log \left( F(z_u) - F(z_l) \right), \quad z = \frac{\log t - x}{\sigma}
    lower_bound: lower bound of the time.
    upper_bound: upper bound of the time.
    distribution: distribution of the noise: normal, logistic, or extreme (the logarithm of an exponential time, which makes Weibull times).
    scale: sigma, scale of the noise.
    Synonyms: aft_loss, survival_aft, AFTLoss, accelerated_failure_time
    Reference: Barnwal, Cho and Hocking, Survival regression with accelerated failure time model in XGBoost, 2020, arXiv:2006.04920, section 2
    """
    censored = np.zeros(len(predictions), bool) if right_censored is None else right_censored == 1
    _check_bounds(lower_bound, upper_bound, censored)
    exact = (lower_bound == upper_bound) & ~censored
    log_low = np.log(lower_bound)
    span = np.divide(upper_bound - lower_bound, lower_bound, out=np.full_like(lower_bound, np.inf), where=lower_bound > 0)
    wide = np.where(span < 1.0, np.log1p(np.minimum(span, 1.0)), np.log(upper_bound) - log_low)
    low = (log_low - predictions) / scale
    high = np.where(censored, np.inf, (np.log(upper_bound) - predictions) / scale).astype(low.dtype)
    at, at_slope = AT[distribution](low)
    between, slope = BETWEEN[distribution](Standardized(low, high, np.where(censored, np.inf, wide / scale).astype(low.dtype)))
    values = np.where(exact, at + (math.log(scale) + log_low), between).astype(low.dtype, copy=False)
    slopes = (np.where(exact, at_slope, slope) / -scale).astype(low.dtype, copy=False)
    return elementwise(values, {"predictions": lambda c: c * slopes})


def _check_bounds(lower: Array, upper: Array, censored: Array) -> None:
    for bad, message in (
        ((upper < lower) & ~censored, "out of order; expected lower_bound <= upper_bound"),
        ((upper == 0) & ~censored, "out of range; expected a positive time, got 0"),
    ):
        if bad.any():
            raise InvalidTensor("upper_bound", message, (int(np.argmax(bad)),))


# ------------------------------------------------------------------ discrete times


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
    n, bins = predictions.shape
    likelihood = pmf.function(predictions, labels, events)
    softmax = Softmax(np.concatenate([predictions, np.zeros_like(predictions[:, :1])], axis=1))
    p = softmax.probabilities()
    reached = np.cumsum(p, axis=1)[:, labels].T  # row i: cumulative probabilities of all subjects at the time of i
    later = (labels[:, None] < labels) | ((labels[:, None] == labels) & (events == 0))
    behind = np.where((events[:, None] == 1) & later, np.exp((reached - np.diagonal(reached)[:, None]) / sigma), 0.0)
    behind = (behind / max(n, 1)).astype(p.dtype, copy=False)

    def pullback(c: Array) -> Array:
        upstream = ((1.0 - alpha) / sigma) * (behind * c.astype(p.dtype)[:, None])
        np.fill_diagonal(upstream, np.diagonal(upstream) - upstream.sum(axis=1))
        at_times = upstream.T @ (np.arange(bins) == labels[:, None]).astype(p.dtype)  # by each subject's F, at each time
        slope = np.zeros_like(p)
        slope[:, :-1] = np.cumsum(at_times[:, ::-1], axis=1)[:, ::-1]
        centered = slope - np.take_along_axis(slope, softmax.top, 1)
        ranks = p * (centered - (p * centered).sum(axis=1, keepdims=True))
        return alpha * likelihood.gradients["predictions"](c) + ranks[:, :-1]

    values = alpha * likelihood.numerator + (1.0 - alpha) * behind.sum(axis=1, dtype=np.float64)
    return Evaluation(values, np.ones(n), {"predictions": pullback}, lambda: values)


def _within(x: Array, mask: Array) -> tuple[Array, Array]:
    """Return the log-sum-exp over a mask's entries in each row, and their softmax."""
    top = np.where(mask, x, -np.inf).max(axis=1, keepdims=True).astype(x.dtype) if len(x) else x[:, :1]
    e = np.exp(np.where(mask, x - top, -np.inf)).astype(x.dtype)
    total = e.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0], e / total
