"""Times a check of a million gradients against the loss itself, from the bytes of the request to those of the response.

Run `python -m tests.benchmarks.check`. Each ratio is of the best of several runs that alternate; searches for hints are off, and each claim
disagrees in one element.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import safetensors.numpy

from service.api.operations import operation_at
from service.codec import CODECS
from service.http.endpoint import exchange
from service.http.negotiation import Exchange
from service.settings import Settings

ELEMENTS, CLASSES, RUNS = 1_000_000, 10, 7
SETTINGS = Settings(search_elements=1)
RNG = np.random.default_rng(0)
REAL = {"predictions": RNG.normal(size=ELEMENTS), "labels": RNG.normal(size=ELEMENTS)}
BINARY = {"predictions": RNG.normal(size=ELEMENTS), "labels": RNG.integers(0, 2, ELEMENTS)}
CLASSIFIED = {"predictions": RNG.normal(size=(ELEMENTS // CLASSES, CLASSES)), "labels": RNG.integers(0, CLASSES, ELEMENTS // CLASSES)}
CALLS: dict[str, dict[str, Any]] = {
    "mean_squared_error": REAL,
    "huber": REAL,
    "binary_cross_entropy_with_logits": BINARY,
    "cross_entropy": CLASSIFIED,
    "sigmoid_focal": BINARY,
}


def flat(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "data": array.ravel()}


def as_json(tensors: dict[str, Any]) -> bytes:
    """Write tensors named by their path, `claimed.gradients.predictions`, as {shape, data}."""
    body: dict[str, Any] = {}
    for name, array in tensors.items():
        *path, last = name.split(".")
        place = body
        for step in path:
            place = place.setdefault(step, {})
        place[last] = flat(array)
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def seconds(path: str, body: bytes, media_type: str) -> float:
    codec = CODECS[media_type]
    start = time.perf_counter()
    exchange(operation_at(path), body, Exchange(codec, codec, None, b""), SETTINGS, 0.0)
    return time.perf_counter() - start


WRITERS: dict[str, Callable[[dict[str, Any]], bytes]] = {"application/json": as_json, "application/vnd.safetensors": safetensors.numpy.save}


def main() -> None:
    for media_type, write in WRITERS.items():
        for name, tensors in CALLS.items():
            binary = safetensors.numpy.save(tensors)
            codec = CODECS["application/vnd.safetensors"]
            response = b"".join(exchange(operation_at(f"/loss/{name}"), binary, Exchange(codec, codec, None, b""), SETTINGS, 0.0))
            gradient = safetensors.numpy.load(response)["gradients.predictions"].copy()
            gradient.flat[ELEMENTS // 2] += 1.0
            claim = {f"request.{key}": array for key, array in tensors.items()} | {"claimed.gradients.predictions": gradient}
            bodies = (f"/loss/{name}", write(tensors)), (f"/check/{name}", write(claim))
            best = [min(times) for times in zip(*([seconds(*body, media_type) for body in bodies] for _ in range(RUNS)), strict=True)]
            print(json.dumps({"encoding": media_type, "loss": name, "loss_ms": round(best[0] * 1e3, 1), "ratio": round(best[1] / best[0], 2)}))


if __name__ == "__main__":
    main()
