"""Losses over large vocabularies: of tokens, and of scores computed here from hidden states.

The class axis of token_cross_entropy is the last one, as in language models.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import reduce
from typing import Annotated

import numpy as np

from service.losses.classification.cross_entropy import cross_entropy
from service.losses.classification.variants import log_sum_exp_squared
from service.losses.declaration import UNIT, ClassWeight, Domain, IgnoreIndex, LabelSmoothing, NonNegative, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.elementary import divide_or_zero, spread
from service.losses.numerics.softmax import Softmax
from service.losses.registry import loss

TokenLogits = Annotated[Array, TensorSpec("n t c", gradient="default", description="raw scores of the vocabulary at each position")]
Tokens = Annotated[
    Array, TensorSpec("n t", kind="integer", below="c", besides="ignore_index", description="true token of each position, aligned with its scores")
]
TokenMask = Annotated[Array, TensorSpec("n t", kind="integer", domain=Domain(values=(0, 1)), description="1 for the positions to include")]
Hidden = Annotated[Array, TensorSpec("n f", gradient="default", description="hidden states, the input of the linear layer")]
LinearWeight = Annotated[
    Array, TensorSpec("c ... f", gradient="default", description="matrix of the linear layer, a row for each class (and position)")
]
LinearBias = Annotated[Array, TensorSpec("c ...", gradient="default", description="bias of the linear layer")]
RowLabels = Annotated[
    Array,
    TensorSpec("n ...", kind="integer", below="c", besides="ignore_index"),
    TensorSpec("n c ...", domain=UNIT, gradient="on request"),
]
AnyClass = Annotated[
    Array, TensorSpec("n", kind="integer", domain=Domain(low=0), description="index of the true class; classes are sorted by decreasing frequency")
]
HeadWeight = Annotated[
    Array, TensorSpec("h f", gradient="default", description="matrix of the head: a row for each frequent class, then one for each cluster")
]
HeadBias = Annotated[Array, TensorSpec("h", gradient="default", description="bias of the head")]
TailProjection = Annotated[
    Array, TensorSpec("k d f", gradient="default", description="each cluster's projection; zero rows pad those of fewer dimensions")
]
TailOutput = Annotated[
    Array, TensorSpec("m d", gradient="default", description="a row for each class of the clusters, in order; zeros pad as in tail_projection")
]
Cutoffs = Annotated[
    Array,
    TensorSpec(
        "k", kind="integer", domain=Domain(low=1), description="first class of each cluster, in increasing order, without the number of classes"
    ),
]


@loss(example={"predictions": [[[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]]], "labels": [[0, 2]]}, hessian_diagonal=True)
def token_cross_entropy(
    predictions: TokenLogits,
    labels: Tokens,
    *,
    mask: TokenMask | None = None,
    ignore_index: IgnoreIndex = -100,
    label_smoothing: LabelSmoothing = 0.0,
    z_loss: NonNegative = 0.0,
) -> Evaluation:
    r"""Cross entropy of language models, averaged over the included tokens; the perplexity is exp(value).

    Labels are aligned with their scores: for next-token prediction, shift them by one beforehand. A sample is a sequence, and
    per_sample is its mean over its own tokens.

    Use: Language modeling: next token prediction, masked language models, and translation.
    Formula: \ell = -\sum_k q_k \log p_k + \zeta \left( \log \sum_k e^{x_k} \right)^2, \quad p = \mathrm{softmax}(x)
    label_smoothing: share of the target spread evenly over all tokens of the vocabulary.
    z_loss: zeta, the coefficient of the squared log-sum-exp (PaLM: 1e-4).
    Divisor: the number of tokens included
    Synonyms: ForCausalLMLoss, causal_lm, sequence_cross_entropy, language_model
    Search: perplexity
    Reference: Bengio et al., A Neural Probabilistic Language Model, 2003, JMLR 3; Chowdhery et al., PaLM, 2022, arXiv:2204.02311
    """
    n, t, classes = predictions.shape
    flat = predictions.reshape(n * t, classes)
    kept = labels if mask is None else np.where(mask != 0, labels, ignore_index)
    entropy = cross_entropy.function(flat, kept.reshape(-1), ignore_index=ignore_index, label_smoothing=label_smoothing)
    terms = [(1.0, entropy)]
    if z_loss:
        terms.append((z_loss, log_sum_exp_squared(flat, (kept != ignore_index).reshape(-1).astype(flat.dtype))))
    parts = [term.numerator.reshape(n, t) for _, term in terms]
    each_token = np.add.reduce([share * term.numerator for share, term in terms]).reshape(n, t)

    def pulled(pullbacks: list[Pullback]) -> Pullback:
        def pullback(cotangent: Array) -> Array:
            each = np.broadcast_to(cotangent[:, None], (n, t)).reshape(-1) if cotangent.ndim == 1 else cotangent.reshape(-1)
            out = np.zeros_like(flat)
            for (share, _), pull in zip(terms, pullbacks, strict=True):
                out += pull(each * share)
            return out.reshape(predictions.shape)

        return pullback

    return Evaluation(
        each_token.sum(axis=1),
        entropy.weight.reshape(n, t).sum(axis=1),
        {"predictions": pulled([term.gradients["predictions"] for _, term in terms])},
        lambda: each_token.astype(predictions.dtype),
        {"predictions": pulled([term.hessian_diagonal["predictions"] for _, term in terms])},
        parts=dict(zip(("cross_entropy", "z_loss"), parts, strict=False)),
        shares=entropy.weight.reshape(n, t),
    )


# ------------------------------------------------------------------ scores made of hidden states


def linear_scores(hidden: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return the scores hidden (n, f) times weight (c, f), plus bias; if out of range, minus each row's largest, which leaves the softmax unchanged."""
    scores = hidden @ weight.T
    if bias is not None:
        scores += bias
    if not np.isfinite(np.add.reduce(scores, axis=None)):  # the sum may overflow where no score does
        over = ~np.isfinite(scores).all(axis=1)
        _, rise = np.frexp(np.abs(hidden[over]).max(axis=1, keepdims=True))
        _, slope = np.frexp(np.abs(weight).max())
        scaled = np.ldexp(hidden[over], -rise) @ np.ldexp(weight, -slope).T
        if bias is not None:
            scaled += np.ldexp(bias, -(rise + slope))
        scores[over] = np.ldexp(scaled - scaled.max(axis=1, keepdims=True), rise + slope)
    return scores


def to_states(slope: Array, weight: Array) -> Array:
    """Pull the slopes (n, c) by scores, whose rows sum to 0, back to hidden states: slope @ weight.

    A constant is subtracted from each column of the matrix first, so that it cancels exactly. The smallest entry costs no digits.
    """
    smallest = weight[np.argmin(np.abs(weight), axis=0), np.arange(weight.shape[1])]
    return slope @ (weight - smallest)


@loss(
    example={"predictions": [[1.0, 0.5], [0.2, -0.3]], "linear_weight": [[0.5, -1.0], [1.0, 0.3], [0.0, 0.4]], "labels": [0, 2]},
    hessian_diagonal=True,
    work=Work("1000 n c ... + 20 n c f ... + 30000 ...", "160 n c ... + 64 n f ..."),
)
def linear_cross_entropy(
    predictions: Hidden,
    linear_weight: LinearWeight,
    labels: RowLabels,
    *,
    linear_bias: LinearBias | None = None,
    weight: ClassWeight | None = None,
    ignore_index: IgnoreIndex = -100,
    label_smoothing: LabelSmoothing = 0.0,
) -> Evaluation:
    r"""Cross entropy of the scores of a linear layer, with gradients to hidden states, matrix and bias.

    The scores (n, c, ...) are held in memory. Further axes are torch's out_features: positions, each with its own matrix, applied to
    the same hidden state.

    Use: Language modeling with a large vocabulary, the last layer included.
    Formula: \ell_j = \mathrm{CE}(W_j h + b_j, y_j)
    labels: index of the true class (n, ...), or the probability of each class (n, c, ...).
    ignore_index: class index to ignore; not allowed with probabilities as labels.
    Divisor: as for cross_entropy
    Synonyms: LinearCrossEntropyLoss, fused_linear_cross_entropy, cut_cross_entropy
    Equivalents: torch.nn.LinearCrossEntropyLoss, torch.nn.functional.linear_cross_entropy
    Reference: Wijmans et al., Cut Your Losses in Large-Vocabulary Language Models, 2024, arXiv:2411.09009; torch.nn.LinearCrossEntropyLoss
    """
    if not len(linear_weight):
        raise InvalidTensor("linear_weight", "empty; expected a row for each class")
    classes, *rest, features = linear_weight.shape
    matrices = linear_weight.reshape(classes, math.prod(rest), features).transpose(1, 0, 2)  # of each position
    biases = [None] * len(matrices) if linear_bias is None else list(linear_bias.reshape(classes, len(matrices)).T)
    each = [linear_scores(predictions, matrix, bias) for matrix, bias in zip(matrices, biases, strict=True)]
    scores = _joined(each, rest)
    entropy = cross_entropy.function(scores, labels, weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing)
    slope = _once(entropy.gradients["predictions"])

    def by_position(of_scores: Array) -> list[Array]:
        return list(of_scores.reshape(len(predictions), classes, len(matrices)).transpose(2, 0, 1))

    def to_hidden(c: Array) -> Array:
        return reduce(np.add, (to_states(one, matrix) for one, matrix in zip(by_position(slope(c)), matrices, strict=True)))

    def to_weight(of_scores: Array, states: Array) -> Array:
        return _stacked([one.T @ states for one in by_position(of_scores)], 1).reshape(linear_weight.shape)

    gradients: dict[str, Pullback] = {
        **entropy.gradients,
        "predictions": to_hidden,
        "linear_weight": lambda c: to_weight(slope(c), predictions),
    }
    if linear_bias is not None:
        gradients["linear_bias"] = lambda c: slope(c).sum(axis=0)
    curvature = entropy.hessian_diagonal["predictions"]

    def bent_hidden(c: Array) -> Array:
        terms = zip(each, by_position(curvature(c)), matrices, strict=True)
        return sum((_spread_of_rows(Softmax(one), bend, matrix) for one, bend, matrix in terms), np.zeros_like(predictions))

    second: dict[str, Pullback] = {
        "predictions": bent_hidden,
        "linear_weight": lambda c: to_weight(curvature(c), predictions * predictions),
    }
    if linear_bias is not None:
        second["linear_bias"] = lambda c: curvature(c).sum(axis=0)
    return replace(entropy, gradients=gradients, hessian_diagonal=second)


def _once(pullback: Pullback) -> Pullback:
    """Keep the last result, since the hidden states, the matrix and the bias have one cotangent."""
    last: list[Array] = []

    def pulled(c: Array) -> Array:
        if not last or last[0] is not c:
            last[:] = c, pullback(c)
        return last[1]

    return pulled


def _joined(each: list[Array], rest: list[int]) -> Array:
    """Stack the scores (n, c) of each position to (n, c, ...)."""
    return each[0] if not rest else _stacked(each, 2).reshape(*each[0].shape, *rest)


def _stacked(arrays: list[Array], axis: int) -> Array:
    """Stack like np.stack, which holds the interpreter's lock for 100 ms over 30,000 arrays: `python -m tests.losses.sweep linear_cross_entropy`."""
    shape = arrays[0].shape
    stacked = np.empty((*shape[:axis], len(arrays), *shape[axis:]), arrays[0].dtype)
    for place, array in zip(np.moveaxis(stacked, axis, 0), arrays, strict=True):
        place[...] = array
    return stacked


def _spread_of_rows(softmax: Softmax, curvature: Array, weight: Array) -> Array:
    """Pull the scores' second derivatives s p (1 - p) back to hidden states: s times the variance of the matrix's rows under p."""
    q = softmax.complements
    shares = divide_or_zero(curvature, q)
    mean = softmax.probabilities() @ weight
    return np.stack([share @ np.square(weight - middle) for share, middle in zip(shares, mean, strict=True)]) if len(q) else np.zeros_like(mean)


@loss(
    example={
        "predictions": [[1.0, 0.5], [0.2, -0.3], [0.4, 0.1]],
        "labels": [0, 2, 4],
        "head_weight": [[0.5, -1.0], [1.0, 0.3], [0.0, 0.4], [0.2, 0.2]],
        "tail_projection": [[[0.3, -0.2]], [[0.6, 0.5]]],
        "tail_output": [[1.0], [-0.5], [0.8]],
        "cutoffs": [2, 4],
    },
    hessian_diagonal=True,
    work=Work("200000 k + 1000 n h + 1000 n m + 20 n h f + 20 n m d + 20 n d f", "120 n h + 120 n m + 64 n d"),
)
def adaptive_log_softmax(
    predictions: Hidden,
    labels: AnyClass,
    head_weight: HeadWeight,
    tail_projection: TailProjection,
    tail_output: TailOutput,
    cutoffs: Cutoffs,
    *,
    head_bias: HeadBias | None = None,
) -> Evaluation:
    r"""Adaptive softmax: cross entropy over many classes, first of a frequent class or a cluster of rare ones, then of the class within the cluster.

    Each class before the first cutoff has a row of head_weight, and so has each of the k clusters after them. Cluster i has the classes from
    cutoffs[i] to cutoffs[i + 1] (the last one: to the end). Its matrix is tail_projection[i], and its classes' rows are consecutive
    in tail_output. torch gives rarer clusters fewer dimensions (div_value): pad with zeros to the widest cluster. Padding changes
    neither the value nor the other gradients, and its own gradients are 0, so it stays 0 in training.

    Use: Language modeling with a large vocabulary of frequent and rare words.
    Formula: \ell = -\log \mathrm{softmax}(W_h h + b)_{c(y)} - \log \mathrm{softmax}(O_{c(y)} P_{c(y)} h)_y
    Divisor: the number of samples
    Synonyms: AdaptiveLogSoftmaxWithLoss, adaptive_softmax, hierarchical_softmax
    Equivalents: torch.nn.AdaptiveLogSoftmaxWithLoss
    Reference: Grave et al., Efficient softmax approximation for GPUs, 2017, arXiv:1609.04309
    """
    edges = _edges(cutoffs, len(head_weight), len(tail_output))
    beyond = labels >= edges[-1]
    if beyond.any():
        at = int(np.argmax(beyond))
        raise InvalidTensor("labels", f"is {labels[at]}; class indices lie in [0, {edges[-1]})", (at,))
    cluster = np.searchsorted(edges, labels, side="right") - 1  # -1: a frequent class
    head = Softmax(linear_scores(predictions, head_weight, head_bias))
    choice = np.where(cluster < 0, labels, edges[0] + cluster)
    values = head.negative_log_at(choice).astype(np.float64)
    tails = []
    for i in np.unique(cluster[cluster >= 0]):
        rows, span = np.nonzero(cluster == i)[0], slice(edges[i] - edges[0], edges[i + 1] - edges[0])
        projected = predictions[rows] @ tail_projection[i].T
        tail = Softmax(linear_scores(projected, tail_output[span]))
        own = labels[rows] - edges[i]
        values[rows] += tail.negative_log_at(own)
        tails.append((int(i), rows, span, projected, tail, own))

    def of_head(cotangent: Array) -> Array:
        return _off_label(head, choice) * spread(cotangent, head.logits)

    def to_projected(cotangent: Array, rows: Array, span: slice, tail: Softmax, own: Array) -> tuple[Array, Array]:
        slope = _off_label(tail, own) * spread(cotangent[rows], tail.logits)
        return slope, to_states(slope, tail_output[span])

    def to_hidden(cotangent: Array) -> Array:
        out = to_states(of_head(cotangent), head_weight)
        for i, rows, span, _, tail, own in tails:
            out[rows] += to_projected(cotangent, rows, span, tail, own)[1] @ tail_projection[i]
        return out

    def to_projection(cotangent: Array) -> Array:
        out = np.zeros_like(tail_projection)
        for i, rows, span, _, tail, own in tails:
            out[i] = to_projected(cotangent, rows, span, tail, own)[1].T @ predictions[rows]
        return out

    def to_output(cotangent: Array) -> Array:
        out = np.zeros_like(tail_output)
        for _, rows, span, projected, tail, own in tails:
            out[span] = to_projected(cotangent, rows, span, tail, own)[0].T @ projected
        return out

    gradients: dict[str, Pullback] = {
        "predictions": to_hidden,
        "head_weight": lambda c: of_head(c).T @ predictions,
        "tail_projection": to_projection,
        "tail_output": to_output,
    }
    if head_bias is not None:
        gradients["head_bias"] = lambda c: of_head(c).sum(axis=0)

    # second derivatives: of scores p (1 - p), of the inputs the variance of their factors under p
    def curvature(softmax: Softmax, cotangent: Array) -> Array:
        return softmax.probabilities() * softmax.complements * spread(cotangent, softmax.logits)

    def bent_hidden(cotangent: Array) -> Array:
        out = _spread_of_rows(head, curvature(head, cotangent), head_weight)
        for i, rows, span, _, tail, _ in tails:
            out[rows] += _spread_of_rows(tail, curvature(tail, cotangent[rows]), tail_output[span] @ tail_projection[i])
        return out

    def bent_projection(cotangent: Array) -> Array:
        out = np.zeros_like(tail_projection)
        for i, rows, span, _, tail, _ in tails:
            out[i] = _spread_of_rows(tail, curvature(tail, cotangent[rows]), tail_output[span]).T @ np.square(predictions[rows])
        return out

    def bent_output(cotangent: Array) -> Array:
        out = np.zeros_like(tail_output)
        for _, rows, span, projected, tail, _ in tails:
            out[span] = curvature(tail, cotangent[rows]).T @ np.square(projected)
        return out

    second: dict[str, Pullback] = {
        "predictions": bent_hidden,
        "head_weight": lambda c: curvature(head, c).T @ np.square(predictions),
        "tail_projection": bent_projection,
        "tail_output": bent_output,
    }
    if head_bias is not None:
        second["head_bias"] = lambda c: curvature(head, c).sum(axis=0)
    return Evaluation(values, np.ones(len(values)), gradients, lambda: values.astype(predictions.dtype), second)


def _edges(cutoffs: Array, head: int, tail: int) -> Array:
    """Return the cutoffs and the number of classes, checked as in torch."""
    if not len(cutoffs):
        raise InvalidTensor("cutoffs", "empty; expected at least one")
    edges = np.append(cutoffs, cutoffs[0] + tail)
    if (np.diff(edges) <= 0).any():
        at = int(np.argmax(np.diff(edges) <= 0))
        limit = "than the cutoff after it" if at + 1 < len(cutoffs) else f"than the number of classes, {edges[-1]}"
        raise InvalidTensor("cutoffs", f"out of order; expected a smaller number {limit}, got {cutoffs[at]}", (at,))
    if head != cutoffs[0] + len(cutoffs):
        raise InvalidTensor(
            "head_weight",
            f"wrong shape; expected {cutoffs[0]} rows for the classes before the first cutoff and {len(cutoffs)} for the clusters, got {head}",
        )
    return edges


def _off_label(softmax: Softmax, labels: Array) -> Array:
    """Return d(-log p of the label) / d scores, for rows of scores."""
    slope = softmax.probabilities()
    np.put_along_axis(slope, labels[:, None], -softmax.complement_at(labels)[:, None], 1)
    return slope
