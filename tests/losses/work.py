"""Calls of any loss scaled along its axes, and what they cost, against the declared work."""

from __future__ import annotations

import sys
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np

from service.losses import LOSSES, Controls, InvalidOption, InvalidTensor, Loss, compute
from service.losses.declaration import Cost
from service.losses.numerics import Array
from tests.losses import draw

SMALL = 3  # size of the axes that do not grow
SMALLEST = {"ssim": {"h": 12, "w": 12}, "ms_ssim": {"h": 176, "w": 176}}  # windows have to fit
LARGEST = {
    "multi_resolution_stft": {"r": 64},  # no required input has this axis, so that no size of a body bounds it
    "ms_ssim": {"s": 5, "n": 2, "c": 2},  # each image is large already
}
FOLLOWS = {
    **{name: {"p": ("s", 1)} for name in ("rnnt", "tdt")},
    **{name: {"b": ("k", 0)} for name in ("fast_rcnn", "faster_rcnn", "mask_rcnn")},
}  # axes whose sizes are other ones plus a number
ATTEMPTS = 6


def axes(loss: Loss) -> list[str]:
    """The named axes of a loss, `...` among them."""
    names = dict.fromkeys(name for item in loss.inputs for name in item.forms[0].names if not name.isdigit())
    return [name for name in names if name not in FOLLOWS.get(loss.name, {})]


def grown(loss: Loss) -> Iterator[tuple[str, ...]]:
    """Every axis and every pair of axes."""
    names = axes(loss)
    yield from ((name,) for name in names)
    yield from combinations(names, 2)


def sized(loss: Loss, growing: tuple[str, ...], size: int) -> dict[str, int]:
    """The size of each axis, where some are to have `size`."""
    smallest, largest = SMALLEST.get(loss.name, {}), LARGEST.get(loss.name, {})
    sizes = {name: min(largest.get(name, 10**9), max(smallest.get(name, SMALL), size if name in growing else SMALL)) for name in axes(loss)}
    if loss.name == "adaptive_log_softmax":
        sizes["h"], sizes["m"] = max(sizes["h"], sizes["k"] + 2), max(sizes["m"], sizes["k"])
    return sizes | {name: sizes[other] + more for name, (other, more) in FOLLOWS.get(loss.name, {}).items()}


def tensors(loss: Loss, sizes: dict[str, int], options: dict[str, Any], seed: int = 0) -> dict[str, Array]:
    """Arrays of these sizes, from the declaration: lengths as long as they may be; by the seed, other forms and optional inputs."""
    rng = np.random.default_rng([zlib.crc32(loss.name.encode()), seed])
    known, rest = {name: size for name, size in sizes.items() if name != "..."}, (sizes["..."],) if "..." in sizes else ()
    arrays = {}
    for item in draw.inputs_under(loss, {option.name: options.get(option.name, option.default) for option in loss.options}):
        if item.required or seed % 2 == 0:
            form = item.forms[seed // 2 % len(item.forms)]
            array = draw.tensor(form, rng, known, rest, "float64")
            arrays[item.name] = np.full_like(array, known[form.upto]) if form.upto else array
    return arrays


def accepted(loss: Loss, sizes: dict[str, int]) -> tuple[dict[str, Array], dict[str, Any]] | None:
    """Arrays that the loss takes, with options for which it does; None where its inputs constrain each other in other ways."""
    for attempt in range(ATTEMPTS):
        options = options_for(loss, sizes)
        arrays = fitted(loss, tensors(loss, sizes, options, attempt), sizes)
        try:
            compute(loss, arrays, options, controls(loss))
        except (InvalidTensor, InvalidOption):
            continue
        return arrays, options
    return None


def fitted(loss: Loss, arrays: dict[str, Array], sizes: dict[str, int]) -> dict[str, Array]:
    """The arrays, held to what their inputs demand of each other."""
    match loss.name:
        case "aft":
            return arrays | {"upper_bound": arrays["lower_bound"] + np.abs(arrays["upper_bound"])}
        case "binomial_nll":
            return arrays | {"labels": np.minimum(arrays["labels"], arrays["total_count"])}
        case "tweedie_deviance":
            return arrays | {"labels": np.abs(arrays["labels"])}
        case "boundary":  # distances or labels
            return {name: array for name, array in arrays.items() if name != "labels" or "distances" not in arrays}
        case "cross_entropy":  # a true class that is not possible has an infinite loss
            return {name: np.ones_like(array) if name == "class_mask" else array for name, array in arrays.items()}
        case "ctc":
            return arrays | {"labels": 1 + np.abs(arrays["labels"]) % (sizes["c"] - 1)}
        case "multi_resolution_stft":  # frames that overlap as much as is allowed
            longest = np.full(sizes["r"], min(1024, 2 * sizes["t"] - 1))
            return arrays | {"fft_sizes": longest, "hop_sizes": -(-longest // 16), "win_lengths": longest}
        case "rnnt":
            return arrays | {"labels": np.abs(arrays["labels"]) % (sizes["c"] - 1)}
        case "probiou":  # a box without area is rejected
            return arrays | {name: np.concatenate([x[:, :2], np.abs(x[:, 2:4]) + 0.5, x[:, 4:]], axis=1) for name, x in arrays.items()}
        case "keypoint_rcnn":
            return arrays | {"labels": np.abs(arrays["labels"]) % (sizes["h"] * sizes["w"])}
        case "tdt":
            return arrays | {"labels": np.abs(arrays["labels"]) % (sizes["c"] - 1), "durations": np.arange(sizes["k"])}
        case "distribution_focal":
            return arrays | {"labels": np.abs(arrays["labels"]) % (sizes["c"] - 1)}
        case "adaptive_log_softmax":  # all but one of the further classes are in the last cluster
            cutoffs = sizes["h"] - sizes["k"] + np.arange(sizes["k"])
            return arrays | {"cutoffs": cutoffs, "labels": np.arange(sizes["n"]) % (cutoffs[0] + sizes["m"])}
    return arrays


def options_for(loss: Loss, sizes: dict[str, int]) -> dict[str, Any]:
    """The defaults, but for those that say a size."""
    if loss.name in ("rpn", "faster_rcnn", "mask_rcnn"):
        return {"images": 1, "locations": sizes["a"]} if any(option.name == "locations" for option in loss.options) else {}
    return {"zero_infinity": True} if loss.name == "ctc" else {}


def controls(loss: Loss) -> Controls:
    """Everything that can be had."""
    return Controls(outputs=("value", "per_sample", "gradients", *(("hessian_diagonal",) if loss.hessian_diagonal else ())), wrt=None)


def peak(loss: Loss, arrays: dict[str, Array], options: dict[str, Any]) -> int:
    """Bytes that one call takes at its peak, the inputs left out, with small blocks."""
    with small_blocks():
        tracemalloc.start()
        try:
            compute(loss, arrays, options, controls(loss))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def seconds(loss: Loss, arrays: dict[str, Array], options: dict[str, Any]) -> float:
    """Time that one call takes of this thread's processor."""
    start = time.thread_time()
    compute(loss, arrays, options, controls(loss))
    return time.thread_time() - start


def cost(loss: Loss, arrays: dict[str, Array], options: dict[str, Any]) -> Cost:
    """The declared cost."""
    return loss.cost(arrays, {option.name: options.get(option.name, option.default) for option in loss.options})


@contextmanager
def small_blocks() -> Iterator[None]:
    """Blocks of few elements, so that what is bounded by them does not hide what grows."""
    blocks = [
        (module, name, getattr(module, name))
        for key, module in list(sys.modules.items())
        for name in ("BLOCK", "SEGMENT", "KEPT", "SCATTERED", "ROW")
        if key.startswith("service.losses.") and hasattr(module, name)
    ]
    for module, name, _ in blocks:
        setattr(module, name, 512)
    try:
        yield
    finally:
        for module, name, size in blocks:
            setattr(module, name, size)


def counted(loss: Loss, arrays: dict[str, Array], options: dict[str, Any]) -> int:
    """The calls of functions, Python's and C's, that one call of the loss makes."""
    found = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        compute(loss, arrays, options, controls(loss))
    finally:
        sys.setprofile(before)
    return found


every_loss = sorted(LOSSES)
