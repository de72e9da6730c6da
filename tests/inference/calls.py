"""The service as a process of its own, and what both clients send to it. Nothing here imports the service: its environment has no clients."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).parent.parent.parent
TOKEN = "a-token-of-a-client"
HTTP = httpx.Client(timeout=60)


@contextmanager
def serving(**environment: str) -> Iterator[str]:
    """The host and port of a service with these settings."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    python = os.environ.get("SERVICE_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    environment = {**os.environ, "LOSS_SERVICE_GRACE_SECONDS": "0", **environment, "PORT": host.partition(":")[2]}
    process = subprocess.Popen([python, "-m", "service"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                HTTP.get(f"http://{host}/health/ready").raise_for_status()
                break
            except httpx.ConnectError:
                assert process.poll() is None, "the service did not start"
                time.sleep(0.1)
        yield host
    finally:
        process.terminate()
        process.wait(30)


@cache
def cards(host: str) -> dict[str, dict[str, Any]]:
    """The request of every model's card: its tensors as arrays of float64, and its other fields."""
    listed = {card["name"]: card["example"]["request"] for card in HTTP.get(f"http://{host}/loss").json()}
    del listed["combination"]
    return {name: {key: array(field) for key, field in request.items()} for name, request in listed.items()}


def array(field: Any) -> Any:
    """A tensor of a JSON document as an array."""
    if not isinstance(field, dict):
        return field
    if "base64" in field:
        return np.frombuffer(base64.b64decode(field["base64"]), np.dtype(field["dtype"])).reshape(field["shape"])
    return np.array(field["data"], np.float64).reshape(field["shape"])


def compact(field: Any) -> Any:
    """An array as base64, which keeps its type."""
    if not isinstance(field, np.ndarray):
        return field
    return {"shape": list(field.shape), "dtype": field.dtype.name, "base64": base64.b64encode(field.tobytes()).decode()}


def expected(host: str, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """The response of POST /loss/{name}, its tensors as arrays by the names that they have as outputs; a scalar has one element."""
    response = HTTP.post(f"http://{host}/loss/{name}", json={key: compact(field) for key, field in request.items()})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = {}
    for key, value in response.json().items():
        if isinstance(value, dict) and "shape" not in value:
            found |= {f"{key}.{inner}": array(item) for inner, item in value.items()}
        elif not isinstance(value, str):
            found[key.removesuffix("_tensor")] = array(value)
    return {name: np.atleast_1d(value) for name, value in found.items()}


@cache
def examples(host: str) -> dict[str, dict[str, Any]]:
    """The responses to the requests of all cards."""
    return {name: expected(host, name, request) for name, request in cards(host).items()}


def problem(host: str, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """The problem document of POST /loss/{name}."""
    response = HTTP.post(f"http://{host}/loss/{name}", json={key: compact(field) for key, field in request.items()})
    assert response.status_code >= 400
    found: dict[str, Any] = response.json()
    return found


def program(package: str) -> str:
    """The program of docs/inference.md that imports a package."""
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "inference.md").read_text(), re.DOTALL)
    (found,) = [text for text in programs if package in text]
    return found


def tensors(request: dict[str, Any]) -> dict[str, Any]:
    return {name: field for name, field in request.items() if isinstance(field, np.ndarray)}


def parameters(request: dict[str, Any]) -> dict[str, Any]:
    return {name: field for name, field in request.items() if not isinstance(field, np.ndarray)}


LOGITS = np.random.default_rng(0).normal(size=(6, 5))
CLASSES = np.arange(6) % 5
REJECTED: dict[str, tuple[str, dict[str, Any]]] = {
    "no such model": ("smoth_l1", {"predictions": np.zeros(2), "labels": np.zeros(2)}),
    "no such class": ("cross_entropy", {"predictions": LOGITS, "labels": CLASSES + 1}),
    "an input is missing": ("huber", {"predictions": np.zeros(2)}),
    "shapes differ": ("huber", {"predictions": np.zeros(2), "labels": np.zeros(3)}),
    "an option out of range": ("huber", {"predictions": np.zeros(2), "labels": np.zeros(2), "delta": -1.0}),
    "no such option": ("huber", {"predictions": np.zeros(2), "labels": np.zeros(2), "alpha": 1}),
    "not finite": ("mean_squared_error", {"predictions": np.array([1e300]), "labels": np.array([-1e300])}),
}
