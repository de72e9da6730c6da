"""Models of the Open Inference Protocol: every loss but the combination, its tensors inputs, its options and `reduction` parameters.

Metadata has one datatype and one rank for a tensor, where a loss takes any: it has FP32 or INT64 and the shape [-1, -1], and the card has the rest.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import orjson

from service import __version__
from service.api import combination
from service.api.names import find
from service.api.request import bind
from service.errors import Failure
from service.losses import LOSSES, Loss
from service.losses.naming import plain

INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
VERSION, PLATFORM = "1", "loss-service"
ANY = [-1, -1]
Described = tuple[str, str, list[int]]  # name, datatype, shape
EXTENSIONS = ["binary_tensor_data", "parameters", "model_configuration", "model_repository"]


def server() -> dict[str, Any]:
    """The metadata of the server."""
    return {"name": PLATFORM, "version": __version__, "extensions": EXTENSIONS}


def index() -> list[dict[str, str]]:
    """All models."""
    return [{"name": name, "version": VERSION, "state": "READY", "reason": ""} for name in LOSSES]


def model(name: str, version: str = VERSION) -> Loss:
    """Look up the loss of a model. Raises a 404 Failure with the nearest names."""
    if plain(name[:100]) in map(plain, (combination.NAME, *combination.SYNONYMS)):
        raise Failure("not-found", f"{combination.NAME} is not a model; expected POST /loss/{combination.NAME}")
    loss = find(name)
    if version != VERSION:
        raise Failure("not-found", f"{loss.name} has no version {version[:20]!r}; expected {VERSION}")
    return loss


def metadata(loss: Loss) -> dict[str, Any]:
    """The inputs and outputs of a model."""
    inputs, outputs = ([{"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in side] for side in _tensors(loss))
    return {"name": loss.name, "versions": [VERSION], "platform": PLATFORM, "inputs": inputs, "outputs": outputs}


def config(loss: Loss) -> dict[str, Any]:
    """The configuration of a model in Triton's form: its tensors with the optional ones marked, its options with their defaults, its card's path."""
    required = {item.name for item in loss.inputs if item.required}
    inputs, outputs = (
        [dict[str, Any](name=name, data_type=f"TYPE_{datatype}", dims=dims) for name, datatype, dims in side] for side in _tensors(loss)
    )
    options = {"reduction": loss.reduction, **{option.name: option.default for option in loss.options}, "card": f"/loss/{loss.name}"}
    written = {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in options.items()}
    parameters = {name: {"string_value": value} for name, value in written.items()}
    inputs = [{**item, "optional": item["name"] not in required} for item in inputs]
    return {"name": loss.name, "platform": PLATFORM, "max_batch_size": 0, "input": inputs, "output": outputs, "parameters": parameters}


@cache
def _tensors(loss: Loss) -> tuple[list[Described], list[Described]]:
    """The inputs and the outputs. The outputs that a loss has beside its gradients are found by evaluating its example."""
    names = {item.name for item in loss.inputs}
    call = bind(loss, {key: np.asarray(value, np.float64) if key in names else value for key, value in loss.example.items()})
    evaluation = loss(**call.tensors, **call.options)
    inputs = [(item.name, "FP32" if item.forms[0].kind == "real" else "INT64", ANY) for item in loss.inputs]
    numbers = ["value", "normalizer", *(f"parts.{name}" for name in evaluation.parts)]
    arrays = [*(f"gradients.{name}" for name in loss.differentiable), *(["per_element"] if evaluation.elements else [])]
    arrays += [f"hessian_diagonal.{name}" for name in evaluation.hessian_diagonal if loss.hessian_diagonal]
    outputs = [*((name, "FP64", [1]) for name in numbers), ("per_sample", "FP64", [-1]), *((name, "FP32", ANY) for name in arrays)]
    outputs += [(f"state.{name}", "FP64", ANY) for name in evaluation.state]
    return [*inputs, ("sample_weight", "FP64", ANY), ("cotangent", "FP64", ANY)], outputs
