"""Ordinal regression."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Domain, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, elementwise
from service.losses.numerics import Array
from service.losses.numerics.elementary import log1pexp_small, per_sample_sum, sigmoid
from service.losses.ranking._lists import ListMask, items
from service.losses.registry import loss

Level = Annotated[
    Array, TensorSpec("n m", kind="integer", domain=Domain(low=0), description="levels of the items, from 0 to the number of thresholds")
]
TaskLogits = Annotated[
    Array,
    TensorSpec("n k", gradient="default", description="scores of being above level 0, 1, ..., k - 1, each given that it is at that level or higher"),
]
RankLabel = Annotated[Array, TensorSpec("n", kind="integer", upto="k", domain=Domain(low=0), description="levels, from 0 to the number of scores")]
LevelLogits = Annotated[Array, TensorSpec("n m k", gradient="default", description="scores of being at level 1, 2, ..., k or higher")]


# ------------------------------------------------------------------ levels


@loss(example={"predictions": [[[2.0, -1.0], [0.5, 0.1]]], "labels": [[1, 2]]}, hessian_diagonal=True, work=Work(memory="48 n m k"))
def ordinal(predictions: LevelLogits, labels: Level, *, mask: ListMask | None = None) -> Evaluation:
    r"""Ordinal regression loss: binary cross entropy, for each threshold, of whether the item is at that level or higher.

    Use: Ordinal regression of grades, ratings, ages or stages of a disease.
    Formula: \ell = \sum_{k=1}^{K} \left( \mathrm{softplus}(x_k) - [y \ge k] \, x_k \right)
    Where: x `predictions`; y `labels`
    Divisor: the number of items
    Synonyms: OrdinalLoss, ordinal_loss, cumulative_logits
    Reference: Niu et al., Ordinal Regression with Multiple Output CNN for Age Estimation, 2016, CVPR; TensorFlow Ranking OrdinalLoss
    """
    thresholds = predictions.shape[2]
    if labels.max(initial=0) > thresholds:
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(labels)), labels.shape))
        raise InvalidTensor("labels", f"out of range; expected a level in [0, {thresholds}], got {int(labels[index])}", index)
    x = predictions
    reached = (labels[:, :, None] >= np.arange(1, thresholds + 1)).astype(x.dtype)
    weight = items(mask, labels).astype(x.dtype)
    return elementwise(
        np.maximum(np.where(reached == 1, -x, x), 0.0) + log1pexp_small(x),
        {"predictions": lambda c: c * ((1.0 - reached) * sigmoid(x) - reached * sigmoid(-x))},
        {"predictions": lambda c: c * (sigmoid(x) * sigmoid(-x))},
        weight=np.broadcast_to(weight[:, :, None], x.shape),
        divisor=per_sample_sum(weight),
        shares=weight[:, :, None],
    )


@loss(example={"predictions": [[2.0, -1.0], [0.5, 0.1]], "labels": [1, 2]}, hessian_diagonal=True)
def corn(predictions: TaskLogits, labels: RankLabel) -> Evaluation:
    r"""Conditional ordinal regression (CORN): binary cross entropy of going beyond each level that a sample has reached.

    The products of the conditional probabilities fall from level to level, so that the predicted ranks are consistent.

    Use: Ordinal regression of grades, ratings, ages or stages of a disease, with consistent ranks.
    Formula: \ell = \sum_{k=0}^{\min(y, K - 1)} \left( \mathrm{softplus}(x_k) - [y > k] \, x_k \right)
    Where: x `predictions`; y `labels`; K the number of scores, one less than that of levels
    Divisor: the number of scores of levels that the samples have reached, min(y + 1, K) of each sample
    Synonyms: CornLoss, corn_loss, conditional_ordinal
    Reference: Shi, Cao and Raschka, Deep Neural Networks for Rank-Consistent Ordinal Regression Based on Conditional Probabilities, 2021, arXiv:2111.08851; coral_pytorch corn_loss
    """
    x, level = predictions, np.arange(predictions.shape[1])
    beyond = labels[:, None] > level
    reached = (labels[:, None] >= level).astype(x.dtype)
    return elementwise(
        np.maximum(np.where(beyond, -x, x), 0.0) + log1pexp_small(x),
        {"predictions": lambda c: c * np.where(beyond, -sigmoid(-x), sigmoid(x))},
        {"predictions": lambda c: c * (sigmoid(x) * sigmoid(-x))},
        weight=reached,
    )
