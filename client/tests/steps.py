"""Milliseconds of the loss in a training step, forward and backward: .venv-parity/bin/python client/tests/steps.py http://127.0.0.1:8000

Cross entropy of float32 predictions, by torch itself, by loss_client.torch.Loss, and by lists of numbers in JSON, as a caller without the
client would write it. The three take turns of ten steps in one run, since a training loop repeats the same one. Each figure is the best of
its steps, which other load on the machine disturbs least; torch has one thread, as the service has for one request.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from loss_client.torch import Loss

SIZES = ((32, 10, 30), (256, 100, 20), (1024, 1000, 1))  # samples, classes, turns of ten steps


class ByLists(torch.autograd.Function):  # type: ignore[misc, unused-ignore]
    @staticmethod
    def forward(ctx: Any, predictions: torch.Tensor, labels: torch.Tensor, client: httpx.Client) -> torch.Tensor:
        body = {"predictions": tensor(predictions), "labels": tensor(labels), "outputs": ["value", "gradients"]}
        answer = client.post("/loss/cross_entropy", json=body).raise_for_status().json()
        gradient = answer["gradients"]["predictions"]
        ctx.save_for_backward(predictions.new_tensor(gradient["data"]).reshape(gradient["shape"]))
        return predictions.new_tensor(answer["value"])

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return upstream * ctx.saved_tensors[0], None, None


def tensor(values: torch.Tensor) -> dict[str, Any]:
    return {"shape": list(values.shape), "data": values.detach().flatten().tolist()}


def milliseconds(step: Callable[..., torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> float:
    start = time.perf_counter()
    torch.autograd.grad(step(x, y), x)
    return (time.perf_counter() - start) * 1e3


def main(url: str) -> None:
    torch.set_num_threads(1)
    local, remote = torch.nn.CrossEntropyLoss(), Loss(url, "cross_entropy")
    print("| samples x classes | torch itself | loss_client | lists in JSON | lists / loss_client |\n|---|---|---|---|---|")
    with httpx.Client(base_url=url, timeout=60) as client:
        ways = (local, remote, lambda x, y: ByLists.apply(x, y, client))
        for samples, classes, repetitions in SIZES:
            x, y = torch.randn(samples, classes, requires_grad=True), torch.randint(0, classes, (samples,))
            rounds = [[min(milliseconds(way, x, y) for _ in range(10)) for way in ways] for _ in range(repetitions)]
            torch_ms, client_ms, lists_ms = map(min, zip(*rounds, strict=True))
            print(f"| {samples} x {classes} | {torch_ms:.2f} ms | {client_ms:.2f} ms | {lists_ms:.1f} ms | {lists_ms / client_ms:.0f} |")
    remote.client.close()


if __name__ == "__main__":
    main(sys.argv[1])
