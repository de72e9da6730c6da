"""Average precision of retrieval within a batch, with ranks that are sums of sigmoids."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from service.losses.declaration import Bound, Positive, Vector
from service.losses.evaluation import Evaluation, in_float64, nothing
from service.losses.metric_learning._shared import BATCH, Identity, of_embeddings
from service.losses.numerics import Array
from service.losses.numerics.elementary import decay, sigmoid
from service.losses.numerics.vectors import Cosines
from service.losses.registry import loss


@loss(
    example=BATCH,
    merges=False,
    pairs="0.1 n n n",
    bound=Bound(1e-13, 1e-12, "differences of cosines are divided by a small temperature, and pull each cosine from both sides"),
)
@in_float64
def smooth_ap(embeddings: Vector, labels: Identity, *, temperature: Positive = 0.01) -> Evaluation:
    r"""One minus the average precision of finding a sample's class among all samples by cosine, where a sigmoid counts who ranks before whom.

    Taken as the share of the others in each rank, so that a nearly perfect order keeps its digits. As in the authors' code the sample itself
    is among those to be found; classes need not be equally large, nor as many as each has
    members, as pytorch-metric-learning needs. Time is of the order of n times the pairs of one class.

    Formula: \ell_i = 1 - \frac{1}{|P_i|} \sum_{j \in P_i} \frac{1 + \sum_{k \in P_i, k \ne j} \sigma_{ijk}}{1 + \sum_{k \ne j} \sigma_{ijk}}, \quad \sigma_{ijk} = \sigma\left( \frac{s_{ik} - s_{ij}}{\tau} \right), \quad P_i = \{j: y_j = y_i\}
    temperature: tau, by which differences of cosines are divided.
    Divisor: the number of samples
    Synonyms: SmoothAPLoss, smooth_average_precision, SmoothAP
    Reference: Brown et al., Smooth-AP: Smoothing the Path Towards Large-Scale Image Retrieval, 2020, arXiv:2007.12163, equations 5 and 6
    """
    n = len(labels)
    if not n:
        return nothing(embeddings=embeddings)
    cosines = Cosines(embeddings)
    high, low = (x.copy() for x in cosines.values)
    np.fill_diagonal(high, cosines.a.defined)
    np.fill_diagonal(low, 0.0)

    def anchors() -> Iterator[tuple[int, Array, Array, Array, Array]]:
        """Each sample with its class, the sigmoids of its pairs and their slopes, and by pair the sums of its class's (and 1) and of the others'."""
        for i in range(n):
            own = np.flatnonzero(labels == labels[i])
            x = ((high[i] - high[i, own][:, None]) + (low[i] - low[i, own][:, None])) / temperature
            e = decay(x)
            before = sigmoid(x, e)
            before[np.arange(len(own)), own] = 0.0
            steep = before * sigmoid(-x, e)
            same = 1.0 + before[:, own].sum(axis=1)
            before[:, own] = 0.0
            yield i, own, steep, same, before.sum(axis=1)

    def slope(c: Array) -> Array:
        out = np.zeros_like(high)
        for i, own, steep, same, others in anchors():
            rank = same + others
            pull = np.repeat((same / rank / rank)[:, None], n, axis=1)
            pull[:, own] = -(others / rank / rank)[:, None]
            pull *= steep * (c[i] / (temperature * len(own)))
            out[i] = pull.sum(axis=0)
            out[i, own] -= pull.sum(axis=1)
        np.fill_diagonal(out, 0.0)
        return out

    values = [float((others / (same + others)).mean()) for _, _, _, same, others in anchors()]
    return of_embeddings(np.array(values), np.ones(n), cosines, slope)
