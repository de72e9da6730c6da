"""What the framework's tutorial would write: pydantic lists in, NumPy, lists out. The benchmark's yardstick."""

from __future__ import annotations

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class CrossEntropyRequest(BaseModel):
    predictions: list[list[float]]
    labels: list[int]


class CrossEntropyAnswer(BaseModel):
    value: float
    per_sample: list[float]
    gradients: dict[str, list[list[float]]]


@app.post("/loss/cross_entropy")
def cross_entropy(request: CrossEntropyRequest) -> CrossEntropyAnswer:
    logits, labels = np.array(request.predictions), np.array(request.labels)
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    per_sample = -log_softmax[rows, labels]
    gradient = np.exp(log_softmax)
    gradient[rows, labels] -= 1
    gradient /= len(labels)
    return CrossEntropyAnswer(value=float(per_sample.mean()), per_sample=per_sample.tolist(), gradients={"predictions": gradient.tolist()})
