"""Connectionist temporal classification."""

from __future__ import annotations

from typing import Annotated, Literal

import annotated_types
import numpy as np

from service.losses.declaration import Domain, TensorSpec, Work
from service.losses.errors import InvalidOption
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.softmax import Softmax, softmax_pull
from service.losses.registry import loss
from service.losses.sequence._alignments import Alignments
from service.losses.sequence._shared import SymbolCounts, Symbols, checked_symbols, log_sum, shares

FrameScores = Annotated[Array, TensorSpec("t n c", gradient="default", description="log-probabilities of the symbols at each frame, or logits")]
FrameCounts = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(low=0), upto="t", description="number of frames of each sample")]


@loss(
    example={
        "predictions": [[[-0.5, -1.5, -1.8]], [[-1.2, -0.9, -1.2]], [[-0.4, -1.6, -2.1]]],
        "labels": [[1, 2]],
        "input_lengths": [3],
        "target_lengths": [2],
    },
    work=Work("150000 t + 600 t n s", "160 t^0.5 n s + 64 t n"),
)
def ctc(
    predictions: FrameScores,
    labels: Symbols,
    input_lengths: FrameCounts,
    target_lengths: SymbolCounts,
    *,
    blank: Annotated[int, annotated_types.Ge(0)] = 0,
    zero_infinity: bool = False,
    predictions_are: Literal["log_probabilities", "logits"] = "log_probabilities",
) -> Evaluation:
    r"""Connectionist temporal classification (CTC): negative log of the total probability of all alignments of the symbols to the frames.

    The gradient is the true derivative by the log-probabilities, minus the probability of each symbol at each frame. torch returns
    that plus exp(predictions), the derivative by the scores under a log-softmax; after a log-softmax both are equal. The loss of an infeasible
    target (more symbols and required blanks than frames) is infinite, which is an error unless zero_infinity.

    Long sequences need memory for s sqrt(t) places rather than s t: 6,000 frames and 3,000 symbols take some 50 MB and 4 s.

    Use: Speech recognition and handwriting recognition (OCR), where labels are not aligned to frames.
    Search: speech_recognition, handwriting_recognition
    Formula: \ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t)
    blank: index of the blank.
    zero_infinity: use 0 for infeasible targets, without gradient.
    predictions_are: log-probabilities, as in torch, or logits, of which a log-softmax over the classes is taken, as in keras and optax.
    Divisor: each sample is divided by its target length (at least 1), then the mean is over the samples (torch's rule)
    Synonyms: CTCLoss, connectionist_temporal_classification
    Equivalents: torch.nn.CTCLoss, torch.nn.functional.ctc_loss,
        optax.losses.ctc_loss(predictions_are="logits", reduction="sum"),
        keras.losses.CTC(predictions_are="logits", reduction="batchmean"), keras.losses.ctc(predictions_are="logits", reduction="sum")
    Unlike: optax.losses.ctc_loss_with_forward_probs it returns the forward probabilities too
    Reference: Graves et al., Connectionist Temporal Classification, 2006, ICML, equations 6 to 8
    """
    n, classes = predictions.shape[1:]
    softmax = None if predictions_are == "log_probabilities" else Softmax(predictions.reshape(-1, classes))
    scores = predictions if softmax is None else -softmax.negative_log().reshape(predictions.shape)
    if blank >= classes:
        raise InvalidOption("blank", f"is {blank}; class indices lie in [0, {classes})")
    symbols = checked_symbols(labels, target_lengths, blank)
    path = np.full((2 * symbols.shape[1] + 1, n), blank)  # blanks between, before and after the symbols
    path[1::2] = symbols.T
    skips = np.zeros(path.shape, bool)
    skips[2:] = (path[2:] != blank) & (path[2:] != path[:-2])
    alignments = Alignments(scores, path, skips, 2 * target_lengths, input_lengths)
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
        by_score = alignments.pull(start, np.where(feasible, -cotangent, 0.0))
        if softmax is None:
            return by_score
        return softmax_pull(softmax, -by_score.reshape(-1, classes), np.ones(by_score.shape[0] * n)).reshape(predictions.shape)

    weight = np.maximum(target_lengths, 1).astype(np.float64)
    return Evaluation(numerator, weight, {"predictions": pullback}, lambda: numerator.astype(predictions.dtype), mean_of="samples", count=np.ones(n))
