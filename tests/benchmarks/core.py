"""`make bench-core`: every loss at three sizes and two types on one core, against a copy of the same bytes and the libraries that have it.

Ours is one call of `compute` from NumPy arrays: all checks, the value, per-sample losses and gradients. Torch does forward with reduction none,
mean and gradients; scikit-learn its losses, their sum and gradients; JAX's compiled functions and pytorch-metric-learning the total and gradients
only, against ours of the same options and reduction, which gives the losses of samples besides.
All begin with arrays of their own kind in memory, and end with the value as a Python number and the rest as NumPy arrays, which waits for JAX.
Modules, leaves and compiled functions are made once, before. The heap is kept as the service keeps it, for all of them: pages of fresh temporaries
took nine tenths of dice's time at 1024 x 100.

Calls take turns, each after one call that warms the caches and is not timed (unless they take 20 ms); a figure is the median of the turns.
Times are the process's own, all threads of it on one core, so that what other processes take does not count; ratios within one run are what counts.

A run over all losses writes core.md beside this file, in some ten minutes on a machine that does nothing else.
"""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from service.losses import LOSSES, Controls, InvalidTensor, Loss, compute
from service.losses.numerics import Array
from service.runtime import keep
from tests.benchmarks.report import Report, described
from tests.losses import draw
from tests.parity.test_sklearn_scipy import OBJECTIVES

try:
    import torch

    from tests.parity.cases import CASES
    from tests.parity.libraries import LINES
except ImportError:  # outside .venv-parity
    torch, CASES, LINES = None, {}, []

Ratios = dict[tuple[str, str], list[tuple[int, float]]]  # by library and loss: the number of the size, from 0, and the ratio
report = Report("The losses against a copy, torch and other libraries")

ROWS = (32, 1024, 16384)
ROWS_OF_PAIRS = (32, 256, 1024)  # losses that compare all rows with all
AXES = {"c": 100, "d": 64, "k": 10, "m": 32, "t": 16, "s": 4, "u": 5, "f": 64, "h": 16, "w": 16, "b": 9}
IMAGES = {"c": 3, "h": 32, "w": 32}
AXES_OF = {
    "adaptive_log_softmax": {"k": 2, "h": 22, "m": 80},
    "fcos": {"n": 4},
    "ms_ssim": {"c": 1, "h": 176, "w": 176},
    "multivariate_gaussian_nll": {"d": 16},
    "retinanet": {"n": 4},
    "cl_dice": {"c": 3},
    "lncc": {"c": 3},
    "multi_resolution_stft": {"t": 2048},
    "rnnt": {"c": 10, "p": 5},
    "ssd_multibox": {"n": 4},
    "tdt": {"c": 10, "p": 5, "k": 4},
    "variogram_score": {"d": 16},
}
PIXELS = dict.fromkeys(("cl_dice", "lncc"), (32, 32))  # where the axes of an image are any number
ROWS_OF = {"ms_ssim": (1, 4, 16), "multi_resolution_stft": (1, 4, 16), "relational_knowledge_distillation": (32, 128, 256)}  # it compares triples
ROWS_OF |= dict.fromkeys(
    ("keypoint_mse", "keypoint_rcnn", "mask_rcnn", "mask_rcnn_mask", "rnnt", "tdt", "yolo_head", *PIXELS), ROWS_OF_PAIRS
)  # of many numbers each
TURN_SECONDS, TURNS, SECONDS = 50e-6, (3, 60), 0.03  # of a turn; the fewest and the most turns; for each of the calls that take turns
SLOW = 20e-3  # seconds of a call that warms its own caches
FITTED: dict[str, Callable[[dict[str, Array]], dict[str, Array]]] = {  # what inputs owe to each other
    "adaptive_log_softmax": lambda a: {"cutoffs": np.array([20, 50]), "labels": np.arange(len(a["labels"])) % 100},
    "aft": lambda a: {"upper_bound": a["lower_bound"] + a["upper_bound"]},
    "binomial_nll": lambda a: {"labels": np.minimum(a["labels"], a["total_count"])},
    "boundary": lambda a: {"distances": a["predictions"] - 0.5},  # the time without SciPy's transform
    "ctc": lambda a: {
        "labels": np.maximum(a["labels"], 1),
        "input_lengths": np.full_like(a["input_lengths"], len(a["predictions"])),
        "target_lengths": np.full_like(a["target_lengths"], a["labels"].shape[1]),
    },
    "hausdorff_dt": lambda a: {"prediction_distances": a["predictions"], "label_distances": a["labels"]},
    "keypoint_rcnn": lambda a: {"labels": np.abs(a["labels"]) % 256},
    "multivariate_gaussian_nll": lambda a: {
        "scale_tril": np.tril(a["scale_tril"] * a["scale_tril"].dtype.type(0.1)) + np.eye(16, dtype=a["scale_tril"].dtype)
    },
    "rnnt": lambda a: {"labels": a["labels"].clip(0, 8)},  # the blank is the last one
    "tdt": lambda a: {"labels": a["labels"].clip(0, 8), "durations": np.arange(4)},
    "tweedie_deviance": lambda a: {"labels": np.abs(a["labels"])},
}
FITTED |= dict.fromkeys(("gan_hinge", "gan_minimax", "gan_non_saturating", "lsgan", "wgan"), lambda a: {"real": a["fake"][::-1].copy()})


def sized(loss: Loss, rows: int, dtype: str) -> dict[str, Array]:
    """The required inputs with this many rows, drawn from the declarations."""
    rng = np.random.default_rng(0)
    options = {option.name: option.default for option in loss.options}
    axes = (
        dict.fromkeys(("n", "a", "r", "p"), rows)
        | AXES
        | (IMAGES if any(item.forms[0].axes == "n c h w" for item in loss.inputs) else {})
        | AXES_OF.get(loss.name, {})
    )
    rejected: Exception | None = None
    for _ in range(20):
        sizes = dict(axes)
        arrays = {
            item.name: draw.tensor(item.forms[0], rng, sizes, PIXELS.get(loss.name, ()), dtype)
            for item in draw.inputs_under(loss, options)
            if item.required
        }
        arrays |= FITTED.get(loss.name, lambda _: {})(arrays)
        try:
            compute(loss, arrays, {})
        except (InvalidTensor, ValueError) as error:
            rejected = error
            continue
        return arrays
    raise RuntimeError(f"no call of {loss.name} with {rows} rows could be drawn") from rejected


def turns(*calls: Callable[[], Any]) -> list[float]:
    """Median seconds of each call, over turns of one call after the other."""
    once = [min(by_the_clock(call), by_the_clock(call)) for call in calls]
    counts = [max(1, round(TURN_SECONDS / one)) for one in once]
    times: list[list[float]] = [[] for _ in calls]
    end = time.perf_counter() + SECONDS * len(calls)
    while min(map(len, times)) < TURNS[0] or (len(times[0]) < TURNS[1] and time.perf_counter() < end):
        for call, count, one, own in zip(calls, counts, once, times, strict=True):
            if one < SLOW:
                call()
            own.append(seconds(call, count))
    return [statistics.median(own) for own in times]


def by_the_clock(call: Callable[[], Any]) -> float:
    """Seconds of one call as the clock has them: the process's own time is in some systems 0 for a short one."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def seconds(call: Callable[[], Any], count: int) -> float:
    """Seconds that each of some calls takes of this process's time; many small ones are timed together, as reading the clock takes 0.6 microseconds."""
    start = time.process_time()
    for _ in range(count):
        call()
    return max(time.process_time() - start, 1e-9) / count


def torch_call(loss: Loss, arrays: dict[str, Array]) -> Callable[[], Any] | None:
    """Torch's forward (reduction none), mean and gradients on the same arrays."""
    if loss.name not in CASES:
        return None
    case = CASES[loss.name]
    options = SimpleNamespace(**{option.name: option.default for option in loss.options})
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in case.prepared(arrays).items()}
    leaves = [tensor.requires_grad_() for name, tensor in tensors.items() if name in loss.predicted]
    given = SimpleNamespace(**{item.name: tensors.get(item.name) for item in loss.inputs})

    def call() -> Any:
        each = case.function(given, options, "none")
        value = each.mean()
        slopes = torch.autograd.grad(value, leaves, allow_unused=True)
        return value.item(), each.detach().numpy(), [slope.numpy() for slope in slopes if slope is not None]

    return call


def of_library(call: Callable[[], tuple[Any, dict[str, Any]]]) -> Callable[[], Any]:
    """Their total and gradients as ours are: a Python number and NumPy arrays."""

    def read() -> Any:
        value, gradients = call()
        return float(value), {name: np.asarray(slope) for name, slope in gradients.items()}

    return read


def of_sklearn(objective: Any, labels: Array, predictions: Array) -> Callable[[], Any]:
    def call() -> Any:
        each, gradients = objective.loss_gradient(labels, predictions)
        return float(each.sum()), each, gradients

    return call


def contests(loss: Loss, arrays: dict[str, Array]) -> Iterator[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    """The other libraries that have the loss, with our call and theirs."""
    for line in LINES:
        if line.name == loss.name and len(arrays[loss.inputs[0].name]) <= line.most:
            given = line.prepared(arrays)
            if not line.usable(given):
                continue
            yield line.library, partial(compute, loss, given, line.options, Controls(reduction=line.reduction)), of_library(line.call(given))
    for objective in OBJECTIVES:
        if objective.name == loss.name:
            x = arrays["predictions"]
            ours = partial(compute, loss, arrays, objective.options, Controls(reduction="sum"))
            yield "scikit-learn", ours, of_sklearn(objective.theirs, arrays["labels"].astype(x.dtype), x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="losses; all by default, or `torch`, `libraries`, `alone`: those that torch, other libraries or none have"
    )
    given = parser.parse_args()
    groups = {"torch": set(CASES), "libraries": {line.name for line in LINES} | {line.name for line in OBJECTIVES}}
    groups["alone"] = LOSSES.keys() - groups["torch"] - groups["libraries"]
    wanted = set(given.names).union(*(groups[name] for name in given.names if name in groups))
    ratios: Ratios = {}
    keep()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before JAX starts its threads, of which there is then one
    if torch:
        torch.set_num_threads(1)
    report(described("numpy", *(["torch", "jax", "optax", "rax", "pytorch-metric-learning", "scikit-learn"] if torch else [])))
    report("\n" + "\n\n".join((__doc__ or "").split("\n\n")[1:-1]) + "\n\nRatios are ours over theirs; below 1 we are the faster.\n")
    report("| loss | type | elements | ns / element | / copy | / torch | / others |\n|---|---|---|---|---|---|---|")
    for name in LOSSES:
        if given.names and name not in wanted:
            continue
        for size, rows in enumerate(ROWS_OF.get(name, ROWS_OF_PAIRS if LOSSES[name].work.names else ROWS)):
            for dtype in ("float64", "float32"):
                for library, ratio in measure(LOSSES[name], rows, dtype):
                    ratios.setdefault((library, name), []).append((size, ratio))
    for library in sorted({library for library, _ in ratios}, key=lambda library: library != "torch"):
        summarize(library, {name: own for (of, name), own in ratios.items() if of == library})
    if not given.names:
        report.write(Path(__file__).with_suffix(".md"))


def measure(loss: Loss, rows: int, dtype: str) -> list[tuple[str, float]]:
    """Report a row, and return its ratios to the libraries; a library has several where its options make several losses of ours."""
    arrays = sized(loss, rows, dtype)
    elements = sum(arrays[name].size for name in loss.predicted if name in arrays)
    calls: list[Callable[[], Any]] = [partial(compute, loss, arrays, {}), lambda: [array.copy() for array in arrays.values()]]
    theirs = torch_call(loss, arrays)
    ours, copy, *torch_seconds = turns(*calls, *([theirs] if theirs else []))
    found = [("torch", ours / one) for one in torch_seconds]
    for library, call, other in contests(loss, arrays):
        own, one = turns(call, other)
        found.append((library, own / one))
    first = "".join(f"{ratio:.2f}" for library, ratio in found if library == "torch")
    others = ", ".join(f"{library} {ratio:.2f}" for library, ratio in found if library != "torch")
    report(f"| {loss.name} | {dtype} | {elements} | {ours / elements * 1e9:.2f} | {ours / copy:.1f} | {first} | {others} |")
    return found


def geometric_mean(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def summarize(library: str, ratios: dict[str, list[tuple[int, float]]]) -> None:
    """The losses that a library has, the slowest first."""
    named = f"{library} {torch.__version__}" if library == "torch" else library
    report(f"\n| loss | / {named}, geometric mean | worst |\n|---|---|---|")
    means = {name: (geometric_mean([ratio for _, ratio in own]), max(ratio for _, ratio in own)) for name, own in ratios.items()}
    for name, (mean, worst) in sorted(means.items(), key=lambda item: -item[1][0]):
        report(f"| {name} | {mean:.2f} | {worst:.2f} |")
    every = [row for own in ratios.values() for row in own]
    all_rows, *by_size = ([ratio for size, ratio in every if wanted in (size, None)] for wanted in (None, 0, len(ROWS) - 1))
    report(f"\nratio to {named} over {len(every)} rows: geometric mean {geometric_mean(all_rows):.2f}, worst {max(all_rows):.2f};")
    smallest, largest = (f"{geometric_mean(rows):.2f}" if rows else "none" for rows in by_size)
    report(f"at the smallest size {smallest}, at the largest {largest}")


if __name__ == "__main__":
    main()
