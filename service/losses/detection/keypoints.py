"""Keypoints: object keypoint similarity, heatmaps, and the keypoint head of Mask R-CNN."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from service.losses.classification.cross_entropy import cross_entropy
from service.losses.declaration import Domain, PositionMask, TensorSpec, Work
from service.losses.errors import InvalidTensor
from service.losses.evaluation import Evaluation, Pullback, elementwise
from service.losses.image.flow import end_point_error
from service.losses.numerics import Array
from service.losses.numerics.elementary import per_sample_size
from service.losses.registry import loss

HeatmapLogits = Annotated[Array, TensorSpec("n k h w", gradient="default", description="a map of raw scores for each keypoint of each region")]
Cells = Annotated[
    Array, TensorSpec("n k", kind="integer", description="true cell of each visible keypoint, row times width plus column; any integer for others")
]
VisibleKeypoints = Annotated[
    Array, TensorSpec("n k", kind="integer", domain=Domain(values=(0, 1)), description="1 for a visible keypoint, 0 for one to ignore")
]


@loss(example={"predictions": [[[[2.0, -1.0], [0.5, 0.0]]]], "labels": [[0]], "visible": [[1]]})
def keypoint_rcnn(predictions: HeatmapLogits, labels: Cells, visible: VisibleKeypoints) -> Evaluation:
    r"""Cross entropy of a softmax over all cells of the heatmap, for each visible keypoint.

    detectron2 divides by a fixed number of keypoints instead: use `reduction` sum with a factor.

    Use: Human pose estimation and keypoint detection, as in Keypoint R-CNN.
    Formula: \ell_{ik} = -\log \mathrm{softmax}(x_{ik})_{t_{ik}} \text{ over the } hw \text{ cells, where keypoint } k \text{ is visible}
    Divisor: the number of visible keypoints; without any the value is 0
    Synonyms: keypointrcnn_loss, keypoint_rcnn_loss, KeypointRCNN
    Reference: He et al., Mask R-CNN, 2017, arXiv:1703.06870, section 5
    """
    n, k, h, w = predictions.shape
    wrong = ((visible == 1) & ((labels < 0) | (labels >= h * w))).nonzero()
    if wrong[0].size:
        index = tuple(int(axis[0]) for axis in wrong)
        raise InvalidTensor("labels", f"out of range; expected a cell in [0, {h * w}), got {labels[index]}", index)
    maps = predictions.reshape(n, k, h * w).transpose(0, 2, 1)
    entropy = cross_entropy.function(maps, np.where(visible == 1, labels, -1), ignore_index=-1)

    def pullback(cotangent: Array) -> Array:
        return entropy.gradients["predictions"](cotangent).transpose(0, 2, 1).reshape(predictions.shape)

    return replace(entropy, gradients={"predictions": pullback}, hessian_diagonal={})


POSITIVE = Domain(low=0, low_open=True)
Points = Annotated[Array, TensorSpec("n k 2", gradient="default", description="predicted keypoints as x, y")]
PointLabels = Annotated[Array, TensorSpec("n k 2", gradient="on request", description="true keypoints as x, y")]
Areas = Annotated[
    Array, TensorSpec("n", domain=POSITIVE, description="area of each object (COCO: of its segment), in squared units of the coordinates")
]
Sigmas = Annotated[Array, TensorSpec("k", domain=POSITIVE, description="spread of each keypoint; COCO has 0.026 for a nose and 0.107 for a hip")]
Visible = Annotated[
    Array, TensorSpec("n k", kind="integer", domain=Domain(values=(0, 1)), description="1 for a visible keypoint, 0 for one to ignore")
]
Heatmaps = Annotated[Array, TensorSpec("n k h w", gradient="default", description="a predicted map for each keypoint")]
HeatmapLabels = Annotated[Array, TensorSpec("n k h w", gradient="on request", description="true maps")]
PointWeight = Annotated[Array, TensorSpec("n k", domain=Domain(low=0), description="weight of each keypoint's map, 0 for one that is not visible")]


@loss(
    example={
        "predictions": [[[10.0, 12.0], [30.0, 41.0]]],
        "labels": [[[11.0, 12.0], [30.0, 38.0]]],
        "area": [900.0],
        "sigmas": [0.026, 0.107],
    }
)
def oks(predictions: Points, labels: PointLabels, area: Areas, sigmas: Sigmas, *, visible: Visible | None = None) -> Evaluation:
    r"""One minus the object keypoint similarity: keypoint distances relative to the object's size and the keypoint's spread.

    The similarity is COCO's, a mean over an object's visible keypoints. Those that are not visible may stand anywhere. An object without visible keypoints has loss 0 and is included in the mean.

    Use: Human pose estimation by direct keypoint regression, judged as COCO judges it.
    Formula: \ell_i = 1 - \frac{1}{|V_i|} \sum_{k \in V_i} e^{-\frac{|p_k - t_k|^2}{2 A_i (2 \sigma_k)^2}}
    Divisor: the number of objects
    Synonyms: OKSLoss, oks_loss, object_keypoint_similarity
    Reference: Maji et al., YOLO-Pose, 2022, arXiv:2204.06806, equation 3; COCO keypoint evaluation
    """
    counts = np.ones(predictions.shape[:2]) if visible is None else visible.astype(np.float64)
    share = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)).astype(predictions.dtype)
    size, spread_of = np.sqrt(8.0 * area)[:, None, None], sigmas[None, :, None]
    off = (predictions - labels) / size / spread_of  # square root of the exponent, since squares may be out of range
    x = np.square(off).sum(axis=2)
    root = np.exp(-0.5 * x)[:, :, None]
    slope = np.where(root > 0, (2.0 * root * off / size / spread_of) * root, 0.0).astype(off.dtype)

    def by_prediction(c: Array) -> Array:
        return (c * share)[:, :, None] * slope

    return elementwise(
        -np.expm1(-x) * share,
        {"predictions": by_prediction, "labels": lambda c: -by_prediction(c)},
        divisor=np.ones(len(predictions)),
        shares=share,
    )


@loss(example={"predictions": [[[[0.1, 0.8], [0.2, 0.1]]]], "labels": [[[[0.0, 1.0], [0.3, 0.1]]]]}, hessian_diagonal=True)
def keypoint_mse(predictions: Heatmaps, labels: HeatmapLabels, *, weight: PointWeight | None = None) -> Evaluation:
    r"""Mean squared error of keypoint heatmaps, each map with a weight.

    As in mmpose, weights multiply the errors but not the divisor. The maps of a keypoint of weight 0 may have any values.

    Use: Human pose estimation by heatmaps of keypoints.
    Formula: \ell = w_k (x - t)^2
    Divisor: the number of pixels of all maps
    Synonyms: KeypointMSELoss, keypoint_mse_loss, heatmap_mse
    Reference: Xiao, Wu and Wei, Simple Baselines for Human Pose Estimation and Tracking, 2018, arXiv:1804.06208; mmpose KeypointMSELoss
    """
    error = predictions - labels
    factor = None if weight is None else np.broadcast_to(weight[:, :, None, None], error.shape)
    if factor is not None:
        error = np.where(factor == 0, 0.0, error).astype(error.dtype, copy=False)
    return elementwise(
        error * error,
        {"predictions": lambda c: c * (2.0 * error), "labels": lambda c: -c * (2.0 * error)},
        {"predictions": lambda c: c * np.full_like(error, 2.0), "labels": lambda c: c * np.full_like(error, 2.0)},
        weight=factor,
        divisor=per_sample_size(error),
    )


Joints = Annotated[Array, TensorSpec("n ... d", gradient="default", description="predicted positions, with their coordinates on the last axis")]
JointLabels = Annotated[Array, TensorSpec("n ... d", gradient="on request", description="true positions")]


@loss(
    example={
        "predictions": [[[0.0, 1.0, 2.0], [3.0, 1.0, 0.5]]],
        "labels": [[[0.0, 4.0, 6.0], [3.0, 1.5, 0.5]]],
        "mask": [[1, 1]],
    },
    work=Work("100 n ... d", "64 n ... d"),
)
def mean_per_joint_position_error(predictions: Joints, labels: JointLabels, *, mask: PositionMask | None = None) -> Evaluation:
    r"""Mean per joint position error (MPJPE): the Euclidean distance of each predicted joint from the true one, in the units of the coordinates.

    It is end_point_error of vectors on the last axis. The gradient of a distance of 0 is 0. The alignment of a pose (root, scale or Procrustes) is the client's.

    Use: Human pose estimation in two or three dimensions, and other point sets in correspondence.
    Search: pose_estimation
    Formula: \ell_{ik} = \lVert x_{ik} - t_{ik} \rVert_2
    Where: x a predicted joint; t the true joint
    mask: 1 for the joints to include, 0 for those that are not visible.
    Divisor: the number of joints included
    Synonyms: MPJPE, mpjpe_loss, per_joint_position_error
    Reference: Ionescu et al., Human3.6M, 2014, section 5.3
    """
    errors = end_point_error.function(np.moveaxis(predictions, -1, 1), np.moveaxis(labels, -1, 1), mask=mask)

    def last(pullback: Pullback) -> Pullback:
        return lambda c: np.moveaxis(pullback(c), 1, -1)

    return replace(errors, gradients={name: last(pullback) for name, pullback in errors.gradients.items()})
