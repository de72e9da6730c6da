"""Estimates of a request's work, by which it is admitted, rejected, or handed to the pool before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service.api.request import Call
from service.errors import Failure
from service.settings import Settings

KEPT = 8.0  # bytes of one number of a response before it is encoded


@dataclass(slots=True)
class Estimate:
    """Upper estimates for one request.

    operations: elementary operations, about a nanosecond each, without those of encoding. memory: bytes of all arrays at their peak,
    inputs and results included. numbers: how many the response has. inputs: bytes of the inputs.
    """

    operations: float
    memory: float
    numbers: float
    inputs: float = 0.0


SEARCH = Estimate(1e9, 0.0, 0.0)
"""A search through many calls, which caps its own work."""


@dataclass(slots=True)
class Prepared:
    """A checked request: its estimate, and the computation of the response's fields."""

    estimate: Estimate
    compute: Callable[[], dict[str, Any]]


def estimate(call: Call) -> Estimate:
    """Estimate a call. Raises InvalidTensor for shapes that do not fit together."""
    cost, outputs = call.loss.cost(call.tensors, call.options), call.controls.outputs
    wrt = call.loss.predicted if call.controls.wrt is None else call.controls.wrt
    held = derivatives = samples = largest = 0
    for name, tensor in call.tensors.items():
        size = tensor.size
        held += tensor.nbytes
        derivatives += size if name in wrt else 0
        samples = max(samples, len(tensor) if tensor.ndim else 0)
        largest = max(largest, size)
    derivatives *= ("gradients" in outputs) + ("hessian_diagonal" in outputs)
    numbers = derivatives + ("per_sample" in outputs) * samples + ("per_element" in outputs) * largest
    return Estimate(cost.operations, held + cost.memory + KEPT * numbers, numbers, held)


def sequence(estimates: list[Estimate]) -> Estimate:
    """Add up calls that run one after the other, whose inputs and results are kept."""
    numbers, inputs = sum(part.numbers for part in estimates), sum(part.inputs for part in estimates)
    return Estimate(
        sum(part.operations for part in estimates),
        max(part.memory - part.inputs for part in estimates) + inputs + KEPT * numbers,
        numbers,
        inputs,
    )


def bounded(name: str, estimate: Estimate, settings: Settings) -> None:
    """Raise a 413 Failure for more work than one request may cause."""
    if estimate.operations > settings.max_work:
        raise Failure("too-large", _beyond(name, estimate.operations, "elementary operations", settings.max_work))
    if estimate.memory > settings.max_work_bytes:
        raise Failure("too-large", _beyond(name, estimate.memory, "bytes of memory", settings.max_work_bytes))


def _beyond(name: str, needed: float, what: str, most: float) -> str:
    return f"{name}: too much work for tensors of these shapes; expected at most {most:.2g} {what}, got about {needed:.2g}"
