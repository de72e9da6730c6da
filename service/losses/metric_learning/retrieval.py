"""Retrieval: cross entropy of queries and documents, and average precision of the samples of a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from service.losses.declaration import VECTORS, Bound, Positive, TensorSpec, Vector, Work
from service.losses.evaluation import Evaluation, Pullback, in_float64, nothing
from service.losses.metric_learning._shared import BATCH, Identity
from service.losses.numerics import Array
from service.losses.numerics.elementary import decay, sigmoid
from service.losses.numerics.softmax import Softmax
from service.losses.numerics.vectors import AllCosines, Directions, moderate, scaled
from service.losses.registry import loss

SEGMENT = 1 << 20  # similarities of a block of queries: of 2048 x 2048 pairs, 2^16 takes 4.1 times, 2^18 1.6 times and 2^22 0.8 times the time
Negatives = Annotated[
    Array,
    TensorSpec("m d", gradient="default", description="negatives that all queries share, (m, d), or m of each query's own, (n, m, d)"),
    TensorSpec("n m d", gradient="default"),
]


# ------------------------------------------------------------------ queries and documents


@loss(
    example={"query": [[1.0, 0.0], [0.0, 1.0]], "positive": [[0.8, 0.6], [-0.6, 0.8]], "negative": [[0.6, -0.8]]},
    merges=False,
    bound=VECTORS,
    work=Work("60 n n + 60 n m + 2 n n d + 2 n m d", "64 n + 64 m"),
)
@in_float64
def info_nce(
    query: Vector,
    positive: Vector,
    negative: Negatives | None = None,
    *,
    temperature: Positive = 0.1,
    similarity: Literal["cosine", "dot"] = "cosine",
    in_batch: Literal["without_negative", "always"] = "without_negative",
) -> Evaluation:
    r"""InfoNCE loss: cross entropy of identifying a query's positive document among its negatives by similarity.

    The negatives are the positives of the other queries, or those given: shared by all queries, (m, d), which info-nce-pytorch calls unpaired,
    or each query's own, (n, m, d), which it calls paired. sentence-transformers' MultipleNegativesRankingLoss is in_batch always,
    with temperature 1 / scale = 0.05 and the hard negatives of all queries shared. A zero vector has cosine 0. clip adds the direction
    from documents to queries. Similarities are computed in blocks of queries, again for the gradients, so that no matrix of them is kept.

    Use: Contrastive learning of embeddings for retrieval and semantic search, with in-batch or hard negatives (InfoNCE).
    Search: dense_retrieval, hard_negatives, bi_encoder
    Formula: \ell_i = -\log \frac{e^{s(q_i, p_i) / T}}{e^{s(q_i, p_i) / T} + \sum_{k \in N_i} e^{s(q_i, k) / T}}
    Where: q `query`; p `positive`; N_i the negatives of query i; s the similarity; T `temperature`
    temperature: divisor of the similarities; 0.1 in info-nce-pytorch, 0.05 in sentence-transformers, 1 for dot in DPR.
    similarity: cosine, or dot for the inner product of the vectors as they are.
    in_batch: the positives of the other queries are negatives only without `negative` (info-nce-pytorch), or always (sentence-transformers).
    Divisor: the number of queries
    Synonyms: InfoNCE, infonce, MultipleNegativesRankingLoss, MNRL, in_batch_negatives, DPR
    Reference: van den Oord, Li and Vinyals, Representation Learning with Contrastive Predictive Coding, 2018, arXiv:1807.03748, equation 4; Karpukhin et al., Dense Passage Retrieval, 2020, arXiv:2004.04906, equation 2
    """
    given = {"query": query, "positive": positive} | ({} if negative is None else {"negative": negative})
    n = len(query)
    if not n:
        return nothing(**given)
    batch = in_batch == "always" or negative is None
    shaped = given | ({} if batch else {"positive": positive[:, None]})  # a document of the query's own
    scores = _Similarities({name: _Side.of(x, similarity) for name, x in shaped.items()}, temperature)
    true = np.arange(n) if batch else np.zeros(n, np.int64)
    values = np.empty(n)
    for rows in scores.blocks():
        values[rows] = scores.softmax(rows).negative_log_at(true[rows])

    def by(name: str) -> Pullback:
        return lambda c: scores.pulled(name, lambda rows: scores.softmax(rows).pull(true[rows], c[rows] / temperature)).reshape(given[name].shape)

    return Evaluation(values, np.ones(n), {name: by(name) for name in given})


@dataclass(frozen=True)
class _Side:
    """Queries (n, d), or documents (k, d) or (n, k, d): the vectors whose inner products are the similarities, also as rows * 2^exponent."""

    vectors: Array
    rows: Array
    exponent: Array
    directions: Directions | None = None

    @classmethod
    def of(cls, x: Array, similarity: Literal["cosine", "dot"]) -> _Side:
        if similarity == "dot":
            rows, _, exponent = moderate(x)
            return cls(x, rows, exponent)
        directions = Directions.of(x.reshape(-1, x.shape[-1]))
        unit = directions.unit.reshape(x.shape)
        return cls(unit, unit, np.zeros(x.shape[:-1], np.intc), directions)

    def pull(self, slope: Array) -> Array:
        """Convert the derivative by the vectors to that by the tensor given."""
        return slope if self.directions is None else self.directions.pull(slope.reshape(self.directions.rows.shape))


class _Similarities:
    """Similarities of queries and the documents of one or two other sides, over a temperature, a block of queries at a time."""

    def __init__(self, sides: Mapping[str, _Side], temperature: float) -> None:
        self.sides, self.temperature = sides, temperature
        self.query = sides["query"]
        self.columns: dict[str, slice] = {}
        self.width = 0
        for name, side in sides.items():
            if name != "query":
                self.columns[name] = slice(self.width, self.width + side.rows.shape[-2])
                self.width += side.rows.shape[-2]
        self.largest = max(int(sides[name].exponent.max(initial=-(2**20))) for name in self.columns)

    def blocks(self) -> list[slice]:
        """Slice the queries so that a block's scores, and its own documents, fit in a segment."""
        own = sum(side.rows[0].size for side in self.sides.values() if side.rows.ndim == 3)
        step = max(1, SEGMENT // (self.width + own))
        return [slice(start, start + step) for start in range(0, len(self.query.rows), step)]

    def softmax(self, rows: slice) -> Softmax:
        """Return the softmax of the scores, which are shifted before the scale of vectors out of range is restored."""
        products = np.concatenate([self._products(self.sides[name], rows) for name in self.columns], axis=1)
        products -= products.max(axis=1, keepdims=True)
        return Softmax(scaled(products, self.query.exponent[rows, None] + self.largest) / self.temperature)

    def _products(self, side: _Side, rows: slice) -> Array:
        if side.rows.ndim == 2:
            return scaled(self.query.rows[rows] @ side.rows.T, (side.exponent - self.largest)[None, :])
        return scaled(np.vecdot(side.rows[rows], self.query.rows[rows, None]), side.exponent[rows] - self.largest)

    def pulled(self, name: str, slopes: Callable[[slice], Array]) -> Array:
        """Return the derivative by one side from the derivatives by the similarities of a block of queries."""
        out = np.zeros_like(self.sides[name].vectors)
        for rows in self.blocks():
            slope = slopes(rows)
            if name != "query":
                part, queries = slope[:, self.columns[name]], self.query.vectors[rows]
                if out.ndim == 2:
                    out += part.T @ queries
                else:
                    out[rows] = part[:, :, None] * queries[:, None, :]
            else:
                for other, columns in self.columns.items():
                    vectors = self.sides[other].vectors
                    out[rows] += slope[:, columns] @ vectors if vectors.ndim == 2 else (slope[:, None, columns] @ vectors[rows])[:, 0]
        return self.sides[name].pull(out)


# ------------------------------------------------------------------ the order in which a class is found


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
