"""Plot the training curve of a remote loss over that of torch's own: python examples/training_curve.py http://127.0.0.1:8000 curve.svg

Needs pip install './client[torch]' scikit-learn. The cells marked with %% run one by one in an editor, too.
"""

# %% Digits, and a network that begins with the same weights every time
from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from loss_client.torch import Loss
from sklearn.datasets import load_digits

SIZE, COLORS = (640, 320), ("#d33", "#39c")
images, digits = (torch.tensor(array) for array in load_digits(return_X_y=True))


def train(loss: torch.nn.Module, steps: int = 150, batch: int = 128) -> list[float]:
    """The loss of every step."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)).double()
    optimizer, values = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9), []
    for _ in range(steps):
        rows = torch.randint(len(images), (batch,))
        value = loss(model(images[rows] / 16), digits[rows])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    return values


# %% One curve each, and how long a step took
def curves(url: str) -> dict[str, list[float]]:
    """The curve of each loss, by its name with the milliseconds of a step."""
    found = {}
    for name, loss in (("remote", Loss(url, "cross_entropy", label_smoothing=0.1)), ("local", torch.nn.CrossEntropyLoss(label_smoothing=0.1))):
        start = time.perf_counter()
        values = train(loss)
        found[f"{name}, {(time.perf_counter() - start) / len(values) * 1e3:.1f} ms a step"] = values
    return found


# %% The curves as SVG: the first is wide, so that it shows under the second
def svg(found: dict[str, list[float]]) -> str:
    """The document."""
    width, height = SIZE
    highest = max(map(max, found.values()))
    parts = []
    for i, (name, values) in enumerate(found.items()):
        points = " ".join(f"{x * width / len(values):.1f},{height - y * height / highest:.1f}" for x, y in enumerate(values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[i]}" stroke-width="{5 - 3 * i}"/>')
        parts.append(f'<text x="{width - 220}" y="{24 + 22 * i}" fill="{COLORS[i]}" font-family="sans-serif">{name}</text>')
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{"".join(parts)}</svg>\n'


# %% Run it
if __name__ == "__main__":
    url, path = sys.argv[1:]
    found = curves(url)
    Path(path).write_text(svg(found))
    remote, local = found.values()
    print(f"loss {remote[0]:.3f} -> {remote[-1]:.3f}; largest difference {max(abs(a - b) for a, b in zip(remote, local, strict=True)):.1e}; {path}")
