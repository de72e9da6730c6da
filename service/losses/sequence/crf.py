"""Linear-chain conditional random fields."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import Domain, TensorSpec, Work
from service.losses.evaluation import Evaluation, Pullback
from service.losses.numerics import Array
from service.losses.numerics.double_double import two_sum
from service.losses.numerics.elementary import spread
from service.losses.numerics.softmax import Softmax, sum_of_others
from service.losses.registry import loss
from service.losses.sequence._shared import settled

Emissions = Annotated[Array, TensorSpec("n t k", gradient="default", description="score of each tag at each step")]
Tags = Annotated[Array, TensorSpec("n t", kind="integer", below="k", description="true tag of each step")]
Transitions = Annotated[Array, TensorSpec("k k", gradient="default", description="score of the transition from a tag (row) to a tag (column)")]
Edge = Annotated[Array, TensorSpec("k", gradient="default", description="score of starting, or ending, with each tag")]
StepCounts = Annotated[Array, TensorSpec("n", kind="integer", domain=Domain(low=1), upto="t", description="number of steps of each sample")]


# ------------------------------------------------------------------ chains of tags


@loss(
    example={
        "predictions": [[[1.0, 0.2], [0.1, 0.6], [0.4, 0.3]]],
        "labels": [[0, 1, 1]],
        "transitions": [[0.5, -0.2], [0.1, 0.3]],
    },
    work=Work("300000 t + 150 n t k k", "160 n k k"),
)
def crf_nll(
    predictions: Emissions,
    labels: Tags,
    transitions: Transitions,
    *,
    start_transitions: Edge | None = None,
    end_transitions: Edge | None = None,
    lengths: StepCounts | None = None,
) -> Evaluation:
    r"""Negative log-likelihood of the true tags in a linear-chain conditional random field.

    It is computed as the sum over the steps of the negative log-probability of a tag given the next one, so that a nearly certain path has an accurate
    loss. pytorch-crf has start and end scores, TensorFlow does not; pytorch-crf's mask is `lengths` here.

    Use: Sequence labelling: named entities, part-of-speech tags, and other tags of tokens.
    Formula: \ell = \log \sum_{y'} e^{s(y')} - s(y), \quad s(y) = a_{y_1} + \sum_t e_{t y_t} + \sum_{t > 1} T_{y_{t-1} y_t} + b_{y_L}
    Divisor: the number of samples
    Synonyms: CRF, crf_log_likelihood, linear_chain_crf, conditional_random_field
    Reference: Lafferty, McCallum and Pereira, Conditional Random Fields, 2001, ICML
    """
    n, steps, tags = predictions.shape
    rows = np.arange(n)
    count = np.full(n, steps) if lengths is None else lengths
    into = transitions.max(axis=0)  # the best score into each tag
    relative = transitions - into
    forward = np.empty((steps, n, tags), predictions.dtype)

    def before(t: int) -> Softmax:
        """Return the probability of the previous tag (axis 1) given the tag at t (axis 2)."""
        return Softmax(forward[t - 1][:, :, None] + relative)

    last = np.empty((n, tags), predictions.dtype)
    numerator = np.zeros(n)
    for t in range(steps):
        if t == 0:
            here = _settled_sum(predictions[:, t], start_transitions)
        else:
            step = before(t)
            here = _settled_sum(predictions[:, t], into) + (step.largest + np.log1p(step.rest))[:, 0]
            surprise = Softmax(step.logits[rows, :, labels[:, t]]).negative_log_at(labels[:, t - 1])
            numerator += np.where(t < count, surprise, 0.0)
        forward[t] = settled(here)[0]
        last = np.where((count == t + 1)[:, None], forward[t], last)
    final = Softmax(_settled_sum(last, end_transitions))
    numerator += final.negative_log_at(labels[rows, count - 1])

    found: list[tuple[Array, tuple[Array, Array]]] = []  # the last cotangent and its gradients, since all pullbacks get the same one

    def marginals(cotangent: Array) -> tuple[Array, Array]:
        if not found or found[0][0] is not cotangent:
            found[:] = [(cotangent, pulled(cotangent))]
        return found[0][1]

    def pulled(cotangent: Array) -> tuple[Array, Array]:
        """Return the gradients by the tags (steps, n, k) and by the transitions (k, k): probabilities minus the true ones."""
        pairs = np.zeros((tags, tags))
        tag = np.zeros_like(forward)
        at_end = final.probabilities()
        for t in reversed(range(steps)):
            tag[t] = np.where((count == t + 1)[:, None], at_end, tag[t])
            if t:
                joint = before(t).probabilities() * tag[t][:, None, :]
                tag[t - 1] = joint.sum(axis=2)
                here = (labels[:, t - 1] * tags + labels[:, t])[:, None]
                pairs += (_less_one(joint.reshape(n, tags * tags), here) * (cotangent * (t < count))[:, None]).sum(axis=0).reshape(tags, tags)
        valid = np.arange(steps)[:, None] < count
        slopes = [_less_one(tag[t], labels[:, t, None]) * (spread(cotangent, tag[t]) * valid[t][:, None]) for t in range(steps)]
        return np.stack(slopes), pairs

    def to_end(cotangent: Array) -> Array:
        return (_less_one(final.probabilities(), labels[rows, count - 1][:, None]) * cotangent[:, None]).sum(axis=0)

    gradients: dict[str, Pullback] = {
        "predictions": lambda c: marginals(c)[0].transpose(1, 0, 2),
        "transitions": lambda c: marginals(c)[1].astype(transitions.dtype),
    }
    if start_transitions is not None:
        gradients["start_transitions"] = lambda c: marginals(c)[0][0].sum(axis=0)
    if end_transitions is not None:
        gradients["end_transitions"] = to_end
    return Evaluation(numerator, np.ones(n), gradients, lambda: numerator.astype(predictions.dtype))


def _settled_sum(scores: Array, edge: Array | None) -> Array:
    """Return the scores (n, k) + edge (k) minus the largest of each row, accurate where they are of opposite signs or far apart."""
    if edge is None:
        return settled(scores)[0]
    high, low = two_sum(scores, edge)
    low = np.where(np.isfinite(low), low, 0.0).astype(high.dtype, copy=False)
    top = np.argmax(high, axis=1)[:, None]
    return (high - np.take_along_axis(high, top, 1)) + (low - np.take_along_axis(low, top, 1))


def _less_one(probabilities: Array, true: Array) -> Array:
    """Return the probabilities (n, k), minus 1 at the true one, where it is computed as minus the sum of the others."""
    out = probabilities.copy()
    np.put_along_axis(out, true, -np.take_along_axis(sum_of_others(probabilities), true, 1), 1)
    return out
