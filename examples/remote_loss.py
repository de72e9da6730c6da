"""A loss of the service as a node of a torch graph: python examples/remote_loss.py http://127.0.0.1:8000 (needs torch)

loss = RemoteLoss("http://127.0.0.1:8000", "cross_entropy", label_smoothing=0.1)
loss(model(x), labels).backward()
"""

from __future__ import annotations

import sys
from typing import Any

import httpx
import torch


class Call(torch.autograd.Function):
    """The forward pass asks for the value and the gradient at once; the backward pass only scales the gradient."""

    @staticmethod
    def forward(ctx: Any, predictions: torch.Tensor, labels: torch.Tensor, ask: Any) -> torch.Tensor:
        answer = ask({"predictions": tensor(predictions), "labels": tensor(labels), "outputs": ["value", "gradients"]})
        gradient = answer["gradients"]["predictions"]
        ctx.save_for_backward(predictions.new_tensor(gradient["data"]).reshape(gradient["shape"]))
        return predictions.new_tensor(answer["value"])

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return upstream[0] * gradient, None, None


class RemoteLoss(torch.nn.Module):
    """Any loss of predictions and labels, with its options by name."""

    def __init__(self, address: str, name: str, **options: Any) -> None:
        super().__init__()
        self.client = httpx.Client(base_url=address, timeout=30)
        self.name, self.options = name, options

    def close(self) -> None:
        """Give the connection back."""
        self.client.close()

    def ask(self, tensors: dict[str, Any]) -> Any:
        answer = self.client.post(f"/loss/{self.name}", json=tensors | self.options)
        if answer.is_error:
            raise ValueError(answer.json()["detail"])
        return answer.json()

    def forward(self, predictions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return Call.apply(predictions, labels, self.ask)  # type: ignore[no-untyped-call]


def tensor(values: torch.Tensor) -> dict[str, Any]:
    return {"shape": list(values.shape), "data": values.detach().flatten().tolist()}


def train(loss: torch.nn.Module, steps: int = 30) -> list[float]:
    """A small network learns which of three random planes is highest; the loss of every step."""
    torch.manual_seed(0)
    x = torch.randn(96, 5, dtype=torch.float64)
    labels = (x @ torch.randn(5, 3, dtype=torch.float64)).argmax(dim=1)
    model = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    values = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model(x), labels)
        value.backward()
        optimizer.step()
        values.append(value.item())
    return values


if __name__ == "__main__":
    found = train(RemoteLoss(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", "cross_entropy"))
    print(f"{len(found)} steps: loss {found[0]:.3f} -> {found[-1]:.3f}")
