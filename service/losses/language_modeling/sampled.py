"""Losses over the true class and a few sampled ones, in place of a softmax over a vocabulary.

Each score may be corrected by the logarithm of its class's expected count among the samples, so that the loss estimates the loss over all
classes.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Domain, TensorSpec
from service.losses.evaluation import Evaluation
from service.losses.numerics import Array
from service.losses.numerics.elementary import sigmoid, softplus, spread
from service.losses.numerics.softmax import Softmax
from service.losses.registry import loss

TrueScore = Annotated[Array, TensorSpec("n", gradient="default", description="score of each sample's true class")]
DrawnScores = Annotated[Array, TensorSpec("n m", gradient="default", description="scores of the sampled classes")]
TrueCount = Annotated[Array, TensorSpec("n", description="logarithm of the expected count of the true class among the sampled classes; default 0")]
DrawnCounts = Annotated[Array, TensorSpec("n m", description="logarithms of the expected counts of the sampled classes; default 0")]
Hits = Annotated[
    Array,
    TensorSpec("n m", kind="integer", domain=Domain(values=(0, 1)), description="1 where a sampled class equals the true class, and is excluded"),
]
CALL = {"predictions": [2.0, 0.1], "negatives": [[0.5, -1.0], [0.3, 0.2]]}


def _corrected(predictions: Array, negatives: Array, log_count: Array | None, negatives_log_count: Array | None) -> tuple[Array, Array]:
    return (
        predictions if log_count is None else predictions - log_count,
        negatives if negatives_log_count is None else negatives - negatives_log_count,
    )


@loss(example=CALL | {"log_count": [-1.0, -3.0], "negatives_log_count": [[-0.5, -2.0], [-0.5, -0.7]]}, hessian_diagonal=True)
def sampled_softmax(
    predictions: TrueScore,
    negatives: DrawnScores,
    *,
    log_count: TrueCount | None = None,
    negatives_log_count: DrawnCounts | None = None,
    hits: Hits | None = None,
) -> Evaluation:
    r"""Sampled softmax loss: cross entropy of the true class among itself and the sampled classes.

    Use: Language modeling and recommendation with too many classes for a full softmax.
    Formula: \ell_i = -\log \frac{e^{x_i - \log q_i}}{e^{x_i - \log q_i} + \sum_j e^{z_{ij} - \log q_{ij}}}
    Synonyms: sampled_softmax_loss, sampled_cross_entropy
    Reference: Jean et al., On Using Very Large Target Vocabulary for Neural Machine Translation, 2015, arXiv:1412.2007, section 3
    """
    own, others = _corrected(predictions, negatives, log_count, negatives_log_count)
    if hits is not None:
        others = np.where(hits == 1, -np.inf, others).astype(others.dtype, copy=False)
    softmax = Softmax(np.concatenate([own[:, None], others], axis=1))
    first = np.zeros(len(own), np.int64)
    values = softmax.negative_log_at(first)

    def curvature(c: Array) -> Array:
        return spread(c, negatives) * (softmax.probabilities() * softmax.complements)

    return Evaluation(
        values.astype(np.float64),
        np.ones(len(own)),
        {
            "predictions": lambda c: softmax.pull(first, spread(c, own))[:, 0],
            "negatives": lambda c: softmax.pull(first, spread(c, own))[:, 1:],
        },
        lambda: values,
        {"predictions": lambda c: curvature(c)[:, 0], "negatives": lambda c: curvature(c)[:, 1:]},
    )


@loss(example=CALL | {"log_count": [-1.0, -3.0], "negatives_log_count": [[-0.5, -2.0], [-0.5, -0.7]]}, hessian_diagonal=True)
def nce(
    predictions: TrueScore,
    negatives: DrawnScores,
    *,
    log_count: TrueCount | None = None,
    negatives_log_count: DrawnCounts | None = None,
    hits: Hits | None = None,
) -> Evaluation:
    r"""Noise-contrastive estimation: the sum of binary cross entropies that distinguish the true class from the sampled ones.

    Without the counts it is the negative sampling of word2vec.

    Use: Word embeddings and language modeling with too many classes for a full softmax.
    Formula: \ell_i = \mathrm{softplus}(-(x_i - \log q_i)) + \sum_j \mathrm{softplus}(z_{ij} - \log q_{ij})
    Divisor: the number of samples
    Synonyms: nce_loss, noise_contrastive_estimation, negative_sampling, sgns
    Reference: Gutmann and Hyvärinen, Noise-contrastive estimation, 2010, AISTATS; Mnih and Teh, 2012, arXiv:1206.6426
    """
    own, others = _corrected(predictions, negatives, log_count, negatives_log_count)
    counted = np.ones_like(others) if hits is None else (hits == 0).astype(others.dtype)
    values = softplus(-own).astype(np.float64) + (counted * softplus(others)).sum(axis=1, dtype=np.float64)
    return Evaluation(
        values,
        np.ones(len(own)),
        {
            "predictions": lambda c: -spread(c, own) * sigmoid(-own),
            "negatives": lambda c: spread(c, others) * (counted * sigmoid(others)),
        },
        lambda: values,
        {
            "predictions": lambda c: spread(c, own) * (sigmoid(own) * sigmoid(-own)),
            "negatives": lambda c: spread(c, others) * (counted * sigmoid(others) * sigmoid(-others)),
        },
    )
