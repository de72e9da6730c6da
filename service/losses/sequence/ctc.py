"""Connectionist temporal classification."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import Domain, TensorSpec
from service.losses.errors import InvalidOption
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.registry import loss
from service.losses.sequence._alignments import Alignments
from service.losses.sequence._shared import SymbolCounts, Symbols, checked_symbols, log_sum, shares
from service.losses.work import Work

FrameScores = Annotated[Array, TensorSpec("t n c", gradient="default", description="log-probabilities of the symbols at each frame")]
FrameCounts = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(low=0), upto="t", description="number of frames of each sample")]


@loss(
    example={
        "predictions": [[[-0.5, -1.5, -1.8]], [[-1.2, -0.9, -1.2]], [[-0.4, -1.6, -2.1]]],
        "labels": [[1, 2]],
        "input_lengths": [3],
        "target_lengths": [2],
    },
    work=Work("150000 t + 300 t n s", "130 t n s"),
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
    r"""Connectionist temporal classification (CTC): negative log of the total probability of all alignments of the symbols to the frames.

    The gradient is the true derivative by the log-probabilities, minus the probability of each symbol at each frame. torch returns
    that plus exp(predictions), the derivative by the scores under a log-softmax; after a log-softmax both are equal. The loss of an infeasible
    target (more symbols and required blanks than frames) is infinite, which is an error unless zero_infinity.

    Formula: \ell = -\log \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t)
    blank: index of the blank.
    zero_infinity: use 0 for infeasible targets, without gradient.
    Divisor: each sample is divided by its target length (at least 1), then the mean is over the samples (torch's rule)
    Synonyms: CTCLoss, ctc_loss, connectionist_temporal_classification
    Reference: Graves et al., Connectionist Temporal Classification, 2006, ICML, equations 6 to 8
    """
    n, classes = predictions.shape[1:]
    if blank >= classes:
        raise InvalidOption("blank", f"is {blank}; class indices lie in [0, {classes})")
    symbols = checked_symbols(labels, target_lengths, blank)
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
