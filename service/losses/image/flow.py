"""Optical flow: distances of vectors."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.declaration import PositionMask, TensorSpec
from service.losses.evaluation import Evaluation, elementwise, in_float64, masked
from service.losses.numerics import Array
from service.losses.numerics.vectors import norm_of
from service.losses.registry import loss

Flow = Annotated[Array, TensorSpec("n d ...", gradient="default", description="predicted vectors, with their coordinates on axis 1")]
FlowLabel = Annotated[Array, TensorSpec("n d ...", gradient="on request", description="true vectors")]


@loss(example={"predictions": [[[[1.0, 2.0]], [[0.0, 1.0]]]], "labels": [[[[4.0, 2.0]], [[4.0, 0.5]]]]})
@in_float64
def end_point_error(predictions: Flow, labels: FlowLabel, *, mask: PositionMask | None = None) -> Evaluation:
    r"""End-point error: the Euclidean distance of each predicted vector from the true one.

    The gradient of a distance of 0 is 0. For vectors on the last axis, as of poses, use mean_per_joint_position_error.

    Use: Optical flow, scene flow and displacement fields (RAFT, PWC-Net).
    Search: optical_flow, scene_flow
    Formula: \ell = \lVert x - t \rVert_2
    Where: x a predicted vector; t the true vector
    mask: 1 for the vectors to include, 0 for the others, as the valid pixels of KITTI.
    Divisor: the number of vectors included
    Synonyms: EPE, endpoint_error, average_end_point_error, AEPE
    Reference: Baker et al., A Database and Evaluation Methodology for Optical Flow, 2011, section 4.1; Dosovitskiy et al., FlowNet, 2015, arXiv:1504.06852, section 5
    """
    difference = np.moveaxis(predictions - labels, 1, -1)
    measure = norm_of(difference.reshape(-1, difference.shape[-1]))

    def by_prediction(c: Array) -> Array:
        return np.moveaxis(measure.by_a(np.broadcast_to(c, values.shape).ravel()).reshape(difference.shape), -1, 1)

    values = measure.values.reshape(difference.shape[:-1])
    plain = elementwise(values, {"predictions": by_prediction, "labels": lambda c: -by_prediction(c)})
    return masked(plain, None if mask is None else mask == 1)
