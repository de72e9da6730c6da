"""Pairwise ranking losses of lists of items.

A list is a row of scores and of relevances; mask excludes padding. If an order of items is needed, ties keep the order of
their positions. Pairs are taken in blocks of lists and of first items, so that memory is bounded; time grows with the square of a list's length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import ELEMENTWISE, Bound, Fraction, NonNegative, Positive, Score, Sign, TensorSpec, Work
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import LN2, decay, divide_or_zero, sigmoid, softplus, spread, times
from service.losses.numerics.softmax import places
from service.losses.ranking._lists import (
    Block,
    Grade,
    ItemWeight,
    ListMask,
    Relevance,
    Scores,
    blocks,
    both,
    differences,
    discounts,
    first,
    gain_differences,
    gains,
    items,
    pairwise,
    preferred,
    ranks,
    relative,
    steps_apart,
    times_weight,
    without_itself,
)
from service.losses.ranking._shared import LISTS
from service.losses.registry import loss


@loss(example={"input1": [0.4, 1.0], "input2": [0.1, 1.5], "labels": [1, 1], "margin": 0.1}, hessian_diagonal=True, bound=ELEMENTWISE)
def margin_ranking(input1: Score, input2: Score, labels: Sign, *, margin: float = 0.0) -> Evaluation:
    r"""Margin ranking loss: the amount by which one score falls short of exceeding the other by a margin.

    Exactly at the margin the gradient is that of the slope, as in torch: with margin 0 and equal scores it is -y.

    Use: Learning to rank from pairs of scores whose order is known.
    Formula: \ell = \max(0, m - y (x_1 - x_2))
    Where: x_1 `input1`; x_2 `input2`; y `labels`
    margin: required difference of the scores.
    Synonyms: MarginRankingLoss, margin_ranking_loss, pairwise_ranking
    Equivalents: torch.nn.MarginRankingLoss, torch.nn.functional.margin_ranking_loss
    Reference: Herbrich, Graepel and Obermayer, Large Margin Rank Boundaries for Ordinal Regression, 2000; torch.nn.MarginRankingLoss
    """
    y = labels.astype(input1.dtype)
    short = input1.dtype.type(margin) - y * (input1 - input2)
    slope = y * (short >= 0)
    flat = dict.fromkeys(("input1", "input2"), lambda c: np.zeros_like(c * slope))
    return elementwise(np.maximum(short, 0.0), {"input1": lambda c: -c * slope, "input2": lambda c: c * slope}, flat)


RelevanceDistance = Annotated[
    Array, TensorSpec("n m", description="relevances of the items, whose differences are the targets of the scores' differences")
]
Cutoff = Annotated[int, annotated_types.Ge(0)]


def logistic(d: Array) -> tuple[Array, Array]:
    """Return softplus(-d) and its derivative."""
    e = decay(d)
    return softplus(-d, e), -sigmoid(-d, e)


# ------------------------------------------------------------------ pairs


@loss(example=LISTS, hessian_diagonal=True, work=Work("200 n m m", "64 n m"))
def pairwise_logistic(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None, weight: ItemWeight | None = None) -> Evaluation:
    r"""Pairwise logistic (RankNet) loss: negative log-probability that the more relevant item wins, for pairs of unequal relevance.

    Use: Learning to rank search results and recommendations, pair by pair (RankNet).
    Formula: \ell = \sum_{y_i > y_j} \mathrm{softplus}(-(s_i - s_j))
    Where: s `predictions`; y `labels`
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_logistic_loss, PairwiseLogisticLoss, RankNet, PairLogit, bpr
    Reference: Burges et al., Learning to Rank using Gradient Descent, 2005, ICML; rax.pairwise_logistic_loss
    """
    better = preferred(labels, items(mask, labels))
    return pairwise(predictions, better, _logistic_in_parts, lambda d: sigmoid(d) * sigmoid(-d), None, weight)


def _logistic_in_parts(d: Array) -> tuple[Array, Array, Array]:
    """Return softplus(-d), and its derivative in two parts.

    The sums of the first part, which is 0, -1/2 or -1, are exact, so that certain wins and losses, and even pairs, cancel exactly.
    """
    e = decay(d)
    near, short = np.abs(d) < 0.7, np.clip(-d, 0.0, np.inf)
    halves = np.multiply(near, 0.5, dtype=d.dtype) - (near | (d < 0))
    beyond = np.where(near, 0.5 * np.tanh(0.5 * d), np.copysign(e / (1.0 + e), -d))
    short += np.log1p(e, out=e)
    return short, halves, beyond


@loss(example=LISTS, work=Work("200 n m m", "64 n m"))
def pairwise_hinge(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None, weight: ItemWeight | None = None) -> Evaluation:
    r"""Pairwise hinge loss: the amount by which the more relevant item's lead falls short of 1, for pairs of unequal relevance. The slope at the kink is 0.

    Use: Learning to rank search results and recommendations, pair by pair (RankSVM).
    Formula: \ell = \sum_{y_i > y_j} \max(0, 1 - (s_i - s_j))
    Where: s `predictions`; y `labels`
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_hinge_loss, PairwiseHingeLoss, RankSVM
    Reference: Joachims, Optimizing Search Engines using Clickthrough Data, 2002, KDD; rax.pairwise_hinge_loss
    """
    return pairwise(predictions, preferred(labels, items(mask, labels)), _hinge, item_weight=weight)


def _hinge(d: Array) -> tuple[Array, Array]:
    """Return max(0, 1 - d) and its derivative."""
    short = np.subtract(1.0, d, out=d)
    np.clip(short, 0.0, np.inf, out=short)  # two thirds of maximum's time
    return short, np.multiply(short > 0, -1.0, dtype=short.dtype)


@loss(
    example=LISTS,
    bound=Bound(1e-14, 1e-12, "an item's gradient is the difference of the pairs it wins and those it loses"),
    work=Work("200 n m m", "64 n m"),
)
def pairwise_soft_zero_one(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None, weight: ItemWeight | None = None) -> Evaluation:
    r"""Smooth count of misordered pairs: the probability that the less relevant item wins, for pairs of unequal relevance.

    Use: Learning to rank that is judged by the number of misordered pairs, as the AUC.
    Formula: \ell = \sum_{y_i > y_j} \sigma(-(s_i - s_j))
    Where: s `predictions`; y `labels`
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_soft_zero_one_loss, PairwiseSoftZeroOneLoss
    Reference: rax.pairwise_soft_zero_one_loss; TensorFlow Ranking
    """
    better = preferred(labels, items(mask, labels))
    return pairwise(predictions, better, _soft_zero_one, item_weight=weight)


def _soft_zero_one(d: Array) -> tuple[Array, Array]:
    """Return sigmoid(-d) and its derivative."""
    e = decay(d)
    whole = 1.0 + e
    value = np.maximum(e, d <= 0) / whole
    e /= whole
    e /= whole
    return value, np.negative(e, out=e)


@loss(example=LISTS, hessian_diagonal=True)
def pairwise_mse(
    predictions: Scores,
    labels: RelevanceDistance,
    *,
    mask: ListMask | None = None,
    weight: ItemWeight | None = None,
    self_pairs: Literal["counted", "left_out"] = "counted",
) -> Evaluation:
    r"""Mean squared error of all score differences within a list against the relevance differences, with each pair in both orders.

    Use: Learning to rank with relevances whose differences matter.
    Formula: \ell = \sum_{i, j} ((s_i - s_j) - (y_i - y_j))^2
    Where: s `predictions`; y `labels`
    self_pairs: include pairs of an item with itself, with loss 0, in the divisor, as in rax; TensorFlow Ranking excludes them.
    Divisor: the number of pairs, over all lists
    Synonyms: pairwise_mse_loss, PairwiseMSELoss
    Reference: rax.pairwise_mse_loss; TensorFlow Ranking
    """
    valid = items(mask, labels)
    x = np.subtract(predictions, labels, dtype=np.float64)
    w = np.where(valid, 1.0 if weight is None else weight, 0.0)
    m, total = valid.sum(axis=1, keepdims=True), w.sum(axis=1, keepdims=True)
    u = _centered(x, valid, valid / np.maximum(m, 1))
    v = u if weight is None else _centered(x, valid, divide_or_zero(w, total))
    sum_u = u.sum(axis=1, keepdims=True)
    own, others = m * u - sum_u, total * v - (w * v).sum(axis=1, keepdims=True)  # the sums over j of d_ij, and of w_j d_ij
    squares = u * (own - sum_u) + (u * u).sum(axis=1, keepdims=True)
    slope = np.where(valid, 2.0 * (w * own + others), 0.0).astype(predictions.dtype)
    return Evaluation(
        times(w, squares).sum(axis=1),
        (m * (m - (self_pairs == "left_out")))[:, 0].astype(np.float64),
        {"predictions": lambda c: spread(c, slope) * slope},
        hessian_diagonal={"predictions": lambda c: spread(c, slope) * np.where(valid, 2.0 * ((m - 2) * w + total), 0.0).astype(slope.dtype)},
    )


def _centered(x: Array, valid: Array, share: Array) -> Array:
    """Return x - x_k of each list's items, for the item k nearest to the mean with these shares, so that sums of the differences hardly cancel."""
    mean = times(share, x).sum(axis=1, keepdims=True)
    nearest = np.where(share > 0, np.abs(x - mean), np.inf).argmin(axis=1, keepdims=True)
    return np.where(valid, x - x.take(places(x, nearest)), 0.0)


@loss(example=LISTS | {"tau": 0.7}, work=Work("200 n m m", "64 n m"))
def pairwise_qr(
    predictions: Scores,
    labels: RelevanceDistance,
    *,
    mask: ListMask | None = None,
    weight: ItemWeight | None = None,
    tau: Fraction = 0.5,
    squared: bool = False,
) -> Evaluation:
    r"""Quantile regression of score differences on relevance differences, for pairs of unequal relevance.

    The slope is 0 where the differences agree. With tau 0.5 and squared it is half of pairwise_mse, except for pairs of equal relevance.

    Use: Learning to rank with relevances whose differences matter.
    Formula: \ell = \sum_{y_i > y_j} \tau \max(0, -d_{ij}) + (1 - \tau) \max(0, d_{ij}), \quad d_{ij} = (s_i - s_j) - (y_i - y_j)
    Where: s `predictions`; y `labels`
    tau: quantile; weight of differences that are too small.
    squared: square each maximum.
    Divisor: the number of pairs, over all lists (rax)
    Synonyms: pairwise_qr_loss, pairwise_quantile_regression
    Reference: rax.pairwise_qr_loss; Koenker and Bassett, Regression Quantiles, 1978
    """

    def terms(d: Array) -> tuple[Array, Array]:
        value = np.maximum((1.0 - tau) * d, -tau * d)
        if squared:
            return value * np.abs(d), np.copysign(2.0 * value, d)
        up, down = (np.multiply(share, of, dtype=d.dtype) for share, of in ((1.0 - tau, d > 0), (tau, d < 0)))
        return value, np.subtract(up, down, out=up)

    return pairwise(predictions - labels, preferred(labels, items(mask, labels)), terms, item_weight=weight)


@loss(example=LISTS, work=Work("250 n m m", "100 n m"))
def lambda_loss(
    predictions: Scores,
    labels: Grade,
    *,
    mask: ListMask | None = None,
    weight: ItemWeight | None = None,
    weighting: Literal["ndcg", "ndcg1", "ndcg2", "ndcg2++", "mrr"] = "ndcg",
    topn: Cutoff = 0,
    sigma: Positive = 1.0,
    mu: NonNegative = 10.0,
) -> Evaluation:
    r"""Lambda loss: pairwise logistic loss, each pair weighted by the change of the ranking metric when its items are swapped.

    `weighting` ndcg is LambdaRank's (rax.dcg_lambdaweight; TensorFlow Ranking with smooth_fraction 1), ndcg2 that of the LambdaLoss paper (NDCG-Loss2;
    rax.dcg2_lambdaweight; TensorFlow Ranking's DCGLambdaWeightV2 and, but for topn, its create_ndcg_lambda_weight),
    which uses the discount of the rank difference: |D(|r_i - r_j|) - D(|r_i - r_j| + 1)|; ndcg2++ is that of ndcg plus mu times that of ndcg2. ndcg1 (NDCG-Loss1) is g_i D(r_i) of all pairs of items, in both orders and of an item with itself,
    whatever their relevances (allRank; 1 / log2(1 + r) is there the reciprocal of D). A weight of items multiplies both their gains and their pairs, as in rax. allRank sums instead of averaging, over pairs within its k, and takes logarithms to base 2.
    The weights are constant in the gradient, as in LambdaRank; they are piecewise constant in the scores anyway. As in rax and
    TensorFlow Ranking, weights are multiplied by the number of items (rax: of the padded list, so that padding changes its value).

    Use: Learning to rank search results that are judged by nDCG (LambdaRank, LambdaMART).
    Where: s `predictions`; y `labels`
    Search: learning_to_rank, ndcg
    Formula: \ell = \sum_{y_i > y_j} m \frac{|g_i - g_j| \, |D(r_i) - D(r_j)|}{\sum_k g_{(k)} D(k)} \mathrm{softplus}(-\sigma (s_i - s_j))
    weighting: ndcg, ndcg1 and ndcg2 have gains g = 2^y - 1 and discounts D(r) = 1 / log2(1 + r); mrr has g = y and D(r) = 1 / r (TensorFlow Ranking's reciprocal rank weights).
    sigma: factor of the differences of scores (allRank, LambdaMART).
    mu: weight of ndcg2 in ndcg2++ (allRank 10).
    topn: discounts beyond this place are 0, and with ndcg2 a pair's is divided by 1 - D(r) where the lower item's place r is beyond it; 0 for no limit.
    Divisor: the number of pairs, over all lists (rax), including those with weight 0
    Synonyms: dcg_lambdaweight, lambdarank_loss, LambdaRank, dcg2_lambdaweight, lambdaloss, ndcg_loss1, ndcg_loss2, create_ndcg_lambda_weight, create_reciprocal_rank_lambda_weight
    Reference: Burges, From RankNet to LambdaRank to LambdaMART, 2010, MSR-TR-2010-82; Wang et al., The LambdaLoss Framework, 2018, CIKM; Jagerman et al., On Optimizing Top-K Metrics for Neural Ranking Models, 2022, SIGIR (topn of ndcg2); rax.dcg_lambdaweight
    """
    valid = items(mask, labels)
    better = preferred(labels, valid)

    def discount(places: Array) -> Array:
        if weighting != "mrr":
            return discounts(places, topn)
        return np.where((places > topn) & (topn > 0), 0.0, 1.0 / places)

    unweighted = relative(labels, valid, gains if weighting != "mrr" else lambda y: y)
    gain = times_weight(unweighted, weight)
    ideal = (gain * discount(ranks(labels if weight is None else gain, valid))).sum(axis=1, dtype=np.float64)
    scale = valid.sum(axis=1) / np.where(ideal > 0, ideal, 1.0)
    place = ranks(predictions, valid)
    held = discount(place)

    def gap(block: Block) -> Array:
        """Return the differences of the gains, w_i (g_i - g_j) + (w_i - w_j) g_j."""
        plain = gain_differences(labels, valid, block, weighting != "mrr")
        if weight is None:
            return np.abs(plain)
        return np.abs(first(weight, block) * plain + differences(weight, block) * unweighted[block.lists, None, :])

    def weights(block: Block) -> Array:
        if weighting == "ndcg1":
            others = without_itself(both(valid, block), block)
            return (others * first(scale[:, None] * gain * held, block)).astype(predictions.dtype)
        apart = {"ndcg2": 1.0, "ndcg2++": mu}.get(weighting, 0.0)
        swapped = np.abs(differences(held, block)) if weighting != "ndcg2" else np.zeros(())
        swapped = swapped + apart * steps_apart(place, block, topn) if apart else swapped
        return (better(block) * (scale[block.lists, None, None] * gap(block) * swapped)).astype(predictions.dtype)

    count = np.zeros(len(labels))
    for block in blocks(labels):
        count[block.lists] += np.count_nonzero(both(valid, block) if weighting == "ndcg1" else better(block), axis=(1, 2))

    def terms(d: Array) -> tuple[Array, Array]:
        value, slope = logistic(sigma * d)
        return value, sigma * slope

    pairs = pairwise(predictions, weights, terms, None, count, weight)
    if weighting != "ndcg1":
        return pairs
    of_itself = scale * times_weight(gain * held, weight).sum(axis=1, dtype=np.float64)  # without a gradient
    return replace(pairs, numerator=pairs.numerator + LN2 * of_itself)
