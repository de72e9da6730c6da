"""Self-supervision by soft assignments to prototypes, which the batch shares out evenly."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import annotated_types
import numpy as np

from service.losses.core import Bound, Evaluation, Positive, loss
from service.losses.distillation import StudentScores, TeacherScores
from service.losses.listwise import listnet
from service.losses.numerics import in_float64
from service.losses.tensors import Array

Rounds = Annotated[int, annotated_types.Ge(1), annotated_types.Le(20)]


@loss(
    example={"predictions": [[0.9, 0.1, -0.3], [0.2, 0.8, 0.1]], "labels": [[0.8, 0.2, -0.2], [0.1, 0.7, 0.3]]},
    merges=False,
    hessian_diagonal=True,
    bound=Bound(1e-12, 1e-11, "the rounds take logarithms of sums off scores that a small epsilon divides", "tensor"),
)
@in_float64
def swav(
    predictions: StudentScores,
    labels: TeacherScores,
    *,
    temperature: Positive = 0.1,
    sinkhorn_epsilon: Positive = 0.05,
    sinkhorn_iterations: Rounds = 3,
) -> Evaluation:
    r"""Cross entropy of one view's assignment to prototypes against another view's code: its assignment, balanced so that every prototype gets as much.

    The codes are found by Sinkhorn's rounds over the whole batch (prototypes, then samples), as logarithms, and are constants of the gradient.
    Pairs of views are a call each. Answers over parts of a batch do not merge.

    Formula: \ell_i = -\sum_k q_{ik} \log p_{ik}, \quad p = \mathrm{softmax}(x / T), \quad q = e^{y / \epsilon} \text{ with } q_{ik} \leftarrow \frac{q_{ik}}{\sum_j q_{jk}}, \; q_{ik} \leftarrow \frac{q_{ik}}{\sum_j q_{ij}} \text{ in turn}
    predictions: x, similarities of one view to the prototypes.
    labels: y, those of the other view.
    temperature: T, by which the similarities of the predictions are divided.
    sinkhorn_epsilon: epsilon, by which those of the code are.
    sinkhorn_iterations: rounds.
    Divisor: the number of samples
    Synonyms: SwaVLoss, swapped_assignments, swapped_prediction
    Reference: Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments, 2020, arXiv:2006.09882, equations 2 and 3
    """
    codes = labels / sinkhorn_epsilon  # as logarithms, so that what is small beside others keeps its digits
    for _ in range(sinkhorn_iterations if len(labels) else 0):
        codes = codes - _log_sum(codes, 0)
        codes = codes - _log_sum(codes, 1)
    entropy = listnet.function(predictions / temperature, codes)
    return replace(
        entropy,
        gradients={"predictions": lambda c: entropy.gradients["predictions"](c) / temperature},
        hessian_diagonal={"predictions": lambda c: entropy.hessian_diagonal["predictions"](c) / temperature**2},
    )


def _log_sum(x: Array, axis: int) -> Array:
    highest = x.max(axis=axis, keepdims=True)
    return np.asarray(highest + np.log(np.exp(x - highest).sum(axis=axis, keepdims=True)))
