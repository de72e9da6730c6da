"""Distillation of the relations between the embeddings of a batch: their distances and angles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated

import numpy as np

from service.losses.declaration import Bound, NonNegative, TensorSpec, Vector, Work
from service.losses.evaluation import Evaluation, Pullback, in_float64, nothing
from service.losses.numerics import Array
from service.losses.numerics.elementary import BLOCK
from service.losses.numerics.vectors import AllDistances, Directions
from service.losses.registry import loss

TeacherVector = Annotated[Array, TensorSpec("n e", gradient="on request", description="the teacher's embeddings, of any size, one row per sample")]


@loss(
    example={"predictions": [[0.0, 0.1], [0.2, 0.0], [0.5, 0.5]], "labels": [[0.0, 0.3, 0.1], [0.2, 0.0, 0.0], [0.6, 0.5, 0.9]]},
    merges=False,
    bound=Bound(1e-13, 1e-12, "distances and angles are rounded before they are subtracted", "call", "tensor"),
    work=Work("90 n n n + 0.5 n n n d + 0.5 n n n e + 60 n n d + 60 n n e", "100 n n + 40 n d + 40 n e"),
)
@in_float64
def relational_knowledge_distillation(
    predictions: Vector, labels: TeacherVector, *, distance_weight: NonNegative = 25.0, angle_weight: NonNegative = 50.0
) -> Evaluation:
    r"""Relational knowledge distillation: smooth L1 losses of the distances of a student's embeddings, and of their angles, against a teacher's.

    As in the authors' code, distances are divided by the mean of those that are not 0, and all ordered pairs and triples are averaged, a sample with itself
    among them. The angle at sample i is the cosine of the directions to j and k. Embeddings are not normalized here. Time is of the order of n^3
    unless angle_weight is 0.

    Use: Knowledge distillation of embeddings, whose sizes may differ (RKD).
    Formula: \ell_i = \frac{\lambda_D}{n} \sum_j h\left( \frac{d^s_{ij}}{\mu^s} - \frac{d^t_{ij}}{\mu^t} \right) + \frac{\lambda_A}{n^2} \sum_{j, k} h\left( \cos \angle^s_{jik} - \cos \angle^t_{jik} \right)
    Where: d^s the distances of `predictions`, and d^t of `labels`; \mu the mean of those above 0; h smooth_l1 with beta 1
    predictions: the student's embeddings, one row per sample.
    distance_weight: weight of the distances; 25 in the paper for classification, 1 for retrieval.
    angle_weight: weight of the angles; 50 in the paper for classification, 2 for retrieval.
    Divisor: the number of samples
    Synonyms: RKD, rkd_loss, RkdDistance, RKdAngle, DistanceWiseRKD, AngleWiseRKD
    Reference: Park et al., Relational Knowledge Distillation, 2019, arXiv:1904.05068, equations 5 to 9
    """
    n = len(predictions)
    if not n:
        return nothing(predictions=predictions, labels=labels)
    student, teacher = _Relations(predictions), _Relations(labels)
    gap = student.distances - teacher.distances
    values = distance_weight / n * _smooth(gap).sum(axis=1)
    for rows in _blocks(n) if angle_weight else ():
        values[rows] += angle_weight / (n * n) * _smooth(student.angles(rows) - teacher.angles(rows)).sum(axis=(1, 2))

    def by(own: _Relations, sign: float) -> Pullback:
        def pullback(c: Array) -> Array:
            out = own.pull_distances((sign * distance_weight / n) * c[:, None] * np.clip(gap, -1.0, 1.0))
            for rows in _blocks(n) if angle_weight else ():
                slope = np.clip(student.angles(rows) - teacher.angles(rows), -1.0, 1.0)
                own.pull_angles(rows, (sign * angle_weight / (n * n)) * c[rows, None, None] * slope, out)
            return out

        return pullback

    return Evaluation(values, np.ones(n), {"predictions": by(student, 1.0), "labels": by(teacher, -1.0)})


def _smooth(error: Array) -> Array:
    """Return smooth L1 with beta 1."""
    size = np.abs(error)
    return np.where(size < 1.0, 0.5 * error * error, size - 0.5)


def _blocks(n: int) -> Iterator[slice]:
    """Slice the vertices of triples into blocks."""
    step = max(1, BLOCK // (n * n))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


class _Relations:
    """Distances between the rows of x (n, d) over their mean, and cosines of the angles at each row."""

    def __init__(self, x: Array) -> None:
        self.x = x
        self.apart = AllDistances(x)
        self.positive = self.apart.values > 0
        self.pairs = max(1, np.count_nonzero(self.positive))
        self.mean = float((self.apart.values / self.pairs).sum()) or 1.0

    @cached_property
    def distances(self) -> Array:
        """The distances over the mean of those above 0."""
        return self.apart.values / self.mean

    def pull_distances(self, slope: Array) -> Array:
        """Return the derivative by x from that by the distances over their mean."""
        slope = 0.5 * (slope + slope.T)  # so that a common slope cancels exactly
        by_mean = (slope * self.distances).sum() / self.pairs
        return self.apart.pull((slope - by_mean * self.positive) / self.mean)

    def _directions(self, rows: slice) -> Directions:
        """Return the directions from some rows to all rows, flattened."""
        return Directions.of((self.x[None] - self.x[rows, None]).reshape(-1, self.x.shape[1]))

    def angles(self, rows: slice) -> Array:
        """Return the cosines [i, j, k] of the directions from i to j and to k, exactly 1 where j is k."""
        directions = self._directions(rows)
        unit = directions.unit.reshape(-1, *self.x.shape)
        cosines = unit @ np.swapaxes(unit, 1, 2)
        np.einsum("ijj->ij", cosines)[:] = directions.defined.reshape(unit.shape[:2])
        return cosines

    def pull_angles(self, rows: slice, slope: Array, out: Array) -> None:
        """Add the derivative by x from that by the cosines at some rows, symmetric in j and k."""
        np.einsum("ijj->ij", slope)[:] = 0.0  # a direction's cosine with itself is constant
        directions = self._directions(rows)
        unit = directions.unit.reshape(-1, *self.x.shape)
        by_difference = directions.pull((2.0 * slope @ unit).reshape(-1, self.x.shape[1])).reshape(unit.shape)
        out += by_difference.sum(axis=0)
        out[rows] -= by_difference.sum(axis=1)
