"""Embeddings that should spread evenly over the sphere."""

from __future__ import annotations

import numpy as np

from service.losses.contrastive import nothing
from service.losses.core import Bound, Evaluation, Positive, loss
from service.losses.geometry import Cosines, column
from service.losses.metric import Vector, scattered
from service.losses.numerics import in_float64
from service.losses.tensors import Array
from service.losses.twofold import add, divide, inner, negative, root


@loss(
    example={"embeddings": [[0.0, 0.1], [0.2, 0.0], [0.5, 0.5], [1.0, 0.8]]},
    merges=False,
    pairs="n n",
    bound=Bound(1e-14, 1e-12, "a gradient is the difference of those towards the neighbours and from them"),
)
@in_float64
def koleo(embeddings: Vector, *, eps: Positive = 1e-8) -> Evaluation:
    r"""Minus the logarithm of the distance of each direction to its nearest neighbour: the differential entropy's estimate by Kozachenko and Leonenko, as a regulariser.

    The neighbour is the one with the greatest cosine, the first of equal ones. A gradient goes to both; that of a distance that is 0 is 0.
    DINOv2 adds eps to every coordinate of the difference too. A single vector has no neighbour and does not count.

    Formula: \ell_i = -\log \left( \min_{j \ne i} \| \hat x_i - \hat x_j \| + \epsilon \right), \quad \hat x = \frac{x}{\|x\|}
    eps: added to the distance.
    Divisor: the number of samples
    Synonyms: KoLeoLoss, koleo_loss, kozachenko_leonenko
    Reference: Sablayrolles et al., Spreading vectors for similarity search, 2019, arXiv:1806.03198, equation 2; Oquab et al., DINOv2, 2023, arXiv:2304.07193
    """
    n = len(embeddings)
    if n < 2:
        return nothing(embeddings=embeddings) if not n else Evaluation(np.zeros(1), np.zeros(1), {"embeddings": lambda _: np.zeros_like(embeddings)})
    cosines = Cosines(embeddings)
    away = (1.0 - cosines.values[0]) - cosines.values[1]
    np.fill_diagonal(away, np.inf)
    nearest = away.argmin(axis=1)
    unit = cosines.a.unit
    difference = add(unit, negative((unit[0][nearest], unit[1][nearest])))
    distance = root(inner(difference, difference))
    length = np.where(distance[0] < 1e-30, 0.0, distance[0])  # what the two floats of a direction leave of equal ones

    def pullback(c: Array) -> Array:
        whole = np.where(length == 0, 1.0, length)
        direction = divide(difference, column((whole, distance[1])))[0] * (length > 0)[:, None]
        pull = (-c / (length + eps))[:, None] * direction
        slope = pull - scattered(pull, nearest, pull)
        return cosines.a.pull((slope, np.zeros_like(slope)), np.zeros(n, np.intc))

    return Evaluation(-np.log(length + eps), np.ones(n), {"embeddings": pullback})
