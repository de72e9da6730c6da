"""`make bench-clients`: smooth_l1 through generated clients, untouched, by lists and by base64, from arrays to an array.

Calls by lists and by base64 take turns, the best of each counts; the ratio within one run is the figure.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tensors import array_of, tensor_of
from test_clients import BUILD, OpenapiGenerator, OpenapiPythonClient, serving

SHAPES = {(256, 100): 100, (1000, 1000): 5}  # shape -> calls; Java compiles what it has run many times


def lists(array: Any, model: Any) -> Any:
    return model.from_dict({"shape": list(array.shape), "data": array.ravel().tolist()})


def from_lists(tensor: Any) -> Any:
    return np.array(tensor.data).reshape(tensor.shape)


def openapi_python_client(address: str) -> Callable[..., Any]:
    from loss_client.api.loss import smooth_l1
    from loss_client.models import SmoothL1Request, Tensor

    client = OpenapiPythonClient(address).client()

    def call(arrays: dict[str, Any], write: Callable[..., Any], read: Callable[..., Any]) -> Any:
        body = SmoothL1Request(**{name: write(array, Tensor) for name, array in arrays.items()})
        return read(smooth_l1.sync(client=client, body=body).gradients["predictions"])

    return call


def openapi_generator(address: str) -> Callable[..., Any]:
    from loss_urllib3 import ApiClient, LossApi, SmoothL1Request, Tensor

    api = LossApi(ApiClient(OpenapiGenerator(address, "urllib3").configuration))

    def call(arrays: dict[str, Any], write: Callable[..., Any], read: Callable[..., Any]) -> Any:
        request = SmoothL1Request(**{name: write(array, Tensor) for name, array in arrays.items()})
        return read(api.smooth_l1(request).gradients["predictions"])

    return call


def milliseconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = call()
    return (time.perf_counter() - start) * 1e3, found


def measured(call: Callable[..., Any], shape: tuple[int, int]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    arrays = {"predictions": rng.normal(size=shape), "labels": rng.normal(size=shape)}
    best = {"lists": float("inf"), "base64": float("inf")}
    found = {}
    for _ in range(SHAPES[shape]):
        for form, write, read in (("lists", lists, from_lists), ("base64", tensor_of, array_of)):
            taken, found[form] = milliseconds(lambda write=write, read=read: call(arrays, write, read))
            best[form] = min(best[form], taken)
    return {"shape": shape, **best, "equal": found["lists"].tobytes() == found["base64"].tobytes()}


def java(address: str) -> list[dict[str, Any]]:
    jar = next((BUILD / "venv" / "lib").glob("python3*/site-packages/openapi_generator_cli/openapi-generator.jar"))
    given = [str(number) for shape, calls in SHAPES.items() for number in (*shape, calls)]
    command = ["java", "-cp", f"{BUILD / 'java' / 'out'}:{jar}", "Speed", address, *given]
    rows: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return rows


def main() -> None:
    print("| client | smooth_l1 of | lists ms | base64 ms | ratio | gradients |\n|---|---|---|---|---|---|")
    with serving(LOSS_SERVICE_ACCESS_LOG="false") as address:
        tables = {
            "openapi-python-client": lambda: [measured(openapi_python_client(address), shape) for shape in SHAPES],
            "openapi-generator, Python": lambda: [measured(openapi_generator(address), shape) for shape in SHAPES],
            "openapi-generator, Java": lambda: java(address),
        }
        for name, rows in tables.items():
            for row in rows():
                n, c = row["shape"]
                same = "bit-equal" if row["equal"] else "DIFFER"
                print(
                    f"| {name} | {n} x {c} | {row['lists']:,.1f} | {row['base64']:,.1f} | {row['lists'] / row['base64']:.1f} | {same} |", flush=True
                )


if __name__ == "__main__":
    main()
