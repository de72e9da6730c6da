"""RNN transducers."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Domain, NonNegative, TensorSpec, Work
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation, in_float64
from service.losses.numerics import Array
from service.losses.numerics.double_double import two_sum
from service.losses.numerics.elementary import blocks, spread
from service.losses.numerics.softmax import Softmax, softmax_pull
from service.losses.registry import loss
from service.losses.sequence._lattice import Arc, Occupancy, Paths
from service.losses.sequence._shared import (
    MeanOver,
    SymbolCounts,
    Symbols,
    averaged,
    checked_symbols,
    diagonals,
    finite_top,
    from_diagonals,
    log_sum,
    settled,
    shares,
    shifted,
    shifted_back,
)

Lattice = Annotated[
    Array, TensorSpec("n t p c", gradient="default", description="scores of the symbols at each frame after each number of symbols (p is s + 1)")
]
LatticeFrames = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(low=1), upto="t", description="number of frames of each sample")]
DurationScores = Annotated[
    Array, TensorSpec("n t p k", gradient="default", description="scores of the durations at each frame after each number of symbols")
]
Durations = Annotated[
    Array,
    TensorSpec("k", kind="integer", domain=Domain(low=0), description="frames by which a step of each duration advances, such as 0, 1, 2, 3, 4"),
]


@loss(
    example={
        "predictions": [[[[0.5, 0.1, -0.3], [0.2, 0.4, 0.0]], [[0.1, 0.3, 0.7], [0.9, -0.2, 0.1]]]],
        "labels": [[1]],
        "input_lengths": [2],
        "target_lengths": [1],
        "blank": 0,
    },
    work=Work("300000 t + 300000 s + 500 n t s + 500 n s s", "80 n t s + 80 n s s"),
)
def rnnt(
    predictions: Lattice,
    labels: Symbols,
    input_lengths: LatticeFrames,
    target_lengths: SymbolCounts,
    *,
    blank: Annotated[int, annotated_types.Ge(-1)] = -1,
    predictions_are: Literal["logits", "log_probabilities"] = "logits",
    mean_over: MeanOver = "samples",
) -> Evaluation:
    r"""RNN transducer loss: negative log of the total probability of all monotone paths through the lattice of frames and symbols.

    A blank advances to the next frame, a symbol stays in the frame. Every path ends with a blank at the last frame.

    The scores themselves are n t p c numbers, which is what bounds the lengths: 6,000 frames, 100 symbols and 10 classes are 48 MB and take 92 MB more.

    Use: Streaming speech recognition.
    Formula: \ell = -\log \sum_{\text{paths}} \prod p(\text{blank or } y_{u+1} \mid t, u)
    blank: index of the blank; -1 is the last class, as in torchaudio.
    predictions_are: logits (a softmax is applied, torchaudio's fused_log_softmax), or log-probabilities.
    Divisor: the number of samples, or of symbols with mean_over
    Synonyms: RNNTLoss, rnnt_loss, transducer
    Reference: Graves, Sequence Transduction with Recurrent Neural Networks, 2012, arXiv:1211.3711, equations 16 to 20
    """
    n, frames, places, classes = predictions.shape
    mark, symbols = _checked(predictions, labels, target_lengths, blank)
    scores, normalized = predictions.reshape(-1, classes), predictions_are == "log_probabilities"
    largest, rest = (np.zeros(predictions.shape[:3], predictions.dtype) for _ in range(2))
    for some in () if normalized else blocks(scores):
        softmax = Softmax(scores[some])
        largest.reshape(-1)[some], rest.reshape(-1)[some] = softmax.largest[:, 0], softmax.rest[:, 0]

    def log_p(index: Array) -> Array:
        """Return the log-probabilities (n, t, p) of one symbol at each place."""
        picked = np.take_along_axis(predictions, index, 3)[..., 0]
        return picked if normalized else -((largest - picked) + np.log1p(rest))

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
        """Return the log-sums of the paths into diagonal d by a blank and by a symbol."""
        return forward[d - 1] + across[d - 1], shifted(forward[d - 1] + along[d - 1], 1, -np.inf)

    for d in range(1, len(forward)):
        forward[d], top = settled(log_sum(*sources(d)))
        totals[d] = (totals[d - 1] + largest[d - 1]) + top
    rows = np.arange(n)
    last = input_lengths + target_lengths - 1
    numerator = -((totals[last, rows] + forward[last, rows, target_lengths]) + blank_p[rows, input_lengths - 1, target_lengths])

    def occupancy() -> tuple[Array, Array]:
        """Return the probability of each blank and each symbol of the lattice."""
        by_blank, by_symbol = np.zeros_like(across), np.zeros_like(along)
        end = diagonals(at_end.astype(blank_p.dtype), 0.0)
        weight = end[-1]
        for d in reversed(range(1, len(forward))):
            from_blank, from_symbol = shares(*sources(d)) * weight
            by_blank[d - 1], by_symbol[d - 1] = from_blank, shifted_back(from_symbol, 1)
            weight = by_blank[d - 1] + by_symbol[d - 1] + end[d - 1]
        return from_diagonals(by_blank, frames) + at_end, from_diagonals(by_symbol, frames)

    def pullback(cotangent: Array) -> Array:
        by_blank, by_symbol = (part.astype(scores.dtype, copy=False).reshape(-1) for part in occupancy())
        emitted, each, out = index.reshape(-1, 1), np.repeat(cotangent, frames * places), np.empty_like(scores)
        for some in blocks(scores):
            used = np.zeros_like(scores[some])
            np.put_along_axis(used, emitted[some], by_symbol[some, None], 1)
            used[:, mark] = by_blank[some]
            out[some] = -used * spread(each[some], used) if normalized else softmax_pull(Softmax(scores[some]), used, each[some])
        return out.reshape(predictions.shape)

    return averaged(numerator, {"predictions": pullback}, numerator.astype(predictions.dtype), mean_over, target_lengths)


def _checked(predictions: Array, labels: Array, target_lengths: Array, blank: int) -> tuple[int, Array]:
    """Return the index of the blank, and the symbols with blanks for the padding."""
    places, classes = predictions.shape[2:4]
    if places != labels.shape[1] + 1:
        raise InvalidTensor(
            "predictions", f"wrong shape; expected {labels.shape[1] + 1} places on the third axis, one more than labels has symbols, got {places}"
        )
    if blank >= classes:
        raise InvalidOption("blank", f"is {blank}; class indices lie in [-1, {classes})")
    mark = blank % classes
    return mark, checked_symbols(labels, target_lengths, mark)


@loss(
    example={
        "predictions": [[[[0.5, 0.1, -0.3], [0.2, 0.4, 0.0]], [[0.1, 0.3, 0.7], [0.9, -0.2, 0.1]]]],
        "duration_predictions": [[[[0.2, 0.5, -0.1], [0.0, 0.3, 0.1]], [[0.4, 0.1, 0.2], [0.6, -0.3, 0.0]]]],
        "labels": [[1]],
        "durations": [0, 1, 2],
        "input_lengths": [2],
        "target_lengths": [1],
    },
    work=Work("600000 t k + 600000 s k + 500 n t s + 1200 n t s k + 1200 n s s k", "100 n t s + 250 n t s k + 250 n s s k + 16 t n k"),
)
@in_float64
def tdt(
    predictions: Lattice,
    duration_predictions: DurationScores,
    labels: Symbols,
    durations: Durations,
    input_lengths: LatticeFrames,
    target_lengths: SymbolCounts,
    *,
    blank: Annotated[int, annotated_types.Ge(-1)] = -1,
    sigma: NonNegative = 0.0,
    mean_over: MeanOver = "samples",
) -> Evaluation:
    r"""Token-and-duration transducer loss: negative log of the total probability of all paths, each of whose steps has a symbol or blank and a duration.

    A step advances by its duration in frames, which is above 0 for a blank. Every path ends with a blank whose duration leads exactly behind the last frame; without
    such a path the loss is infinite, an error. NeMo has both scores in one tensor, durations last. Its omega replaces the loss of some batches by rnnt.

    Use: Speech recognition whose decoder skips frames, as in NeMo's Parakeet models.
    Formula: \ell = -\log \sum_{\text{paths}} \prod e^{-\sigma} \, p(\text{blank or } y_{u+1} \mid t, u) \, p(d \mid t, u)
    blank: index of the blank; -1 is the last class, as in NeMo.
    sigma: subtracted from each log-probability of a symbol or blank, so that paths of fewer steps are preferred.
    Divisor: the number of samples, or of symbols with mean_over
    Synonyms: TDTLoss, tdt_loss, token_and_duration_transducer, TDTLossNumba
    Search: Parakeet, NeMo, transducer
    Reference: Xu et al., Efficient Sequence Transduction by Jointly Predicting Tokens and Durations, 2023, arXiv:2304.06795, equations 5 to 7
    """
    n, frames, places, classes = predictions.shape
    mark, symbols = _checked(predictions, labels, target_lengths, blank)
    if not (durations > 0).any():
        raise InvalidTensor("durations", "all are 0; expected at least one above 0, of a blank")
    if len(set(durations.tolist())) < len(durations):
        raise InvalidTensor("durations", f"repeated; expected different durations, got {len(durations) - len(set(durations.tolist()))} twice")
    scores, of_durations = predictions.reshape(-1, classes), duration_predictions.reshape(-1, len(durations))
    following = np.concatenate((symbols, np.full((n, 1), mark)), axis=1)  # the symbol after each place
    emitted = np.broadcast_to(following[:, None], (n, frames, places)).reshape(-1)
    by_token = np.empty((2, 2, len(scores)))  # log-probabilities of the blank and of the following symbol, in two parts
    for some in blocks(scores):
        softmax = Softmax(scores[some])
        for part, index in zip(by_token, (np.full(len(softmax.logits), mark), emitted[some]), strict=True):
            high, error = two_sum(np.take_along_axis(softmax.logits, index[:, None], 1), -softmax.largest)
            part[0, some], part[1, some] = high[:, 0], (error - np.log1p(softmax.rest))[:, 0] - sigma
    blanks, tokens = by_token.reshape(2, 2, n, frames, places)
    softmax = Softmax(of_durations)
    high, error = two_sum(of_durations, -softmax.largest)
    by_duration = np.stack((high, error - np.log1p(softmax.rest))).reshape(2, *duration_predictions.shape)
    steps = [(k, int(d)) for k, d in enumerate(durations)]
    arcs = [Arc(d, 0, blanks, by_duration[..., k]) for k, d in steps if d] + [Arc(d, 1, tokens, by_duration[..., k]) for k, d in steps]
    groups = [k for k, d in steps if 0 < d <= frames] + [k for k, d in steps if d <= frames]
    lattice = Paths(arcs, input_lengths, target_lengths)

    @cache
    def occupancy() -> Occupancy:
        with np.errstate(all="ignore"):  # as in the evaluation, of which this repeats a part
            return lattice.occupancy(groups, len(durations))

    def of_predictions(cotangent: Array) -> Array:
        by_blank, by_symbol = occupancy().blanks.reshape(-1), occupancy().symbols.reshape(-1)
        each, out = np.repeat(cotangent, frames * places), np.empty_like(scores)
        for some in blocks(scores):
            used = np.zeros_like(scores[some])
            np.put_along_axis(used, emitted[some, None], by_symbol[some, None], 1)
            used[:, mark] = by_blank[some]
            out[some] = softmax_pull(Softmax(scores[some]), used, each[some])
        return out.reshape(predictions.shape)

    def of_duration_predictions(cotangent: Array) -> Array:
        used, each = occupancy().seconds.reshape(of_durations.shape), np.repeat(cotangent, frames * places)
        return softmax_pull(Softmax(of_durations), used, each).reshape(duration_predictions.shape)

    gradients = {"predictions": of_predictions, "duration_predictions": of_duration_predictions}
    return averaged(lattice.surprise, gradients, lattice.surprise, mean_over, target_lengths)
