"""Keypoints of a pose, as coordinates and as heatmaps."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from service.losses.core import Evaluation, loss
from service.losses.numerics import elementwise, per_sample_size
from service.losses.tensors import Array, Domain, Tensor

POSITIVE = Domain(low=0, low_open=True)
Points = Annotated[Array, Tensor("n k 2", gradient="default", description="predicted keypoints as x, y")]
PointLabels = Annotated[Array, Tensor("n k 2", gradient="on request", description="true keypoints as x, y")]
Areas = Annotated[Array, Tensor("n", domain=POSITIVE, description="area of each object (COCO: of its segment), in squared units of the coordinates")]
Sigmas = Annotated[Array, Tensor("k", domain=POSITIVE, description="spread of each keypoint; COCO has 0.026 for a nose and 0.107 for a hip")]
Visible = Annotated[
    Array, Tensor("n k", kind="integer", domain=Domain(values=(0, 1)), description="1 for a keypoint that counts, 0 for one that does not")
]
Heatmaps = Annotated[Array, Tensor("n k h w", gradient="default", description="a predicted map for each keypoint")]
HeatmapLabels = Annotated[Array, Tensor("n k h w", gradient="on request", description="true maps")]
PointWeight = Annotated[Array, Tensor("n k", domain=Domain(low=0), description="weight of each keypoint's map, 0 for one that is not visible")]


@loss(
    example={
        "predictions": [[[10.0, 12.0], [30.0, 41.0]]],
        "labels": [[[11.0, 12.0], [30.0, 38.0]]],
        "area": [900.0],
        "sigmas": [0.026, 0.107],
    }
)
def oks(predictions: Points, labels: PointLabels, area: Areas, sigmas: Sigmas, *, visible: Visible | None = None) -> Evaluation:
    r"""One minus the object keypoint similarity: how far each keypoint is off, by the size of the object and the spread of the keypoint.

    COCO's similarity, a mean over an object's visible keypoints. An object without any has loss 0, and counts.

    Formula: \ell_i = 1 - \frac{1}{|V_i|} \sum_{k \in V_i} e^{-\frac{|p_k - t_k|^2}{2 A_i (2 \sigma_k)^2}}
    Divisor: the number of objects
    Synonyms: OKSLoss, oks_loss, object_keypoint_similarity
    Reference: Maji et al., YOLO-Pose, 2022, arXiv:2204.06806, equation 3; COCO keypoint evaluation
    """
    counts = np.ones(predictions.shape[:2]) if visible is None else visible.astype(np.float64)
    share = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)).astype(predictions.dtype)
    size, spread_of = np.sqrt(8.0 * area)[:, None, None], sigmas[None, :, None]
    off = (predictions - labels) / size / spread_of  # the root of the exponent: in range where squares would not be
    x = np.square(off).sum(axis=2)
    root = np.exp(-0.5 * x)[:, :, None]
    slope = np.where(root > 0, (2.0 * root * off / size / spread_of) * root, 0.0).astype(off.dtype)

    def by_prediction(c: Array) -> Array:
        return (c * share)[:, :, None] * slope

    return elementwise(
        -np.expm1(-x) * share,
        {"predictions": by_prediction, "labels": lambda c: -by_prediction(c)},
        divisor=np.ones(len(predictions)),
    )


@loss(example={"predictions": [[[[0.1, 0.8], [0.2, 0.1]]]], "labels": [[[[0.0, 1.0], [0.3, 0.1]]]]}, hessian_diagonal=True)
def keypoint_mse(predictions: Heatmaps, labels: HeatmapLabels, *, weight: PointWeight | None = None) -> Evaluation:
    r"""Squared error of keypoints' heatmaps, each map with a weight.

    mmpose's convention: weights multiply the errors, and not the divisor.

    Formula: \ell = w_k (x - t)^2
    Divisor: the number of pixels of all maps
    Synonyms: KeypointMSELoss, keypoint_mse_loss, heatmap_mse
    Reference: Xiao, Wu and Wei, Simple Baselines for Human Pose Estimation and Tracking, 2018, arXiv:1804.06208; mmpose KeypointMSELoss
    """
    error = predictions - labels
    factor = None if weight is None else np.broadcast_to(weight[:, :, None, None], error.shape)
    return elementwise(
        error * error,
        {"predictions": lambda c: c * (2.0 * error), "labels": lambda c: -c * (2.0 * error)},
        {"predictions": lambda c: c * np.full_like(error, 2.0), "labels": lambda c: c * np.full_like(error, 2.0)},
        weight=factor,
        divisor=per_sample_size(error),
    )
