"""Measures how far the rounding of its inputs reaches into a loss: the output `numerics`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
from pydantic import BaseModel, Field

from service.api.hints import Variant, coarsest, forms, largest_error, relative_errors
from service.api.request import Call
from service.losses import LossError
from service.losses.numerics import Array

STORED = {name: np.dtype(name) for name in ("float32", "float16")} | {"bfloat16": np.dtype(ml_dtypes.bfloat16)}
STEP = 2.0**-26  # of each second element: half of the digits of float64
MOST_SAMPLES = 100


class Stored(BaseModel):
    """The effect of storing the real inputs in a narrower type. They are cast and cast back; arithmetic is in float64."""

    fits: bool = Field(description="false where the loss rejects the cast inputs, as where they overflow")
    value: float = Field(0.0, description="relative error of the value")
    gradients: float = Field(0.0, description="largest error of a gradient's element, relative to the larger of it and 1/1000 of the largest")
    samples: list[int] = Field([], description="up to 100 samples whose losses change, worst first")


class Numerics(BaseModel):
    """The sensitivity of a loss to the rounding of its inputs. Describes storage, not half-precision arithmetic."""

    condition: float = Field(0.0, description="sum |x dV/dx| / |V|: relative change of the value V for a relative change of the inputs x")
    digits: dict[str, float] = Field({}, description="decimal digits of `value` and `gradients` that inputs rounded to the request's type leave")
    no_gradient: list[int] = Field(
        [], description="up to 100 samples whose gradients the type loses beside the batch's largest: saturated or ignored"
    )
    stored_as: dict[str, Stored] = Field({}, description="by type narrower than the request's")


def numerics(call: Call) -> dict[str, Any]:
    """Return the fields of Numerics. Evaluates the call up to five times."""
    real = {item.name: array for item, form, array in forms(call.loss, call.tensors)[0] if form.kind == "real"}
    eps = coarsest(real.values())
    wide = {name: array.astype(np.float64) for name, array in real.items()}
    exact = _outputs(call, wide)
    found: dict[str, Any] = {"digits": {}, "no_gradient": _lost(exact, eps)}
    value = abs(float(exact.get("value", 0.0)))
    condition = sum(float(np.abs(wide[name] * exact[key]).sum()) for name in wide if (key := f"gradients.{name}") in exact)
    if value and math.isfinite(condition / value):
        found["condition"] = condition / value
        found["digits"]["value"] = _digits(eps, condition / value)
    if moved := _outputs(call, {name: array * (1 - STEP * (np.arange(array.size).reshape(array.shape) % 2)) for name, array in wide.items()}):
        found["digits"]["gradients"] = _digits(eps, _gradient_error(moved, exact) / STEP)
    found["stored_as"] = {name: _stored(call, wide, dtype, exact) for name, dtype in STORED.items() if coarsest([np.empty(0, dtype)]) > eps}
    return found


def _outputs(call: Call, real: Mapping[str, Array]) -> dict[str, Array]:
    """Return value, per-sample losses and all gradients of a call with other real inputs; nothing where the loss rejects them."""
    changed = Variant(call.loss, {**call.tensors, **real}, call.options, call.controls)
    reduction = call.controls.reduction
    try:
        evaluation = call.loss(**changed.tensors, **call.options)
        keys = ["per_sample", *(f"gradients.{name}" for name in evaluation.gradients if name in real), *(["value"] if reduction != "none" else [])]
        return {key: changed.outputs(key, evaluation, reduction)[0] for key in keys}
    except LossError:
        return {}


def _lost(exact: Mapping[str, Array], eps: float) -> list[int]:
    n, largest = exact["per_sample"].size, 0.0
    share = np.zeros(n)
    for key, gradient in exact.items():
        if key.startswith("gradients.") and len(gradient) == n and n:
            share = np.maximum(share, np.abs(gradient).reshape(n, -1).max(axis=1))
    largest = float(share.max(initial=0.0))
    return [int(i) for i in np.flatnonzero(share <= eps * largest)[:MOST_SAMPLES]]


def _digits(eps: float, condition: float) -> float:
    return max(0.0, -math.log10(eps / 2 * max(condition, 1.0)))


def _gradient_error(outputs: Mapping[str, Array], exact: Mapping[str, Array]) -> float:
    return max((largest_error(outputs[key], exact[key]) for key in exact if key.startswith("gradients.")), default=0.0)


def _stored(call: Call, wide: Mapping[str, Array], dtype: np.dtype[Any], exact: Mapping[str, Array]) -> dict[str, Any]:
    with np.errstate(all="ignore"):
        outputs = _outputs(call, {name: array.astype(dtype).astype(np.float64) for name, array in wide.items()})
    if not outputs:
        return {"fits": False}
    errors = np.concatenate([np.empty(0), *relative_errors(outputs["per_sample"], exact["per_sample"])])
    found = {"fits": True, "gradients": _gradient_error(outputs, exact)}
    if "value" in exact:
        found["value"] = largest_error(outputs["value"], exact["value"])
    return {**found, "samples": [int(i) for i in np.argsort(-errors, kind="stable")[:MOST_SAMPLES] if errors[i]]}
