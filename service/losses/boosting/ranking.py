"""Boosting objectives for ranking."""

from __future__ import annotations

from typing import Annotated

import annotated_types
import numpy as np

from service.losses.declaration import Domain, Positive, TensorSpec, Work
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid as expit
from service.losses.numerics.elementary import softplus
from service.losses.ranking._lists import (
    Block,
    ListMask,
    PairWeights,
    Scores,
    blocks,
    differences,
    discounts,
    first,
    gains,
    items,
    pairwise,
    preferred,
    ranks,
    relative,
)
from service.losses.registry import loss

ListGrade = Annotated[
    Array, TensorSpec("n m", kind="integer", domain=Domain(0, 30), description="relevance grades y of the items; their gain is 2^y - 1")
]
Truncation = Annotated[int, annotated_types.Ge(1)]


# ------------------------------------------------------------------ ranking


@loss(
    example={"predictions": [[0.2, 0.1, 0.4], [0.5, 0.3, 0.0]], "labels": [[2, 0, 1], [0, 1, 1]]},
    hessian_diagonal=True,
    conventions=("gradients", "hessian_diagonal"),
    work=Work("250 n m m", "100 n m"),
)
def boosting_lambdarank(
    predictions: Scores,
    labels: ListGrade,
    *,
    mask: ListMask | None = None,
    sigmoid: Positive = 1.0,
    lambdarank_truncation_level: Truncation = 30,
    lambdarank_norm: bool = True,
) -> Evaluation:
    r"""LambdaRank objective of LightGBM: logistic losses of pairs, weighted by the change of NDCG when both items are swapped.

    Pairs need at least one item above the truncation level. As in LightGBM, the gradient and the Hessian hold the weights and norms constant. With the norm, each
    weight is divided by 0.01 + |s_i - s_j| unless all scores of the list are equal, and the list's weights by their sum of lambdas L, times log2(1 + L). Ties keep
    the order of positions. LightGBM's sigmoid is read from a table of a million entries; this one is exact.

    Use: Learning to rank with gradient-boosted trees, for search results and recommendations.
    Formula: \ell = \sum_{y_i > y_j} w_{ij} \, \mathrm{softplus}(-\sigma (s_i - s_j)), \quad w_{ij} \propto \frac{(2^{y_i} - 2^{y_j}) |D(r_i) - D(r_j)|}{\max \mathrm{DCG}}, \quad D(r) = \frac{1}{\log_2(1 + r)}
    sigmoid: factor of the scores.
    lambdarank_truncation_level: k of the NDCG; pairs of two items ranked below it are excluded.
    lambdarank_norm: divide by the distance of the scores and by the sum of the list.
    Divisor: the number of lists
    Synonyms: rank:ndcg, LambdarankNDCG, lambdamart
    Reference: Burges, From RankNet to LambdaRank to LambdaMART, 2010, MSR-TR-2010-82; LightGBM lambdarank
    """
    grades, valid = labels.astype(predictions.dtype), items(mask, labels)
    better, place = preferred(labels, valid), ranks(predictions, valid)
    gain, held = relative(grades, valid, gains), discounts(place).astype(predictions.dtype)
    ideal = (gain * discounts(ranks(grades, valid), lambdarank_truncation_level)).sum(axis=1, dtype=np.float64)
    gain = (gain / np.where(ideal > 0, ideal, 1.0)[:, None]).astype(predictions.dtype)
    top = place <= lambdarank_truncation_level
    high, low = np.where(valid, predictions, -np.inf).max(axis=1), np.where(valid, predictions, np.inf).min(axis=1)
    spread = (high > low)[:, None, None]

    def swapped(block: Block) -> Array:
        counted = better(block) & (first(top, block) | top[block.lists, None, :])
        found = counted * np.abs(differences(gain, block) * differences(held, block))
        if not lambdarank_norm:
            return found
        gap = differences(predictions, block)
        return np.where(spread[block.lists], found / (0.01 + np.abs(gap)), found).astype(predictions.dtype)

    share = _norms(predictions, swapped, sigmoid) if lambdarank_norm else np.ones(len(predictions))
    share = share.astype(predictions.dtype)

    def weights(block: Block) -> Array:
        return swapped(block) * share[block.lists, None, None]

    return pairwise(
        predictions,
        weights,
        lambda d: (softplus(-sigmoid * d), -sigmoid * expit(-sigmoid * d)),
        lambda d: (sigmoid * sigmoid) * (expit(sigmoid * d) * expit(-sigmoid * d)),
        np.ones(len(predictions)),
    )


def _norms(predictions: Array, weights: PairWeights, sigmoid: float) -> Array:
    """log2(1 + L) / L of each list, for its sum of lambdas L; 1 for a list without any."""
    total = np.zeros(len(predictions))
    for block in blocks(predictions):
        found = weights(block)
        lambdas = found * expit(-sigmoid * ((found != 0) * differences(predictions, block)))
        total[block.lists] += (2.0 * sigmoid) * lambdas.sum(axis=(1, 2), dtype=np.float64)
    some = np.where(total > 0, total, 1.0)
    return np.where(total > 0, np.log1p(total) / np.log(2.0) / some, 1.0)
