"""Listwise ranking losses: likelihoods of an order, and smooth versions of ranking metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import numpy as np

from service.losses.declaration import Domain, Positive, TensorSpec, Work
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import blocks as slices
from service.losses.numerics.elementary import decay, per_sample_sum, spread, times
from service.losses.numerics.softmax import Softmax, places, sum_of_others
from service.losses.ranking._lists import (
    Block,
    Elementwise,
    Grade,
    ItemWeight,
    ListMask,
    Relevance,
    Scores,
    blocks,
    both,
    differences,
    discounts,
    gains,
    items,
    non_empty,
    order_of,
    ranks,
    relative,
    times_weight,
    weighted_relative,
    without_itself,
)
from service.losses.ranking._shared import LISTS
from service.losses.registry import loss

RelevanceWeight = Annotated[Array, TensorSpec("n m", domain=Domain(low=0), description="relevances of the items, as weights")]
RelevanceScore = Annotated[Array, TensorSpec("n m", description="scores whose softmax is the target")]


# ------------------------------------------------------------------ whole lists


def listed(predictions: Array, valid: Array) -> Softmax:
    """Softmax over a list's items; padding has probability 0."""
    if valid.all():
        return Softmax(predictions)
    some = valid.any(axis=1, keepdims=True)
    return Softmax(np.where(valid, predictions, np.where(some, -np.inf, 0.0)).astype(predictions.dtype, copy=False))


def pull(p: Array, softmax: Softmax, targets: Array) -> Array:
    """Return the derivative of -sum targets * log softmax by the scores, without cancellation, for the probabilities p."""
    slope = sum_of_others(targets)
    slope *= p
    slope -= targets * softmax.complements
    return slope


def targets_of(labels: Array, weight: Array | None, valid: Array) -> Array:
    """Return relevances times weights, 0 for padding."""
    targets = times_weight(labels, weight)
    return targets if valid.all() else np.where(valid, targets, 0.0).astype(labels.dtype, copy=False)


def against(softmax: Softmax, targets: Array, valid: Array) -> Evaluation:
    """Return -sum targets * log softmax of each list."""
    wide = targets.astype(np.float64, copy=False)
    behind = (softmax.largest - softmax.logits).astype(np.float64, copy=False)
    numerator = sums(wide, behind) + times(sums(wide), np.log1p(softmax.rest[:, 0]))

    def curvature(c: Array) -> Array:
        return spread(c, targets) * (softmax.probabilities() * softmax.complements * targets.sum(axis=1, keepdims=True))

    def pullback(c: Array) -> Array:
        slope = pull(softmax.probabilities(), softmax, targets)
        slope *= spread(c, slope)
        return slope

    return Evaluation(numerator, non_empty(valid), {"predictions": pullback}, hessian_diagonal={"predictions": curvature})


def sums(x: Array, y: Array | None = None) -> Array:
    """Return the sums over each list's items of x, or of x times y with 0 times infinity = 0, in a third of the time of add.reduce."""
    if y is None:
        return x @ np.ones(x.shape[1])
    found = np.vecdot(x, y)
    return np.add.reduce(times(x, y), axis=1) if np.isnan(np.add.reduce(found)) else found


@loss(example=LISTS, hessian_diagonal=True)
def ranking_softmax(predictions: Scores, labels: RelevanceWeight, *, mask: ListMask | None = None, weight: ItemWeight | None = None) -> Evaluation:
    r"""Softmax ranking loss: cross entropy of the softmax over a list's items, weighted by relevance.

    As in rax and optax, relevances are not normalized. TensorFlow Ranking normalizes them and weights a list by their sum, which gives the same
    numerator.

    Use: Learning to rank search results and recommendations by clicks or relevance.
    Formula: \ell = -\sum_i y_i \log \mathrm{softmax}(s)_i
    Where: s `predictions`; y `labels`
    Divisor: the number of lists with items (rax)
    Synonyms: softmax_loss, ranking_softmax_loss, SoftmaxLoss, QuerySoftMax
    Equivalents: optax.losses.ranking_softmax_loss(reduction="mean")
    Reference: Bruch et al., An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank with Binary Relevance, 2019, ICTIR; rax.softmax_loss
    """
    valid = items(mask, labels)
    return against(listed(predictions, valid), targets_of(labels, weight, valid), valid)


@loss(example=LISTS, hessian_diagonal=True)
def listnet(predictions: Scores, labels: RelevanceScore, *, mask: ListMask | None = None) -> Evaluation:
    r"""ListNet loss: cross entropy between the softmax of the scores and that of the relevances (top-one probabilities).

    Use: Learning to rank search results and recommendations, list by list.
    Formula: \ell = -\sum_i \mathrm{softmax}(y)_i \log \mathrm{softmax}(s)_i
    Where: s `predictions`; y `labels`
    Divisor: the number of lists with items
    Synonyms: ListNetLoss, listnet_loss, top_one
    Reference: Cao et al., Learning to Rank: From Pairwise Approach to Listwise Approach, 2007, ICML, equation 4
    """
    valid = items(mask, labels)
    softmax, targets = listed(predictions, valid), times(valid, listed(labels, valid).probabilities())
    far = against(softmax, targets, valid)

    def pullback(c: Array) -> Array:
        # where scores and relevances nearly agree up to a shift, p - q is p (1 - q / p), and log (q / p) is small
        d = labels - predictions
        d = times(valid, d - np.take_along_axis(d, softmax.top, 1))
        near = np.abs(d).max(axis=1, keepdims=True) < 1.0
        p, d = softmax.probabilities(), times(near, d)
        log_ratio = d - np.log1p((p * np.expm1(d)).sum(axis=1, keepdims=True))
        return np.where(near, -spread(c, p) * p * np.expm1(log_ratio), far.gradients["predictions"](c))

    return replace(far, gradients={"predictions": pullback})


@loss(example=LISTS | {"epsilon": 0.5}, hessian_diagonal=True)
def poly1_softmax(
    predictions: Scores, labels: RelevanceWeight, *, mask: ListMask | None = None, weight: ItemWeight | None = None, epsilon: float = 1.0
) -> Evaluation:
    r"""Poly-1 softmax ranking loss: ranking_softmax with a modified first coefficient of its polynomial expansion.

    TensorFlow Ranking weights both terms by the sum of the relevances, rax only the first.

    Use: Learning to rank search results and recommendations, as a variant of the softmax.
    Formula: \ell = -\sum_i y_i \log p_i + \epsilon \left(1 - \sum_i \bar y_i p_i\right), \quad p = \mathrm{softmax}(s), \; \bar y = y / \sum_k y_k
    Where: s `predictions`; y `labels`
    epsilon: added to the first coefficient; 0 gives ranking_softmax. Without any relevance the mean of y is uniform (rax); a weight multiplies y.
    Divisor: the number of lists with items (rax)
    Synonyms: poly1_softmax_loss, PolyOneSoftmaxLoss
    Reference: Leng et al., PolyLoss, 2022, arXiv:2204.12511; rax.poly1_softmax_loss
    """
    valid = items(mask, labels)
    softmax = listed(predictions, valid)
    targets = targets_of(labels, weight, valid)
    largest = targets.take(places(targets, targets.argmax(axis=1, keepdims=True)))
    share = targets / np.where(largest > 0, largest, 1.0).astype(labels.dtype)
    if not largest.all():
        share = np.where(largest > 0, share, valid).astype(labels.dtype)
    share /= np.maximum(sums(share)[:, None], np.finfo(labels.dtype).tiny).astype(labels.dtype, copy=False)
    plain = against(softmax, targets, valid)

    def pullback(c: Array) -> Array:
        p = softmax.probabilities()
        slope, of_share = pull(p, softmax, targets), sum_of_others(share * p)
        of_share -= share * softmax.complements
        of_share *= p
        of_share *= epsilon
        slope += of_share
        slope *= spread(c, slope)
        return slope

    def curvature(c: Array) -> Array:
        p, q = softmax.probabilities(), softmax.complements
        of_share = p * (q - p) * (share - (share * p).sum(axis=1, keepdims=True))
        return plain.hessian_diagonal["predictions"](c) - spread(c, p) * (epsilon * of_share)

    missed = sums(share.astype(np.float64, copy=False), softmax.complements.astype(np.float64, copy=False))
    gradients, second = {"predictions": pullback}, {"predictions": curvature}
    return replace(plain, numerator=plain.numerator + epsilon * missed, gradients=gradients, hessian_diagonal=second)


LEAST = float(np.finfo(np.float64).min) / 4  # the exponent of nothing: finite, since the difference of two infinities is not a number


def exponential_sums(exponents: Array, weight: Array) -> tuple[Array, Array]:
    """Return the sums of weight e^exponent over the items before each, and over all, (n, m + 1), as their largest exponents and what multiplies those.

    The number of items summed doubles in each of log2(m) steps.
    """
    n, m = exponents.shape
    top, total = np.empty((n, m + 1)), np.zeros((n, m + 1))
    top[:, 0] = LEAST
    np.maximum.accumulate(exponents, axis=1, out=top[:, 1:])
    total[:, 1:] = weight * np.exp(exponents - top[:, 1:])
    step = 1
    while step < m:
        factor = top[:, 1:-step] - top[:, 1 + step :]
        np.exp(factor, out=factor)
        factor *= total[:, 1:-step]
        total[:, 1 + step :] += factor
        step *= 2
    return top, total


def restricted(scores: Array, order: Array, valid: Array, weight: Array, tied: Array | None = None) -> Evaluation:
    """Sum over items weight_i * -log softmax_i over the item itself and those after it in the order, or after all tied with it.

    order: from order_of. tied: numbers that are equal for tied items. The items before or after each one are summed for all at once.
    """
    parts = [_restricted(scores[at], order[at], valid[at], weight[at], None if tied is None else tied[at]) for at in slices(scores) or [slice(0)]]
    values, slopes = parts[0] if len(parts) == 1 else (np.concatenate(of) for of in zip(*parts, strict=True))
    slope = slopes.astype(scores.dtype, copy=False)
    return Evaluation(values, non_empty(valid), {"predictions": lambda c: spread(c, slope) * slope})


def _restricted(scores: Array, order: Array, valid: Array, weight: Array, tied: Array | None) -> tuple[Array, Array]:
    """Return the sums (n,) and their slopes (n, m)."""
    sorted_places = places(scores, order)
    there = valid.take(sorted_places)
    s, w = (x.take(sorted_places).astype(np.float64, copy=False) for x in (scores, weight))
    s = np.where(there, s, LEAST)
    before, after = ties(s.shape) if tied is None else ties(s.shape, tied.take(sorted_places))
    top, total = (x.take(after) for x in exponential_sums(s[:, ::-1], there[:, ::-1]))
    ahead = top - s
    small = np.exp(-np.abs(ahead))
    leads = ahead > 0
    surprise = np.maximum(ahead, 0.0) + np.log1p(np.where(leads, total - 1.0, total * small) + leads * small)
    # the exponent and the sum with the item itself
    top, whole = np.maximum(top, s), np.where(leads, total + small, 1.0 + total * small)
    top, total = (x.take(before) for x in exponential_sums(-top, w / whole))
    slopes = total * np.exp(np.minimum(s + top, 0.0)) + w * np.expm1(-surprise)
    out = np.empty_like(slopes)
    out.put(sorted_places, np.where(there, slopes, 0.0))
    return np.vecdot(w, np.where(there, surprise, 0.0)), out


def ties(shape: tuple[int, ...], ordered: Array | None = None) -> tuple[Array, Array]:
    """Return the places of each item's sums, in exponential_sums in the order and in the reverse: of those before its run of equal numbers, or after it.

    Without numbers a run has one item.
    """
    n, m = shape
    at = np.arange(m)
    first, end = at, at + 1
    if ordered is not None:
        starts, ends = np.ones(shape, bool), np.ones(shape, bool)
        ends[:, :-1] = starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        first = np.maximum.accumulate(np.where(starts, at, 0), axis=1)
        end = np.minimum.accumulate(np.where(ends, at + 1, m)[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(0, n * (m + 1), m + 1)[:, None]
    return rows + first, rows + (m - end)


@loss(example=LISTS, work=Work("600 n m", "200 n m"))
def unique_softmax(predictions: Scores, labels: Grade, *, mask: ListMask | None = None, weight: ItemWeight | None = None) -> Evaluation:
    r"""Unique softmax loss: softmax cross entropy of each item among itself and the less relevant items, weighted by its gain.

    Use: Learning to rank search results and recommendations with graded relevance.
    Formula: \ell = -\sum_i (2^{y_i} - 1) \log \frac{e^{s_i}}{e^{s_i} + \sum_{y_j < y_i} e^{s_j}}
    Where: s `predictions`; y `labels`
    Divisor: the number of lists with items (rax)
    Synonyms: unique_softmax_loss, UniqueSoftmaxLoss
    Reference: Zhu and Klabjan, Listwise Learning to Rank by Exploring Unique Ratings, 2020, arXiv:2001.01828; rax.unique_softmax_loss
    """
    valid = items(mask, labels)
    gain = times_weight(times(valid, gains(labels)).astype(labels.dtype), weight)
    return restricted(predictions, order_of(labels, valid), valid, gain, np.where(valid, labels, -1.0))


@loss(example=LISTS, work=Work("600 n m", "200 n m"))
def listmle(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None) -> Evaluation:
    r"""ListMLE loss: negative log-likelihood of the order by relevance under a Plackett-Luce model of the scores.

    Items of equal relevance are ordered by position (rax without a key; TensorFlow Ranking and allRank shuffle them).

    Use: Learning to rank search results and recommendations, list by list.
    Formula: \ell = \sum_k \left( \log \sum_{l \ge k} e^{s_{(l)}} - s_{(k)} \right), \quad (k) \text{ in the order of falling } y
    Where: s `predictions`; y `labels`
    Divisor: the number of lists with items (rax)
    Synonyms: listmle_loss, ListMLELoss, plackett_luce
    Reference: Xia et al., Listwise Approach to Learning to Rank: Theory and Algorithm, 2008, ICML; rax.listmle_loss
    """
    valid = items(mask, labels)
    return restricted(predictions, order_of(labels, valid), valid, valid)


@loss(example=LISTS, work=Work("600 n m", "200 n m"))
def p_listmle(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None) -> Evaluation:
    r"""Position-aware ListMLE loss: listmle, in which each place has a weight that falls by half from one to the next.

    The weight of a list's last place is 0, as in the paper and in TensorFlow Ranking's create_p_list_mle_lambda_weight; a list of more than
    1024 items has weights out of range. Items of equal relevance are ordered by position.

    Use: Learning to rank search results and recommendations, where the first places matter most.
    Formula: \ell = \sum_k (2^{m - k} - 1) \left( \log \sum_{l \ge k} e^{s_{(l)}} - s_{(k)} \right), \quad (k) \text{ in the order of falling } y
    Where: s `predictions`; y `labels`; m the number of a list's items
    Divisor: the number of lists with items
    Synonyms: PListMLE, position_aware_listmle, create_p_list_mle_lambda_weight
    Reference: Lan et al., Position-Aware ListMLE: A Sequential Learning Process for Ranking, 2014, UAI, equation 5
    """
    valid = items(mask, labels)
    below = valid.sum(axis=1, keepdims=True) - ranks(labels, valid)
    return restricted(predictions, order_of(labels, valid), valid, np.where(valid, np.exp2(below) - 1.0, 0.0))


# ------------------------------------------------------------------ smooth metrics


def _loses(d: Array) -> Array:
    """Return sigmoid(-d)."""
    e = decay(d)
    return np.maximum(e, d <= 0) / (1.0 + e)


def _bell(d: Array) -> Array:
    """Return sigmoid(d) sigmoid(-d)."""
    e = decay(d)
    whole = 1.0 + e
    e /= whole
    e /= whole
    return e


def smooth_ranks(scores: Array, valid: Array, temperature: float) -> tuple[Array, Callable[[Array], Array]]:
    """Return 1 + sum over the other items of sigmoid((s_j - s_i) / temperature), and its pullback."""
    full, scaled = bool(valid.all()), scores if temperature == 1.0 else scores / scores.dtype.type(temperature)

    def steps(block: Block, function: Elementwise) -> Array:
        steps = function(differences(scaled, block))
        return without_itself(steps if full else times(both(valid, block), steps), block)

    smooth = np.empty_like(scores)
    for block in blocks(scores):
        smooth[block] = 1.0 + steps(block, _loses).astype(np.float64, copy=False) @ np.ones(scores.shape[1])

    def pullback(upstream: Array) -> Array:
        out = np.empty_like(scores)
        for block in blocks(scores):
            bell = steps(block, _bell)  # symmetric: the derivative of i's rank by s_j equals that of j's by s_i
            out[block] = np.vecdot(differences(upstream, block), bell.astype(np.float64, copy=False)) / -temperature
        return out

    return smooth, pullback


@loss(example=LISTS, work=Work("200 n m m", "64 n m"))
def approx_ndcg(
    predictions: Scores, labels: Grade, *, mask: ListMask | None = None, weight: ItemWeight | None = None, temperature: Positive = 1.0
) -> Evaluation:
    r"""Negative normalized discounted cumulative gain, with ranks approximated by sums of sigmoids.

    A list without gain has loss 0.

    Use: Learning to rank that is judged by nDCG, the normalized discounted cumulative gain.
    Formula: \ell = -\frac{\sum_i (2^{y_i} - 1) / \log_2(1 + \hat r_i)}{\max \mathrm{DCG}}, \quad \hat r_i = 1 + \sum_{j \ne i} \sigma((s_j - s_i) / T)
    Where: s `predictions`; y `labels`
    temperature: T; smaller values are closer to the metric (rax 1, TensorFlow Ranking 0.1).
    Divisor: the number of lists with items (rax)
    Synonyms: ApproxNDCGLoss, approx_ndcg_loss
    Reference: Qin, Liu and Li, A General Approximation Framework for Direct Optimization of Information Retrieval Measures, 2010; Bruch et al., 2019, SIGIR
    """
    valid = items(mask, labels)
    gain = relative(labels, valid, gains) if weight is None else weighted_relative(labels, valid, gains, weight)
    ideal = (gain * discounts(ranks(labels if weight is None else gain, valid))).sum(axis=1, dtype=np.float64)
    share = (gain / np.where(ideal > 0, ideal, 1.0)[:, None]).astype(predictions.dtype)
    smooth, pull_ranks = smooth_ranks(predictions, valid, temperature)

    def pullback(c: Array) -> Array:
        log_rank = np.log1p(smooth)
        return spread(c, share) * pull_ranks(share * smooth.dtype.type(np.log(2.0)) / ((1.0 + smooth) * log_rank * log_rank))

    return Evaluation(-per_sample_sum(share / np.log2(1.0 + smooth)), non_empty(valid), {"predictions": pullback})


@loss(example=LISTS, work=Work("200 n m m", "64 n m"))
def approx_mrr(predictions: Scores, labels: Relevance, *, mask: ListMask | None = None, temperature: Positive = 1.0) -> Evaluation:
    r"""Negative reciprocal rank of the first relevant item, with ranks approximated by sums of sigmoids.

    Items with a label of at least 1 are relevant. Of equal ranks, the first item by position has the gradient. A list without a relevant item has
    loss 0. TensorFlow Ranking instead averages the reciprocal ranks of all relevant items.

    Use: Learning to rank that is judged by the first hit, as in question answering.
    Formula: \ell = -\max_{y_i \ge 1} \frac{1}{\hat r_i}, \quad \hat r_i = 1 + \sum_{j \ne i} \sigma((s_j - s_i) / T)
    Where: s `predictions`; y `labels`
    temperature: T; smaller values are closer to the metric (rax 1, TensorFlow Ranking 0.1).
    Divisor: the number of lists with items (rax)
    Synonyms: ApproxMRRLoss, approx_mrr_loss
    Reference: Qin, Liu and Li, A General Approximation Framework for Direct Optimization of Information Retrieval Measures, 2010; rax.approx_t12n(rax.mrr_metric)
    """
    valid = items(mask, labels)
    smooth, pull_ranks = smooth_ranks(predictions, valid, temperature)
    candidates = np.where(valid & (labels >= 1), smooth, np.inf)
    nearest = np.argmin(candidates, axis=1)[:, None]
    best = np.take_along_axis(candidates, nearest, 1)

    def pullback(c: Array) -> Array:
        upstream = np.zeros_like(smooth)
        np.put_along_axis(upstream, nearest, 1.0 / (best * best), 1)
        return spread(c, upstream) * pull_ranks(upstream)

    return Evaluation(-per_sample_sum(1.0 / best), non_empty(valid), {"predictions": pullback})
