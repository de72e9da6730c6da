"""RNN transducers."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Domain, TensorSpec
from service.losses.errors import InvalidOption, InvalidTensor
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import blocks, spread
from service.losses.numerics.softmax import Softmax, softmax_pull
from service.losses.registry import loss
from service.losses.sequence._shared import (
    SymbolCounts,
    Symbols,
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
from service.losses.work import Work

Lattice = Annotated[
    Array, TensorSpec("n t p c", gradient="default", description="scores of the symbols at each frame after each number of symbols (p is s + 1)")
]
LatticeFrames = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(low=1), upto="t", description="number of frames of each sample")]


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
) -> Evaluation:
    r"""RNN transducer loss: negative log of the total probability of all monotone paths through the lattice of frames and symbols.

    A blank advances to the next frame, a symbol stays in the frame. Every path ends with a blank at the last frame.

    The scores themselves are n t p c numbers, which is what bounds the lengths: 6,000 frames, 100 symbols and 10 classes are 48 MB and take 92 MB more.

    Use: Streaming speech recognition.
    Formula: \ell = -\log \sum_{\text{paths}} \prod p(\text{blank or } y_{u+1} \mid t, u)
    blank: index of the blank; -1 is the last class, as in torchaudio.
    predictions_are: logits (a softmax is applied, torchaudio's fused_log_softmax), or log-probabilities.
    Divisor: the number of samples
    Synonyms: RNNTLoss, rnnt_loss, transducer
    Reference: Graves, Sequence Transduction with Recurrent Neural Networks, 2012, arXiv:1211.3711, equations 16 to 20
    """
    n, frames, places, classes = predictions.shape
    if places != labels.shape[1] + 1:
        raise InvalidTensor(
            "predictions", f"wrong shape; expected {labels.shape[1] + 1} places on the third axis, one more than labels has symbols, got {places}"
        )
    if blank >= classes:
        raise InvalidOption("blank", f"is {blank}; class indices lie in [-1, {classes})")
    mark = blank % classes
    symbols = checked_symbols(labels, target_lengths, mark)
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

    return Evaluation(numerator, np.ones(n), {"predictions": pullback}, lambda: numerator.astype(predictions.dtype))
