"""Train a softmax classifier on handwritten digits, with loss and gradient from the service: python examples/digits.py http://127.0.0.1:8000

Needs pip install ./client scikit-learn. Each mini-batch sends scores and labels, and gets the value and d value / d scores.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from loss_client import Client
from sklearn.datasets import load_digits

Array = np.ndarray[Any, np.dtype[Any]]
LossAndGradient = Callable[[Array, Array], tuple[float, Array]]


def remote(client: Client) -> LossAndGradient:
    """Cross entropy, computed by the service."""

    def loss(scores: Array, labels: Array) -> tuple[float, Array]:
        answer = client.cross_entropy(scores, labels)
        return answer.value, answer.gradients["predictions"]

    return loss


def train(loss: LossAndGradient, epochs: int = 15, batch: int = 64, rate: float = 0.5) -> tuple[list[float], float]:
    """The loss of every step, and the accuracy on images that were not trained on."""
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images, digits = images[order] / 16, digits[order]
    held_out = 400
    weights, bias, values = np.zeros((images.shape[1], 10)), np.zeros(10), []
    for _ in range(epochs):
        for start in range(held_out, len(images), batch):
            x, y = images[start : start + batch], digits[start : start + batch]
            value, gradient = loss(x @ weights + bias, y)
            weights -= rate * x.T @ gradient
            bias -= rate * gradient.sum(axis=0)
            values.append(value)
    guesses = (images[:held_out] @ weights + bias).argmax(axis=1)
    return values, float((guesses == digits[:held_out]).mean())


def main(address: str) -> None:
    with Client(address) as client:
        values, accuracy = train(remote(client))
    print(f"{len(values)} steps: loss {values[0]:.3f} -> {values[-1]:.3f}, held-out accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
