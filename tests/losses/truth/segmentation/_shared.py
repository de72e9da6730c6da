from __future__ import annotations

import numpy as np

from tests.losses.truth import ONE, ZERO, exp, sigmoid


def probabilities(predictions, activation):
    if activation == "none":
        return predictions
    if activation == "sigmoid":
        return sigmoid(predictions)
    raised = exp(predictions)
    return raised / raised.sum(axis=1, keepdims=True)


def as_masks(labels, like):
    if labels.ndim == like.ndim:
        return labels
    out = np.empty(like.shape, dtype=object)
    for index in np.ndindex(like.shape):
        out[index] = ONE if labels[(index[0], *index[2:])] == index[1] else ZERO
    return out
