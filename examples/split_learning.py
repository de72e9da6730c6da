"""Split learning in one page: python examples/split_learning.py http://127.0.0.1:8000 (needs pip install ./client)

One party has the features, another the labels, and neither shows them. The feature holder sends scores. The label holder calls the
service for the loss and its gradient, and returns the gradient alone. Here both are objects; `step` is all that would cross a wire.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from loss_client import Client

Array = np.ndarray[Any, np.dtype[Any]]


class LabelHolder:
    """Keeps the labels. What leaves it is d loss / d scores."""

    def __init__(self, labels: Array, address: str) -> None:
        self.labels, self.client, self.losses = labels, Client(address), list[float]()

    def step(self, rows: Array, scores: Array) -> Array:
        answer = self.client.binary_cross_entropy_with_logits(scores, self.labels[rows])
        self.losses.append(answer.value)
        return answer.gradients["predictions"]


class FeatureHolder:
    """Keeps the features and a model of them. What leaves it is a score for each row."""

    def __init__(self, features: Array) -> None:
        self.features, self.weights = features, np.zeros(features.shape[1])

    def train(self, other: LabelHolder, epochs: int = 20, batch: int = 50, rate: float = 1.0) -> None:
        for _ in range(epochs):
            for rows in np.split(np.arange(len(self.features)), range(batch, len(self.features), batch)):
                x = self.features[rows]
                self.weights -= rate * x.T @ other.step(rows, x @ self.weights)


def main(address: str) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 8))
    labels = (features @ rng.normal(size=8) + 0.1 * rng.normal(size=500) > 0).astype(float)
    label_holder, feature_holder = LabelHolder(labels, address), FeatureHolder(features)
    feature_holder.train(label_holder)
    accuracy = ((features @ feature_holder.weights > 0) == (labels > 0)).mean()
    print(f"loss {label_holder.losses[0]:.3f} -> {label_holder.losses[-1]:.3f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
