"""Train a torch model with a loss of the service: python examples/remote_loss.py http://127.0.0.1:8000 (needs pip install './client[torch]')"""

from __future__ import annotations

import sys

import torch
from loss_client.torch import Loss


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
    found = train(Loss(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000", "cross_entropy"))
    print(f"{len(found)} steps: loss {found[0]:.3f} -> {found[-1]:.3f}")
