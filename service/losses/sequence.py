"""Alignments of sequences, and chains of tags: sums over exponentially many paths, in log space with a true -infinity.

One shape throughout: a recursion over the steps, each step vectorised over the batch and over the places of a step, keeps the log of the
summed paths to every place. Its derivative is the way back: the probability of a place is shared out among the places before it, by
softmax. All of that is sums and products of what is positive, so that small probabilities keep their digits; and each step's logs are
kept relative to the largest, so that long sequences and large scores do not swallow the differences.
"""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.alignments import Alignments
from service.losses.classification import softmax_pull
from service.losses.core import Evaluation, Pullback, loss
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.numerics import Softmax, spread, sum_of_others
from service.losses.tensors import Array, Domain, Tensor
from service.losses.twofold import two_sum

FrameScores = Annotated[Array, Tensor("t n c", gradient="default", description="log-probabilities of the symbols at each frame")]
Symbols = Annotated[
    Array, Tensor("n s", kind="integer", below="c", besides="-1", description="true symbols without blanks; what is beyond the length is padding")
]
FrameCounts = Annotated[Array, Tensor("n", kind="integer", domain=Domain(low=0), upto="t", description="how many frames of each sample count")]
SymbolCounts = Annotated[Array, Tensor("n", kind="integer", domain=Domain(low=0), upto="s", description="how many symbols of each sample count")]
Lattice = Annotated[
    Array, Tensor("n t p c", gradient="default", description="scores of the symbols at each frame after each number of symbols (p is s + 1)")
]
LatticeFrames = Annotated[Array, Tensor("n", kind="integer", domain=Domain(low=1), upto="t", description="how many frames of each sample count")]
Emissions = Annotated[Array, Tensor("n t k", gradient="default", description="score of each tag at each step")]
Tags = Annotated[Array, Tensor("n t", kind="integer", below="k", description="true tag of each step")]
Transitions = Annotated[Array, Tensor("k k", gradient="default", description="score of going from a tag (row) to a tag (column)")]
Edge = Annotated[Array, Tensor("k", gradient="default", description="score of beginning, or ending, with each tag")]
StepCounts = Annotated[Array, Tensor("n", kind="integer", domain=Domain(low=1), upto="t", description="how many steps of each sample count")]


def log_sum(first: Array, *others: Array) -> Array:
    """The log of the sum of e^term, -infinity where all are; what is small beside the largest keeps its digits."""
    top, below = first, []
    for term in others:
        below.append(np.minimum(top, term))
        top = np.maximum(top, term)
    safe = finite_top(top)
    rest = np.exp(below[0] - safe)
    for term in below[1:]:
        rest += np.exp(term - safe)
    return top + np.log1p(rest, out=rest)


def shares(*terms: Array) -> Array:
    """The softmax of the terms, stacked; 0 where all are -infinity."""
    stacked = np.stack(terms)
    stacked -= finite_top(stacked.max(axis=0))
    np.exp(stacked, out=stacked)
    total = stacked.sum(axis=0)
    stacked /= np.where(total == 0, 1.0, total).astype(total.dtype, copy=False)
    return stacked


def settled(x: Array) -> tuple[Array, Array]:
    """Rows x (n, places) less each row's largest, and those (n,)."""
    top = finite_top(x.max(axis=1))
    return x - top[:, None], top


def finite_top(top: Array) -> Array:
    """A largest entry, with 0 for -infinity: what can be taken off."""
    return np.where(top == -np.inf, top.dtype.type(0), top)


def shifted(x: Array, by: int, fill: float) -> Array:
    """X moved right along the last axis."""
    out = np.full_like(x, fill)
    out[..., by:] = x[..., : x.shape[-1] - by] if by < x.shape[-1] else out[..., by:]
    return out


def shifted_back(x: Array, by: int) -> Array:
    """X moved left along the last axis, zeros after it."""
    out = np.zeros_like(x)
    if by < x.shape[-1]:
        out[..., :-by] = x[..., by:]
    return out


# ------------------------------------------------------------------ CTC


def _checked_symbols(labels: Array, target_lengths: Array, blank: int) -> Array:
    """The symbols, with blanks for the padding; InvalidTensor where one within the length is no symbol."""
    within = np.arange(labels.shape[1]) < target_lengths[:, None]
    bad = within & ((labels < 0) | (labels == blank))
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InvalidTensor("labels", f"is {labels[at]}; expected a symbol, neither padding nor the blank {blank}, within the length", at)
    return np.where(within, labels, blank)


@loss(
    example={
        "predictions": [[[-0.5, -1.5, -1.8]], [[-1.2, -0.9, -1.2]], [[-0.4, -1.6, -2.1]]],
        "labels": [[1, 2]],
        "input_lengths": [3],
        "target_lengths": [2],
    },
    pairs="0.1 t n s",
)
def ctc(
    predictions: FrameScores,
    labels: Symbols,
    input_lengths: FrameCounts,
    target_lengths: SymbolCounts,
    *,
    blank: Annotated[int, annotated_types.Ge(0)] = 0,
    zero_infinity: bool = False,
) -> Evaluation:
    r"""Connectionist temporal classification: minus the log of the summed probability of all alignments of the symbols to the frames.

    The gradient is the true derivative by the log-probabilities, minus the probability of each symbol at each frame. torch returns
    that plus exp(predictions), which is the derivative by the scores under a log-softmax; behind a log-softmax both give the same. An infeasible
    target (more symbols and needed blanks than frames) is infinite, which is an error unless zero_infinity.

    Formula: \ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t)
    blank: index of the blank.
    zero_infinity: take 0 for infeasible targets, with no gradient.
    Divisor: each sample is divided by its target length (at least 1), then the mean is over the samples (torch's rule)
    Synonyms: CTCLoss, ctc_loss, connectionist_temporal_classification
    Reference: Graves et al., Connectionist Temporal Classification, 2006, ICML, equations 6 to 8
    """
    n, classes = predictions.shape[1:]
    if blank >= classes:
        raise InvalidOption("blank", f"is {blank}; class indices lie in [0, {classes})")
    symbols = _checked_symbols(labels, target_lengths, blank)
    path = np.full((2 * symbols.shape[1] + 1, n), blank)  # blanks between, before and after the symbols
    path[1::2] = symbols.T
    skips = np.zeros(path.shape, bool)
    skips[2:] = (path[2:] != blank) & (path[2:] != path[:-2])
    alignments = Alignments(predictions, path, skips, 2 * target_lengths, input_lengths)
    last, total = alignments.last()
    ends, rows = np.stack((2 * target_lengths, np.maximum(2 * target_lengths - 1, 0))), np.arange(n)
    final = last[ends, rows]
    final[1, target_lengths == 0] = -np.inf
    numerator = -(log_sum(*final) + total)
    feasible = numerator < np.inf if zero_infinity else np.ones(n, bool)
    numerator = np.where(feasible, numerator, 0.0)

    def pullback(cotangent: Array) -> Array:
        start, (end, before) = np.zeros(path.shape, predictions.dtype), shares(*final)
        start[ends[0], rows] = end
        start[ends[1], rows] += before
        return alignments.pull(start, np.where(feasible, -cotangent, 0.0))

    weight = np.maximum(target_lengths, 1).astype(np.float64)
    return Evaluation(numerator, weight, {"predictions": pullback}, lambda: numerator.astype(predictions.dtype), mean_of="samples")


# ------------------------------------------------------------------ lattices, by their diagonals


def diagonals(x: Array, fill: float) -> Array:
    """(n, t, u) as (t + u - 1, n, u): row d holds x[:, d - u, u], and `fill` where there is none."""
    t, u = x.shape[1:]
    rows = np.arange(t + u - 1)[:, None] - np.arange(u)
    taken = x[:, np.clip(rows, 0, t - 1), np.arange(u)]
    return np.where((rows >= 0) & (rows < t), taken, fill).astype(x.dtype, copy=False).transpose(1, 0, 2)


def from_diagonals(x: Array, t: int) -> Array:
    """Back to (n, t, u)."""
    u = x.shape[2]
    return x[np.arange(t)[:, None] + np.arange(u), :, np.arange(u)].transpose(2, 0, 1)


@loss(
    example={
        "predictions": [[[[0.5, 0.1, -0.3], [0.2, 0.4, 0.0]], [[0.1, 0.3, 0.7], [0.9, -0.2, 0.1]]]],
        "labels": [[1]],
        "input_lengths": [2],
        "target_lengths": [1],
        "blank": 0,
    }
)
def rnnt(
    predictions: Lattice,
    labels: Symbols,
    input_lengths: LatticeFrames,
    target_lengths: SymbolCounts,
    *,
    blank: Annotated[int, annotated_types.Ge(-1)] = -1,
    predictions_are: Literal["logits", "log_probabilities"] = "logits",
) -> Evaluation:
    r"""Transducer loss: minus the log of the summed probability of all monotone paths through the lattice of frames and symbols.

    A blank goes to the next frame, a symbol stays in it; every path ends with a blank at the last frame.

    Formula: \ell = -\log \sum_{\text{paths}} \prod p(\text{blank or } y_{u+1} \mid t, u)
    blank: index of the blank; -1 is the last class, as in torchaudio.
    predictions_are: logits (a softmax is taken, torchaudio's fused_log_softmax), or its logarithm.
    Divisor: the number of samples
    Synonyms: RNNTLoss, rnnt_loss, transducer
    Reference: Graves, Sequence Transduction with Recurrent Neural Networks, 2012, arXiv:1211.3711, equations 16 to 20
    """
    n, frames, places, classes = predictions.shape
    if places != labels.shape[1] + 1:
        raise InvalidTensor("predictions", f"has {places} places on its third axis; expected {labels.shape[1] + 1}, one more than labels has symbols")
    if blank >= classes:
        raise InvalidOption("blank", f"is {blank}; class indices lie in [-1, {classes})")
    mark = blank % classes
    symbols = _checked_symbols(labels, target_lengths, mark)
    softmax = Softmax(predictions.reshape(-1, classes))

    def log_p(index: Array) -> Array:
        """Log-probabilities (n, t, p) of one symbol at each place."""
        picked = np.take_along_axis(predictions, index, 3)[..., 0]
        if predictions_are == "log_probabilities":
            return picked
        shape = picked.shape
        return -((softmax.largest.reshape(shape) - picked) + np.log1p(softmax.rest).reshape(shape))

    following = np.concatenate((symbols, np.full((n, 1), mark)), axis=1)  # the symbol after each place
    index = np.broadcast_to(following[:, None, :, None], (n, frames, places, 1))
    steps, place = np.arange(frames)[:, None], np.arange(places)
    inside = (steps < input_lengths[:, None, None]) & (place <= target_lengths[:, None, None])
    goes_on = inside & (place < target_lengths[:, None, None])
    at_end = (steps == input_lengths[:, None, None] - 1) & (place == target_lengths[:, None, None])
    moves_on = inside & (steps < input_lengths[:, None, None] - 1)
    blank_p = log_p(np.full_like(index, mark))
    blanks = np.where(moves_on, blank_p, -np.inf).astype(blank_p.dtype, copy=False)
    emits = np.where(goes_on, log_p(index), -np.inf).astype(blank_p.dtype, copy=False)
    across, along = diagonals(blanks, -np.inf), diagonals(emits, -np.inf)
    largest = finite_top(np.maximum(across.max(axis=2), along.max(axis=2)))  # of the steps from each diagonal
    across -= largest[..., None]
    along -= largest[..., None]
    totals = np.zeros(across.shape[:2])
    forward = np.full(across.shape, -np.inf, blank_p.dtype)
    forward[0, :, 0] = 0.0

    def sources(d: int) -> tuple[Array, Array]:
        """What comes to the places of diagonal d by a blank and by a symbol."""
        return forward[d - 1] + across[d - 1], shifted(forward[d - 1] + along[d - 1], 1, -np.inf)

    for d in range(1, len(forward)):
        forward[d], top = settled(log_sum(*sources(d)))
        totals[d] = (totals[d - 1] + largest[d - 1]) + top
    rows = np.arange(n)
    last = input_lengths + target_lengths - 1
    numerator = -((totals[last, rows] + forward[last, rows, target_lengths]) + blank_p[rows, input_lengths - 1, target_lengths])

    def occupancy() -> tuple[Array, Array]:
        """How probable each blank and each symbol of the lattice is."""
        by_blank, by_symbol = np.zeros_like(across), np.zeros_like(along)
        end = diagonals(at_end.astype(blank_p.dtype), 0.0)
        weight = end[-1]
        for d in reversed(range(1, len(forward))):
            from_blank, from_symbol = shares(*sources(d)) * weight
            by_blank[d - 1], by_symbol[d - 1] = from_blank, shifted_back(from_symbol, 1)
            weight = by_blank[d - 1] + by_symbol[d - 1] + end[d - 1]
        return from_diagonals(by_blank, frames) + at_end, from_diagonals(by_symbol, frames)

    def pullback(cotangent: Array) -> Array:
        by_blank, by_symbol = occupancy()
        used = np.zeros_like(predictions)
        np.put_along_axis(used, index, by_symbol[..., None].astype(used.dtype, copy=False), 3)
        used[..., mark] = by_blank
        if predictions_are == "log_probabilities":
            return -used * spread(cotangent, used)
        each = np.repeat(cotangent, frames * places)
        return softmax_pull(softmax, used.reshape(-1, classes), each).reshape(predictions.shape)

    return Evaluation(numerator, np.ones(n), {"predictions": pullback}, lambda: numerator.astype(predictions.dtype))


# ------------------------------------------------------------------ chains of tags


@loss(
    example={
        "predictions": [[[1.0, 0.2], [0.1, 0.6], [0.4, 0.3]]],
        "labels": [[0, 1, 1]],
        "transitions": [[0.5, -0.2], [0.1, 0.3]],
    }
)
def crf_nll(
    predictions: Emissions,
    labels: Tags,
    transitions: Transitions,
    *,
    start_transitions: Edge | None = None,
    end_transitions: Edge | None = None,
    lengths: StepCounts | None = None,
) -> Evaluation:
    r"""Minus the log-probability of the true tags in a linear-chain conditional random field.

    Computed as the sum over the steps of the surprise at a tag given the one after it, so that a nearly certain path keeps the digits of its small
    loss. pytorch-crf has start and end scores, TensorFlow has not; pytorch-crf's mask is `lengths` here.

    Formula: \ell = \log \sum_{y'} e^{s(y')} - s(y), \quad s(y) = a_{y_1} + \sum_t e_{t y_t} + \sum_{t > 1} T_{y_{t-1} y_t} + b_{y_L}
    Divisor: the number of samples
    Synonyms: CRF, crf_log_likelihood, linear_chain_crf, conditional_random_field
    Reference: Lafferty, McCallum and Pereira, Conditional Random Fields, 2001, ICML
    """
    n, steps, tags = predictions.shape
    rows = np.arange(n)
    count = np.full(n, steps) if lengths is None else lengths
    into = transitions.max(axis=0)  # the best score into each tag
    relative = transitions - into
    forward = np.empty((steps, n, tags), predictions.dtype)

    def before(t: int) -> Softmax:
        """The tag before (axis 1) given the tag at t (axis 2)."""
        return Softmax(forward[t - 1][:, :, None] + relative)

    last = np.empty((n, tags), predictions.dtype)
    numerator = np.zeros(n)
    for t in range(steps):
        if t == 0:
            here = _settled_sum(predictions[:, t], start_transitions)
        else:
            step = before(t)
            here = _settled_sum(predictions[:, t], into) + (step.largest + np.log1p(step.rest))[:, 0]
            surprise = Softmax(step.logits[rows, :, labels[:, t]]).negative_log_at(labels[:, t - 1])
            numerator += np.where(t < count, surprise, 0.0)
        forward[t] = settled(here)[0]
        last = np.where((count == t + 1)[:, None], forward[t], last)
    final = Softmax(_settled_sum(last, end_transitions))
    numerator += final.negative_log_at(labels[rows, count - 1])

    def marginals(cotangent: Array) -> tuple[Array, Array]:
        """The gradients by the tags (steps, n, k) and by the transitions (k, k): probabilities less the true ones."""
        pairs = np.zeros((tags, tags))
        tag = np.zeros_like(forward)
        at_end = final.probabilities()
        for t in reversed(range(steps)):
            tag[t] = np.where((count == t + 1)[:, None], at_end, tag[t])
            if t:
                joint = before(t).probabilities() * tag[t][:, None, :]
                tag[t - 1] = joint.sum(axis=2)
                here = (labels[:, t - 1] * tags + labels[:, t])[:, None]
                pairs += (_less_one(joint.reshape(n, -1), here) * (cotangent * (t < count))[:, None]).sum(axis=0).reshape(tags, tags)
        valid = np.arange(steps)[:, None] < count
        slopes = [_less_one(tag[t], labels[:, t, None]) * (spread(cotangent, tag[t]) * valid[t][:, None]) for t in range(steps)]
        return np.stack(slopes), pairs

    def to_end(cotangent: Array) -> Array:
        return (_less_one(final.probabilities(), labels[rows, count - 1][:, None]) * cotangent[:, None]).sum(axis=0)

    gradients: dict[str, Pullback] = {
        "predictions": lambda c: marginals(c)[0].transpose(1, 0, 2),
        "transitions": lambda c: marginals(c)[1].astype(transitions.dtype),
    }
    if start_transitions is not None:
        gradients["start_transitions"] = lambda c: marginals(c)[0][0].sum(axis=0)
    if end_transitions is not None:
        gradients["end_transitions"] = to_end
    return Evaluation(numerator, np.ones(n), gradients, lambda: numerator.astype(predictions.dtype))


def _settled_sum(scores: Array, edge: Array | None) -> Array:
    """Scores (n, k) + edge (k), less the largest of each row, with the digits of both where they are of opposite signs or far apart."""
    if edge is None:
        return settled(scores)[0]
    high, low = two_sum(scores, edge)
    low = np.where(np.isfinite(low), low, 0.0).astype(high.dtype, copy=False)
    top = np.argmax(high, axis=1)[:, None]
    return (high - np.take_along_axis(high, top, 1)) + (low - np.take_along_axis(low, top, 1))


def _less_one(probabilities: Array, true: Array) -> Array:
    """Probabilities (n, k), less 1 at the true one: there it is minus the sum of the others."""
    out = probabilities.copy()
    np.put_along_axis(out, true, -np.take_along_axis(sum_of_others(probabilities), true, 1), 1)
    return out
