"""The contrasts that the explorer draws are what torch gives today, and the service is right where they differ."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from service.losses import LOSSES, Controls, compute
from tests.parity.curves import CURVES, FILE, Curve, document


def test_the_file_is_what_torch_gives() -> None:
    written = json.loads(FILE.read_text())
    found = document()
    assert written.keys() == found.keys()
    for loss, cards in found.items():
        for old, new in zip(written[loss], cards, strict=True):
            assert old | {"library_numbers": 0} == new | {"library_numbers": 0}
            before, after = (np.array([np.inf if y is None else y for y in card["library_numbers"]]) for card in (old, new))
            np.testing.assert_allclose(before, after, rtol=1e-4, atol=1e-6, err_msg=loss)  # float32 kernels differ between processors


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.loss)
def test_the_service_keeps_what_float32_loses(curve: Curve) -> None:
    points = np.array(curve.points())
    tensors = {name: np.repeat(np.asarray(value, float), len(points), 0) for name, value in curve.request.items()}
    tensors[curve.varied].reshape(len(points), -1)[:, curve.at] = points
    answer = compute(LOSSES[curve.loss], tensors, {}, Controls(reduction="none", outputs=("per_sample", "gradients")))
    assert answer.per_sample is not None
    assert answer.gradients is not None
    ours = answer.per_sample if curve.shown == "value" else answer.gradients[curve.varied].reshape(len(points), -1)[:, curve.at]
    assert np.isfinite(ours).all()
    assert (ours != 0).all()
    lost = np.array(curve.theirs(torch.float32))
    assert ((lost == 0) | ~np.isfinite(lost)).sum() > 10, "a contrast shows a failure"
    double = np.array(curve.theirs(torch.float64))
    close = np.isfinite(double) & (np.abs(double) > 1e-10)
    np.testing.assert_allclose(ours[close], double[close], rtol=1e-5)
