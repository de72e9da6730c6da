"""The service as FastAPI's tutorial would write it: pydantic lists in, NumPy, lists out. The baseline of the benchmark."""

from __future__ import annotations

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel

from tests.benchmarks.peers.loss import cross_entropy as of_arrays

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
    value, per_sample, gradient = of_arrays(np.array(request.predictions), np.array(request.labels))
    return CrossEntropyAnswer(value=value, per_sample=per_sample.tolist(), gradients={"predictions": gradient.tolist()})
