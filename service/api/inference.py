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

INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
VERSION = "1"
CONTROLS = ("sample_weight", "cotangent")
EXTENSIONS = ["binary_tensor_data", "parameters", "model_configuration", "model_repository"]
ANY = [-1, -1]


def model(name: str, version: str = VERSION) -> Loss:
    """Look up the loss of a model. Raises a 404 Failure with the nearest names."""
    if name in (combination.NAME, *combination.SYNONYMS):
        raise Failure("not-found", f"{combination.NAME} is not a model; expected POST /loss/{combination.NAME}")
    loss = find(name)
    if version != VERSION:
        raise Failure("not-found", f"{loss.name} has no version {version[:20]!r}; expected {VERSION}")
    return loss


def server() -> dict[str, Any]:
    """The metadata of the server."""
    return {"name": "loss-service", "version": __version__, "extensions": EXTENSIONS}


def index() -> list[dict[str, str]]:
    """All models, which are always ready."""
    return [{"name": name, "version": VERSION, "state": "READY", "reason": ""} for name in LOSSES]


def metadata(loss: Loss) -> dict[str, Any]:
    """The inputs and outputs of a model."""
    inputs = [{"name": item["name"], "datatype": item["datatype"], "shape": ANY} for item in _inputs(loss)]
    outputs = [{"name": name, "datatype": datatype, "shape": shape} for name, datatype, shape in _outputs(loss)]
    return {"name": loss.name, "versions": [VERSION], "platform": "loss-service", "inputs": inputs, "outputs": outputs}


def config(loss: Loss) -> dict[str, Any]:
    """The configuration of a model, as Triton has it: which inputs are optional, its options with their defaults, and where its card is."""
    options = {"reduction": loss.reduction, **{option.name: option.default for option in loss.options}}
    written = {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in options.items()}
    return {
        "name": loss.name,
        "platform": "loss-service",
        "max_batch_size": 0,
        "input": [
            {"name": item["name"], "data_type": f"TYPE_{item['datatype']}", "dims": ANY, "optional": item["optional"]} for item in _inputs(loss)
        ],
        "output": [{"name": name, "data_type": f"TYPE_{datatype}", "dims": shape} for name, datatype, shape in _outputs(loss)],
        "parameters": {name: {"string_value": value} for name, value in {**written, "card": f"/loss/{loss.name}"}.items()},
    }


def _inputs(loss: Loss) -> list[dict[str, Any]]:
    kinds = {"real": "FP32", "integer": "INT64"}
    inputs = [{"name": item.name, "datatype": kinds[item.forms[0].kind], "optional": not item.required} for item in loss.inputs]
    return [*inputs, *({"name": name, "datatype": "FP64", "optional": True} for name in CONTROLS)]


@cache
def _outputs(loss: Loss) -> list[tuple[str, str, list[int]]]:
    """Name, datatype and shape of the outputs. Those that a loss has beside its gradients are found by evaluating its example."""
    names = {item.name for item in loss.inputs}
    call = bind(loss, {key: np.asarray(value, np.float64) if key in names else value for key, value in loss.example.items()})
    evaluation = loss(**call.tensors, **call.options)
    scalars = ["value", "normalizer", *(f"parts.{name}" for name in evaluation.parts)]
    arrays = [f"gradients.{name}" for name in loss.differentiable]
    arrays += [f"hessian_diagonal.{name}" for name in evaluation.hessian_diagonal if loss.hessian_diagonal]
    arrays += ["per_element"] if evaluation.elements is not None else []
    found = [*((name, "FP64", [1]) for name in scalars), ("per_sample", "FP64", [-1]), *((name, "FP32", ANY) for name in arrays)]
    return [*found, *((f"state.{name}", "FP64", ANY) for name in evaluation.state)]
