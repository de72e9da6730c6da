"""Arrays of NumPy, torch and jax as NumPy arrays, and back to the same library, dtype and device."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

BF16 = np.dtype([("bfloat16", "<u2")])  # NumPy has no bfloat16: its bits, under a dtype that equals no other


def kind(value: Any) -> str:
    """The library of an array, found without importing one: `torch`, `jax`, `numpy` (whatever has `__array__` or DLPack), or an empty string."""
    for library, name in (("torch", "Tensor"), ("jax", "Array")):
        if (module := sys.modules.get(library)) is not None and isinstance(value, getattr(module, name, ())):
            return library
    return "numpy" if hasattr(value, "__array__") or hasattr(value, "__dlpack__") else ""


def to_numpy(value: Any) -> np.ndarray[Any, Any]:
    """The array in host memory: C order, little-endian, without a copy where it is so already."""
    if kind(value) == "torch":
        import torch

        tensor = value.detach().cpu().contiguous()
        return tensor.view(torch.int16).numpy().view(BF16) if tensor.dtype == torch.bfloat16 else tensor.numpy()  # type: ignore[no-any-return, unused-ignore]
    array = np.from_dlpack(value) if kind(value) and not hasattr(value, "__array__") else np.asarray(value)
    array = np.ascontiguousarray(array).reshape(array.shape)  # ascontiguousarray gives rank 0 an axis
    return array.view(BF16) if array.dtype.name == "bfloat16" else array.astype(array.dtype.newbyteorder("<"), copy=False)


def like(array: np.ndarray[Any, Any], original: Any, cast: bool = True) -> Any:
    """The array as one of the original's library and device and, with `cast` and a floating-point original, of its dtype."""
    if not array.flags.aligned:
        array = array.copy()
    library = kind(original)
    if library == "torch":
        import torch

        bits = array.dtype == BF16
        tensor = torch.from_numpy(array.view(np.int16) if bits else array)
        tensor = tensor.view(torch.bfloat16) if bits else tensor
        return tensor.to(original.device, original.dtype if cast and original.is_floating_point() else None)
    dtype = getattr(original, "dtype", None)
    if array.dtype == BF16:
        array = array.view(dtype)
    elif cast and isinstance(dtype, np.dtype) and (dtype.kind == "f" or dtype.name == "bfloat16"):
        with np.errstate(over="ignore"):
            array = array.astype(dtype, copy=False)
    if library == "jax":
        import jax

        return jax.device_put(array, next(iter(original.devices())))
    return array


def concatenate(arrays: Sequence[Any], axis: int) -> Any:
    """The arrays one after the other along an axis."""
    return sys.modules[{"torch": "torch", "jax": "jax.numpy"}.get(kind(arrays[0]), "numpy")].concatenate(arrays, axis)
