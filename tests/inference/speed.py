"""Times tritonclient against our safetensors by httpx: cross entropy with value, per-sample losses and gradient, float32, arrays in, arrays out.

Run `.venv-inference/bin/python -m tests.inference.speed`. Both take turns on one connection each; a ratio is of the medians, and of the best.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import tritonclient.http as triton

from tests.inference.calls import serving

SHAPES = {(256, 100): 400, (1024, 1000): 60}  # and how often
SAFETENSORS = {"content-type": "application/vnd.safetensors"}


def by_triton(client: Any, logits: Any, labels: Any) -> Any:
    inputs = [triton.InferInput("predictions", list(logits.shape), "FP32"), triton.InferInput("labels", list(labels.shape), "INT64")]
    inputs[0].set_data_from_numpy(logits)
    inputs[1].set_data_from_numpy(labels)
    return client.infer("cross_entropy", inputs).as_numpy("gradients.predictions")


def by_safetensors(client: httpx.Client, logits: Any, labels: Any) -> Any:
    offsets = [0, logits.nbytes, logits.nbytes + labels.nbytes]
    header = {
        "predictions": {"dtype": "F32", "shape": logits.shape, "data_offsets": offsets[:2]},
        "labels": {"dtype": "I64", "shape": labels.shape, "data_offsets": offsets[1:]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join([len(text).to_bytes(8, "little"), text, logits.tobytes(), labels.tobytes()])
    content = client.post("/loss/cross_entropy", content=body, headers=SAFETENSORS).raise_for_status().content
    data = 8 + int.from_bytes(content[:8], "little")
    entry = json.loads(content[8:data])["gradients.predictions"]
    first, last = entry["data_offsets"]
    return np.frombuffer(content[data + first : data + last], np.float32).reshape(entry["shape"])


def seconds(call: Callable[..., Any], *given: Any) -> float:
    start = time.perf_counter()
    call(*given)
    return time.perf_counter() - start


def main() -> None:
    rng = np.random.default_rng(0)
    print("| float32 | httpx and safetensors, median ms (best) | tritonclient, median ms (best) | ratio of medians (of best) |\n|---|---|---|---|")
    with serving() as host, triton.InferenceServerClient(host) as one, httpx.Client(base_url=f"http://{host}", timeout=60) as other:
        for shape, repetitions in SHAPES.items():
            logits, labels = rng.normal(size=shape).astype(np.float32), rng.integers(0, shape[1], size=shape[0])
            np.testing.assert_array_equal(by_triton(one, logits, labels), by_safetensors(other, logits, labels))
            taken = [(seconds(by_safetensors, other, logits, labels), seconds(by_triton, one, logits, labels)) for _ in range(repetitions)]
            (base, triton_), (best, best_triton) = np.median(taken, axis=0) * 1e3, np.min(taken, axis=0) * 1e3
            cells = [f"{base:.2f} ({best:.2f})", f"{triton_:.2f} ({best_triton:.2f})", f"{triton_ / base:.2f} ({best_triton / best:.2f})"]
            print(f"| {shape[0]} x {shape[1]} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
