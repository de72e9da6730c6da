"""Estimates of a request's work, by which it is admitted, rejected, or handed to the pool before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

from service.api.request import Call
from service.errors import Failure
from service.losses import Loss
from service.losses.checking import Fit, fitted
from service.settings import Settings

KEPT = 8.0  # bytes of one number of a response before it is encoded


@dataclass(frozen=True)
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
    return _estimate(call.loss, fitted(call.loss.inputs, call.tensors), call.controls.outputs, call.controls.wrt, **call.options)


@lru_cache(maxsize=1024)
def _estimate(loss: Loss, fit: Fit, outputs: tuple[str, ...], wrt: tuple[str, ...] | None, /, **options: Any) -> Estimate:
    """Estimate the calls with these shapes. Cached, since clients send the same ones repeatedly."""
    cost, sizes = loss.cost_of(fit, options), {name: prod(shape) for name, shape in fit.shapes.items()}
    derivatives = sum(sizes.get(name, 0) for name in (loss.predicted if wrt is None else wrt))
    derivatives *= ("gradients" in outputs) + ("hessian_diagonal" in outputs)
    samples = max((shape[0] for shape in fit.shapes.values() if shape), default=0)
    numbers = derivatives + ("per_sample" in outputs) * samples + ("per_element" in outputs) * max(sizes.values(), default=0)
    return Estimate(cost.operations, fit.nbytes + cost.memory + KEPT * numbers, numbers, fit.nbytes)


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
