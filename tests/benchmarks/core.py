"""`make bench-core`: every loss at three sizes and two types on one thread, against a copy of the same bytes and, where it has it, torch.

A row is value, per-sample losses and gradients of one call through `compute` (checks and reduction included); torch's column is forward
with reduction none, mean and backward. Times are the best of several; ratios within one run are what counts.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from service.losses import LOSSES, InvalidTensor, Loss, compute
from service.losses.tensors import Array
from tests.losses import draw

try:
    import torch
except ImportError:  # outside .venv-parity
    torch = None

ROWS = (32, 1024, 16384)
ROWS_OF_PAIRS = (32, 256, 1024)  # losses that compare all rows with all
AXES = {"c": 100, "d": 64, "k": 10, "m": 32, "t": 16, "s": 4, "u": 5, "f": 64, "h": 16, "w": 16, "b": 9}
SMALLER = {"n c h w": {"c": 3, "h": 32, "w": 32}}


def sized(loss: Loss, rows: int, dtype: str) -> dict[str, Array] | None:
    """The required inputs with this many rows, drawn from the declarations."""
    rng = np.random.default_rng(0)
    options = {option.name: option.default for option in loss.options}
    for _ in range(20):
        sizes = dict.fromkeys(("n", "a", "r", "p"), rows) | AXES | SMALLER.get(loss.inputs[0].forms[0].axes, {})
        inputs = [item for item in draw.inputs_under(loss, options) if item.required]
        arrays = {item.name: draw.tensor(item.forms[0], rng, sizes, (), dtype) for item in inputs}
        try:
            compute(loss, arrays, {})
        except (InvalidTensor, ValueError):
            continue
        return arrays
    return None


def best(call: Callable[[], Any]) -> float:
    """Seconds of the fastest of a few dozen calls, or of as many as fit in a fifth of a second."""
    call()
    least, end = math.inf, time.perf_counter() + 0.2
    for _ in range(50):
        start = time.perf_counter()
        call()
        least = min(least, time.perf_counter() - start)
        if time.perf_counter() > end:
            break
    return least


TORCH: dict[str, str] = {
    "mean_squared_error": "mse_loss",
    "mean_absolute_error": "l1_loss",
    "smooth_l1": "smooth_l1_loss",
    "huber": "huber_loss",
    "cross_entropy": "cross_entropy",
    "nll": "nll_loss",
    "binary_cross_entropy": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "gaussian_nll": "gaussian_nll_loss",
    "poisson_nll": "poisson_nll_loss",
    "kl_divergence": "kl_div",
    "multi_margin": "multi_margin_loss",
    "soft_margin": "soft_margin_loss",
    "multilabel_margin": "multilabel_margin_loss",
    "multilabel_soft_margin": "multilabel_soft_margin_loss",
    "cosine_embedding": "cosine_embedding_loss",
    "hinge_embedding": "hinge_embedding_loss",
    "triplet_margin": "triplet_margin_loss",
    "margin_ranking": "margin_ranking_loss",
}


def torch_call(loss: Loss, arrays: dict[str, Array]) -> Callable[[], Any] | None:
    """Torch's forward (reduction none), mean and backward on the same arrays."""
    if torch is None or loss.name not in TORCH:
        return None
    torch.set_num_threads(1)
    function = getattr(torch.nn.functional, TORCH[loss.name])
    tensors = [torch.from_numpy(np.ascontiguousarray(arrays[item.name])) for item in loss.inputs if item.name in arrays]
    predicted = [i for i, item in enumerate(item for item in loss.inputs if item.name in arrays) if item.gradient == "default"]

    def call() -> Any:
        leaves = [tensor.detach().requires_grad_(i in predicted) for i, tensor in enumerate(tensors)]
        function(*leaves, reduction="none").mean().backward()
        return [leaves[i].grad for i in predicted]

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="losses; all by default")
    given = parser.parse_args()
    ratios: list[float] = []
    print("| loss | type | elements | ns / element | / copy | / torch |\n|---|---|---|---|---|---|")
    for loss in LOSSES.values():
        if given.names and loss.name not in given.names:
            continue
        for rows in ROWS_OF_PAIRS if getattr(loss, "pairs", False) else ROWS:
            for dtype in ("float64", "float32"):
                measure(loss, rows, dtype, ratios)
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"\nratio to torch {torch.__version__} over {len(ratios)} rows: geometric mean {mean:.2f}, worst {max(ratios):.2f}")


def measure(loss: Loss, rows: int, dtype: str, ratios: list[float]) -> None:
    arrays = sized(loss, rows, dtype)
    if arrays is None:
        print(f"| {loss.name} | {dtype} | - | no call of this size fits the loss | | |")
        return
    elements = sum(arrays[name].size for name in loss.predicted) or 1
    copied = [arrays[name] for name in arrays]
    ours, copy = best(lambda: compute(loss, arrays, {})), best(lambda: [array.copy() for array in copied])
    theirs = torch_call(loss, arrays)
    cell = ""
    if theirs is not None:
        ratios.append(ours / best(theirs))
        cell = f"{ratios[-1]:.2f}"
    print(f"| {loss.name} | {dtype} | {elements} | {ours / elements * 1e9:.2f} | {ours / copy:.1f} | {cell} |", flush=True)


if __name__ == "__main__":
    main()
