"""The output `numerics`, against what casting and computing again give."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from service.api.conditioning import numerics
from service.api.request import bind
from service.losses import LOSSES, compute
from tests import required
from tests.losses import draw


@pytest.mark.parametrize("name", draw.every_loss)
def test_every_loss_has_numerics(name: str) -> None:
    arrays, options = draw.call(LOSSES[name], np.random.default_rng(zlib.crc32(name.encode())))
    found = numerics(bind(LOSSES[name], {**arrays, **options}))
    json.dumps(found, allow_nan=False)
    assert set(found["stored_as"]) == {"float32", "float16", "bfloat16"}
    assert all(0 <= digits <= 16 for digits in found["digits"].values())


def test_the_condition_is_that_of_the_derivative() -> None:
    """The mean of squares of x against 0 doubles a relative change of x; a difference of near numbers multiplies it."""
    x = np.array([1.0, 2.0, 3.0])
    assert numerics(bind(LOSSES["mean_squared_error"], {"predictions": x, "labels": np.zeros(3)}))["condition"] == pytest.approx(2)
    near = numerics(bind(LOSSES["mean_squared_error"], {"predictions": x, "labels": x + 1e-6}))
    assert near["condition"] == pytest.approx(4 * 1e6 * 6 / 3, rel=1e-5)
    assert near["digits"]["value"] == pytest.approx(16 - np.log10(8e6), abs=0.1)


def test_storage_is_casting_and_computing_again() -> None:
    rng = np.random.default_rng(0)
    request = {"predictions": rng.normal(size=(6, 4)), "labels": rng.integers(0, 4, 6)}
    found = numerics(bind(LOSSES["cross_entropy"], request))["stored_as"]["float16"]
    exact = compute(LOSSES["cross_entropy"], request, {})
    cast = compute(LOSSES["cross_entropy"], request | {"predictions": request["predictions"].astype(np.float16).astype(float)}, {})
    assert found["value"] == pytest.approx(abs(required(cast.value) - required(exact.value)) / required(exact.value))
    samples = required(exact.per_sample)
    worst = np.abs(required(cast.per_sample) - samples) / np.maximum(samples, samples.max() / 1000)
    assert found["samples"] == np.argsort(-worst).tolist()


def test_class_indices_are_not_cast() -> None:
    """300 is no bfloat16 number, and a class index is not stored as one."""
    request = {"predictions": np.random.default_rng(0).normal(size=(2, 302)), "labels": np.array([300.0, 301.0])}
    assert numerics(bind(LOSSES["cross_entropy"], request))["stored_as"]["bfloat16"]["value"] < 0.01


def test_overflow_does_not_fit() -> None:
    found = numerics(bind(LOSSES["mean_squared_error"], {"predictions": np.array([1e6]), "labels": np.array([0.0])}))
    assert found["stored_as"]["float16"] == {"fits": False}
    assert found["stored_as"]["bfloat16"]["fits"]


def test_samples_without_a_gradient_are_named() -> None:
    request = {"predictions": np.array([[0.0, 1.0], [90.0, 0.0], [0.5, 0.0], [1.0, 2.0]]), "labels": np.array([0, 0, 0, -100])}
    assert numerics(bind(LOSSES["cross_entropy"], request))["no_gradient"] == [1, 3]


def test_only_narrower_types_are_reported() -> None:
    narrow = np.ones((2, 3), np.float16)
    assert set(numerics(bind(LOSSES["mean_squared_error"], {"predictions": narrow, "labels": narrow}))["stored_as"]) == {"bfloat16"}
