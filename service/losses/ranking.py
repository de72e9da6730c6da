"""Lists of items to be put in order: pairs of items, whole lists, and smooth versions of ranking metrics.

A list is a row of scores and of relevances; mask leaves out padding. Where an order of items is needed, ties keep the order of
their positions. Pairs are taken in blocks of lists, so that memory is bounded; time grows with the square of a list's length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.core import Bound, Evaluation, Fraction, loss
from service.losses.errors import InvalidTensor
from service.losses.numerics import BLOCK, decay, elementwise, log1pexp_small, per_sample_sum, sigmoid, softplus, spread, times
from service.losses.tensors import Array, Domain, Tensor

Scores = Annotated[Array, Tensor("n m", gradient="default", description="scores of the items")]
Relevance = Annotated[Array, Tensor("n m", description="relevances of the items; only their order counts")]
RelevanceDistance = Annotated[Array, Tensor("n m", description="relevances of the items, whose differences the scores are to have")]
Grade = Annotated[Array, Tensor("n m", domain=Domain(0, 64), description="graded relevances y of the items; their gain is 2^y - 1")]
Level = Annotated[Array, Tensor("n m", kind="integer", domain=Domain(low=0), description="levels of the items, from 0 to the number of thresholds")]
LevelLogits = Annotated[Array, Tensor("n m k", gradient="default", description="scores of being at level 1, 2, ... k or higher")]
ListMask = Annotated[Array, Tensor("n m", kind="integer", domain=Domain(values=(0, 1)), description="1 for items, 0 for padding")]
Cutoff = Annotated[int, annotated_types.Ge(0)]

LISTS = {"predictions": [[2.0, 1.0, 3.0], [1.0, 0.5, 1.5]], "labels": [[1.0, 0.0, 0.0], [0.0, 1.0, 2.0]]}

Elementwise = Callable[[Array], Array]
PairWeights = Callable[[slice], Array]  # rows of lists -> (rows, m, m), 0 where i and j are no pair


# ------------------------------------------------------------------ what lists share


def items(mask: Array | None, like: Array) -> Array:
    """Which entries are items."""
    return np.ones(like.shape, dtype=bool) if mask is None else mask == 1


def blocks(lists: Array) -> Iterator[slice]:
    """Rows whose pairs fit a block."""
    n, m = lists.shape[:2]
    step = max(1, BLOCK // (m * m))
    return (slice(start, start + step) for start in range(0, n, step))


def differences(x: Array, rows: slice) -> Array:
    """x_i - x_j at [list, i, j]."""
    return x[rows, :, None] - x[rows, None, :]


def both(valid: Array, rows: slice) -> Array:
    """Where i and j both are items."""
    return valid[rows, :, None] & valid[rows, None, :]


def preferred(labels: Array, valid: Array) -> PairWeights:
    """Pairs whose first item is the more relevant one."""
    return lambda rows: (labels[rows, :, None] > labels[rows, None, :]) & both(valid, rows)


def ranks(scores: Array, valid: Array) -> Array:
    """Places from 1 by falling score, ties by position, padding last."""
    order = np.lexsort((-scores, ~valid), axis=-1)
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(1, scores.shape[1] + 1), order.shape), 1)
    return places


def non_empty(valid: Array) -> Array:
    """1 for a list with items, 0 for others: rax's mean over lists."""
    some: Array = np.any(valid, axis=1)
    return some.astype(np.float64)


def gains(labels: Array) -> Array:
    """2^y - 1."""
    return np.where(labels < 1.0, np.expm1(labels * labels.dtype.type(np.log(2.0))), np.exp2(labels) - 1.0)


def gain_differences(labels: Array, valid: Array, rows: slice, exponential: bool = True) -> Array:
    """|gain_i - gain_j| over the largest gain of the list at [list, i, j], in float64: of nearly equal relevances by their difference."""
    y = times(valid[rows], labels[rows]).astype(np.float64)
    gap = np.abs(differences(y, slice(None)))
    top = y.max(axis=1)[:, None, None]
    tiny = (top < 1e-20) | (not exponential)
    lower, whole = np.minimum(y[:, :, None], y[:, None, :]), np.where(top > 0, top, 1.0)
    return np.where(tiny, gap / whole, np.exp2(lower) * gains(gap) / gains(np.where(tiny, 1.0, whole)))


def relative(labels: Array, valid: Array, gain: Elementwise) -> Array:
    """The gains of the items over the largest of their list; 0 for padding and where there is none. Tiny relevances are their own gains."""
    kept = times(valid, labels)
    top = kept.max(axis=1, keepdims=True)
    tiny = top < 1e-20
    found = gain(np.where(tiny, 1.0, kept)) / gain(np.where(tiny, 1.0, top))
    return np.where(tiny, kept / np.where(top > 0, top, 1.0), times(valid, found)).astype(labels.dtype)


def discounts(places: Array, cutoff: int = 0) -> Array:
    """1 / log2(1 + place), 0 beyond the cutoff (0: none)."""
    return np.where((places > cutoff) & (cutoff > 0), 0.0, 1.0 / np.log2(1.0 + places))


def steps_apart(places: Array, topn: int) -> Array:
    """|D(k) - D(k + 1)| at [list, i, j] for items k places apart, 0 for k = 0; over 1 - D(r) where the lower one's place r is beyond topn."""
    apart = np.abs(places[:, :, None] - places[:, None, :])
    lower = np.maximum(places[:, :, None], places[:, None, :])
    place = np.arange(1, places.shape[1] + 2)
    discount = discounts(place)
    step = np.append(0.0, discount[:-1] * discount[1:] * np.log1p(1.0 / place[1:]) / np.log(2.0))
    found: Array = step[apart]
    return np.where((lower > topn) & (topn > 0) & (apart > 0), found / (1.0 - discount[np.maximum(lower, 2) - 1]), found)


def pairwise(
    scores: Array,
    pairs: PairWeights,
    value: Elementwise,
    slope: Elementwise | tuple[Elementwise, ...],
    curvature: Elementwise | None = None,
    divisor: Array | None = None,
) -> Evaluation:
    """The sum over pairs of their weight times a function of s_i - s_j. A slope may come in parts that are summed apart. Divisor: the number of pairs."""

    def over(rows: slice, function: Elementwise) -> tuple[Array, Array]:
        """The weighted function at [list, i, j], computed at the pairs alone, and where they are."""
        weight = pairs(rows)
        chosen = weight != 0
        each = np.zeros(chosen.shape, dtype=scores.dtype)
        each[chosen] = weight[chosen] * function(differences(scores, rows)[chosen])
        return each, chosen

    numerator, count = np.zeros(len(scores)), np.zeros(len(scores))
    for rows in blocks(scores):
        each, chosen = over(rows, value)
        numerator[rows] = each.sum(axis=(1, 2), dtype=np.float64)
        count[rows] = np.count_nonzero(chosen, axis=(1, 2))

    def pulled(derivatives: tuple[Elementwise, ...], sign: float) -> Callable[[Array], Array]:
        def pullback(c: Array) -> Array:
            out = np.empty_like(scores)
            for rows in blocks(scores):
                parts = [over(rows, derivative)[0] for derivative in derivatives]
                out[rows] = sum(each.sum(axis=2, dtype=np.float64) + sign * each.sum(axis=1, dtype=np.float64) for each in parts)
            return spread(c, out) * out

        return pullback

    return Evaluation(
        numerator,
        count if divisor is None else divisor,
        {"predictions": pulled(slope if isinstance(slope, tuple) else (slope,), -1.0)},
        hessian_diagonal={} if curvature is None else {"predictions": pulled((curvature,), 1.0)},
    )


def logistic_slope(d: Array) -> Array:
    """Derivative of softplus(-d)."""
    return -sigmoid(-d)


# ------------------------------------------------------------------ pairs


@loss(example=LISTS, hessian_diagonal=True)
def pairwise_logistic(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None) -> Evaluation:
    r"""For every pair of a list with unequal relevance, minus the log-probability that the more relevant item wins.

    Formula: \ell = \sum_{y_i > y_j} \mathrm{softplus}(-(s_i - s_j))
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_logistic_loss, PairwiseLogisticLoss, RankNet, PairLogit, bpr
    Reference: Burges et al., Learning to Rank using Gradient Descent, 2005, ICML; rax.pairwise_logistic_loss
    """
    better = preferred(labels, items(mask, labels))
    return pairwise(predictions, better, lambda d: softplus(-d), (_slope_in_halves, _slope_beyond), lambda d: sigmoid(d) * sigmoid(-d))


def _slope_in_halves(d: Array) -> Array:
    """The part of logistic_slope whose sums are exact, so that pairs won and lost for certain, or even, cancel without a trace."""
    return np.where(np.abs(d) < 0.7, -0.5, -(d < 0).astype(d.dtype)).astype(d.dtype, copy=False)


def _slope_beyond(d: Array) -> Array:
    """The rest of it."""
    e = decay(d)
    return np.where(np.abs(d) < 0.7, 0.5 * np.tanh(0.5 * d), np.copysign(e / (1.0 + e), -d)).astype(d.dtype, copy=False)


@loss(example=LISTS)
def pairwise_hinge(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None) -> Evaluation:
    r"""For every pair of a list with unequal relevance, how far the more relevant item is from winning by 1; slope 0 at the kink.

    Formula: \ell = \sum_{y_i > y_j} \max(0, 1 - (s_i - s_j))
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_hinge_loss, PairwiseHingeLoss, RankSVM
    Reference: Joachims, Optimizing Search Engines using Clickthrough Data, 2002, KDD; rax.pairwise_hinge_loss
    """
    return pairwise(
        predictions,
        preferred(labels, items(mask, labels)),
        lambda d: np.maximum(1.0 - d, 0.0),
        lambda d: np.where(d < 1.0, -1.0, 0.0).astype(d.dtype),
    )


@loss(example=LISTS, bound=Bound(1e-14, 1e-12, "an item's gradient is the difference of the pairs it wins and those it loses"))
def pairwise_soft_zero_one(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None) -> Evaluation:
    r"""For every pair of a list with unequal relevance, the probability that the less relevant item wins: a smooth count of the wrong pairs.

    Formula: \ell = \sum_{y_i > y_j} \sigma(-(s_i - s_j))
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_soft_zero_one_loss, PairwiseSoftZeroOneLoss
    Reference: rax.pairwise_soft_zero_one_loss; TensorFlow Ranking
    """
    return pairwise(predictions, preferred(labels, items(mask, labels)), lambda d: sigmoid(-d), lambda d: -sigmoid(d) * sigmoid(-d))


@loss(example=LISTS, hessian_diagonal=True)
def pairwise_mse(
    predictions: Scores, labels: RelevanceDistance, *, mask: ListMask | None = None, self_pairs: Literal["counted", "left_out"] = "counted"
) -> Evaluation:
    r"""The squared error of all differences of scores within a list; each pair comes in both orders.

    Formula: \ell = \sum_{i, j} ((s_i - s_j) - (y_i - y_j))^2
    self_pairs: whether an item paired with itself, with loss 0, counts in the divisor: rax counts it, TensorFlow Ranking does not.
    Divisor: the number of pairs, over all lists
    Synonyms: pairwise_mse_loss, PairwiseMSELoss
    Reference: rax.pairwise_mse_loss; TensorFlow Ranking
    """
    valid = items(mask, labels)
    counts = valid.sum(axis=1).astype(np.float64)
    return pairwise(
        predictions - labels,
        lambda rows: both(valid, rows) & ~np.eye(labels.shape[1], dtype=bool),
        lambda d: d * d,
        lambda d: 2.0 * d,
        lambda d: 2.0 * np.ones_like(d),
        counts * counts - (counts if self_pairs == "left_out" else 0.0),
    )


@loss(example=LISTS | {"tau": 0.7})
def pairwise_qr(
    predictions: Scores, labels: RelevanceDistance, *, mask: ListMask | None = None, tau: Fraction = 0.5, squared: bool = False
) -> Evaluation:
    r"""Quantile regression of the differences of scores on those of relevances, for every pair of a list with unequal relevance.

    The slope is 0 where a difference is met. Half of pairwise_mse for tau 0.5 and squared, but for pairs of equal relevance.

    Formula: \ell = \sum_{y_i > y_j} \tau \max(0, -d_{ij}) + (1 - \tau) \max(0, d_{ij}), \quad d_{ij} = (s_i - s_j) - (y_i - y_j)
    tau: the quantile; weight of differences that are too small.
    squared: whether each maximum is squared.
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_qr_loss, pairwise_quantile_regression
    Reference: rax.pairwise_qr_loss; Koenker and Bassett, Regression Quantiles, 1978
    """

    def rate(d: Array) -> Array:
        return np.where(d < 0, -tau, np.where(d > 0, 1.0 - tau, 0.0)).astype(d.dtype)

    return pairwise(
        predictions - labels,
        preferred(labels, items(mask, labels)),
        lambda d: rate(d) * d * np.abs(d) if squared else rate(d) * d,
        lambda d: 2.0 * rate(d) * np.abs(d) if squared else rate(d),
    )


@loss(example=LISTS)
def lambda_loss(
    predictions: Scores, labels: Grade, *, mask: ListMask | None = None, weighting: Literal["ndcg", "ndcg2", "mrr"] = "ndcg", topn: Cutoff = 0
) -> Evaluation:
    r"""The pairwise logistic loss, each pair weighed by how much swapping its items changes the metric.

    `weighting` ndcg is LambdaRank's (rax.dcg_lambdaweight; TensorFlow Ranking with smooth_fraction 1), ndcg2 that of the LambdaLoss paper (NDCG-Loss2;
    rax.dcg2_lambdaweight; TensorFlow Ranking's DCGLambdaWeightV2 and, but for topn, its create_ndcg_lambda_weight), which has the discount of how far
    apart the items rank: |D(|r_i - r_j|) - D(|r_i - r_j| + 1)|. allRank sums instead of averaging, over pairs within its k, and takes logarithms to base 2.
    The gradient takes the weights for constants, as LambdaRank does; they are piecewise constant in the scores anyway. As in rax and
    TensorFlow Ranking, weights are scaled up by the number of items (rax: that of the padded list, so that padding changes its value).

    Formula: \ell = \sum_{y_i > y_j} m \frac{|g_i - g_j| \, |D(r_i) - D(r_j)|}{\sum_k g_{(k)} D(k)} \mathrm{softplus}(-(s_i - s_j))
    weighting: ndcg and ndcg2 have gains g = 2^y - 1 and discounts D(r) = 1 / log2(1 + r); mrr has g = y and D(r) = 1 / r (TensorFlow Ranking's reciprocal rank weights).
    topn: discounts beyond this place are 0, and with ndcg2 a pair's is divided by 1 - D(r) where the lower item's place r is beyond it; 0 is no limit.
    Divisor: the number of pairs, over all lists (rax), also of those with weight 0
    Synonyms: dcg_lambdaweight, lambdarank_loss, LambdaRank, dcg2_lambdaweight, lambdaloss, ndcg_loss2, create_ndcg_lambda_weight, create_reciprocal_rank_lambda_weight
    Reference: Burges, From RankNet to LambdaRank to LambdaMART, 2010, MSR-TR-2010-82; Wang et al., The LambdaLoss Framework, 2018, CIKM; Jagerman et al., On Optimizing Top-K Metrics for Neural Ranking Models, 2022, SIGIR (topn of ndcg2); rax.dcg_lambdaweight
    """
    valid = items(mask, labels)
    better = preferred(labels, valid)

    def discount(places: Array) -> Array:
        if weighting != "mrr":
            return discounts(places, topn)
        return np.where((places > topn) & (topn > 0), 0.0, 1.0 / places)

    gain = relative(labels, valid, gains if weighting != "mrr" else lambda y: y)
    ideal = (gain * discount(ranks(labels, valid))).sum(axis=1, dtype=np.float64)
    scale = valid.sum(axis=1) / np.where(ideal > 0, ideal, 1.0)
    place = ranks(predictions, valid)
    held = discount(place)

    def weights(rows: slice) -> Array:
        swapped = steps_apart(place[rows], topn) if weighting == "ndcg2" else np.abs(differences(held, rows))
        gap = gain_differences(labels, valid, rows, weighting != "mrr") * swapped
        return (better(rows) * (scale[rows, None, None] * gap)).astype(predictions.dtype)

    count = np.zeros(len(labels))
    for rows in blocks(labels):
        count[rows] = np.count_nonzero(better(rows), axis=(1, 2))
    return pairwise(predictions, weights, lambda d: softplus(-d), logistic_slope, divisor=count)


# ------------------------------------------------------------------ levels


@loss(example={"predictions": [[[2.0, -1.0], [0.5, 0.1]]], "labels": [[1, 2]]}, hessian_diagonal=True)
def ordinal(predictions: LevelLogits, labels: Level, *, mask: ListMask | None = None) -> Evaluation:
    r"""Ordered levels as a binary question for each threshold, whether the item is at level k or higher.

    Formula: \ell = \sum_{k=1}^{K} \left( \mathrm{softplus}(x_k) - [y \ge k] \, x_k \right)
    Divisor: the number of items
    Synonyms: OrdinalLoss, ordinal_loss, cumulative_logits
    Reference: Niu et al., Ordinal Regression with Multiple Output CNN for Age Estimation, 2016, CVPR; TensorFlow Ranking OrdinalLoss
    """
    thresholds = predictions.shape[2]
    if labels.max(initial=0) > thresholds:
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(labels)), labels.shape))
        raise InvalidTensor("labels", f"is {int(labels[index])}; levels lie in [0, {thresholds}], one more than there are thresholds", index)
    x = predictions
    reached = (labels[:, :, None] >= np.arange(1, thresholds + 1)).astype(x.dtype)
    weight = items(mask, labels).astype(x.dtype)
    return elementwise(
        np.maximum(np.where(reached == 1, -x, x), 0.0) + log1pexp_small(x),
        {"predictions": lambda c: c * ((1.0 - reached) * sigmoid(x) - reached * sigmoid(-x))},
        {"predictions": lambda c: c * (sigmoid(x) * sigmoid(-x))},
        weight=np.broadcast_to(weight[:, :, None], x.shape),
        divisor=per_sample_sum(weight),
    )
