"""Average precision of retrieval within a batch, with ranks that are sums of sigmoids."""

from __future__ import annotations

import numpy as np

from service.losses.declaration import Bound, Positive, Vector
from service.losses.evaluation import Evaluation, in_float64, nothing
from service.losses.metric_learning._shared import BATCH, Identity
from service.losses.numerics import Array
from service.losses.numerics.elementary import decay, sigmoid
from service.losses.numerics.vectors import AllCosines
from service.losses.registry import loss
from service.losses.work import Work


@loss(
    example=BATCH,
    merges=False,
    bound=Bound(1e-13, 1e-12, "differences of cosines are divided by a small temperature, and pull each cosine from both sides", "vector", "tensor"),
    work=Work("400 n n + 3 n n d + 100 n n n", "64 n n"),
)
@in_float64
def smooth_ap(embeddings: Vector, labels: Identity, *, temperature: Positive = 0.01) -> Evaluation:
    r"""Smooth-AP loss: one minus the average precision of retrieving a sample's class by cosine, with ranks smoothed by sigmoids.

    The loss is computed as the share of other samples in each rank, so that it is accurate for a nearly perfect order. As in the authors' code, the sample itself
    is one of the samples to retrieve. Classes may have any sizes;
    pytorch-metric-learning requires equal sizes, and as many classes as samples of each. Time is of the order of n times the pairs of one class.

    Use: Image retrieval that is judged by average precision.
    Formula: \ell_i = 1 - \frac{1}{|P_i|} \sum_{j \in P_i} \frac{1 + \sum_{k \in P_i, k \ne j} \sigma_{ijk}}{1 + \sum_{k \ne j} \sigma_{ijk}}, \quad \sigma_{ijk} = \sigma\left( \frac{s_{ik} - s_{ij}}{\tau} \right), \quad P_i = \{j: y_j = y_i\}
    temperature: tau, divisor of the differences of cosines.
    Divisor: the number of samples
    Synonyms: SmoothAPLoss, smooth_average_precision, SmoothAP
    Reference: Brown et al., Smooth-AP: Smoothing the Path Towards Large-Scale Image Retrieval, 2020, arXiv:2007.12163, equations 5 and 6
    """
    n = len(labels)
    if not n:
        return nothing(embeddings=embeddings)

    def row_loss(s: Array, rows: slice) -> tuple[Array, Array]:
        values, slopes = np.empty(len(s)), np.zeros_like(s)
        for row, i in enumerate(range(n)[rows]):
            own = np.flatnonzero(labels == labels[i])
            s[row, i] = cosines.a.defined[i]
            x = (s[row] - s[row, own][:, None]) / temperature
            e = decay(x)
            before = sigmoid(x, e)  # sigmoids of the pairs of a sample of the class and any sample
            before[np.arange(len(own)), own] = 0.0
            steep = before * sigmoid(-x, e)
            same = 1.0 + before[:, own].sum(axis=1)
            before[:, own] = 0.0
            others = before.sum(axis=1)
            rank = same + others
            pull = np.repeat((same / rank / rank)[:, None], n, axis=1)
            pull[:, own] = -(others / rank / rank)[:, None]
            pull *= steep / (temperature * len(own))
            slopes[row] = pull.sum(axis=0)
            slopes[row, own] -= pull.sum(axis=1)
            slopes[row, i] = 0.0
            values[row] = (others / rank).mean()
        return values, slopes

    cosines = AllCosines(embeddings)
    values, slopes = cosines.by_rows(row_loss)
    return Evaluation(values, np.ones(n), {"embeddings": lambda c: cosines.by_both(slopes, c)})
