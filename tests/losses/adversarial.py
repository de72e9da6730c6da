"""Adversarial calls of a loss, drawn from its declaration: special values, constants, ties, near ties, parallel vectors, single samples."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from service.losses import InvalidOption, InvalidTensor, Loss
from service.losses.checking import check
from service.losses.declaration import Domain, TensorSpec
from service.losses.numerics import Array
from tests.losses import draw

LISTED = {"float64": 5, "float32": 2}  # further calls, which take the special values one after another
SPECIAL = {
    "float64": (0.0, 5e-324, 1e-310, 1e-300, 1e-17, 0.3, 1 - 2.0**-53, 1.0, 1 + 2.0**-52, 36.0, 40.0, 710.0, 1e5, 1e16, 1e300),
    "float32": (0.0, 1e-45, 1e-40, 1e-30, 1e-8, 0.3, 1 - 2.0**-24, 1.0, 1 + 2.0**-23, 17.0, 20.0, 88.5, 1e3, 1e8, 1e30),
}


@dataclass(frozen=True)
class Call:
    tensors: Mapping[str, Array]
    options: Mapping[str, Any]
    label: str

    def __str__(self) -> str:
        given = [f"{name}={array.tolist()!r}" for name, array in self.tensors.items()]
        return f"[{self.label}] {', '.join([*given, *(f'{k}={v!r}' for k, v in self.options.items())])}"


KINDS = ("ordinary", "sprinkled", "sprinkled", "special", "special", "constant", "ties", "near ties", "single", "single special", "parallel")


def calls(loss: Loss, dtype: str, number: int) -> Iterator[Call]:
    """`number` calls that the loss accepts, of all kinds in turn."""
    for k in range(number):
        rng = np.random.default_rng([zlib.crc32(loss.name.encode()), k, int(dtype[5:])])
        drawn = one_call(loss, rng, dtype, f"{KINDS[k % len(KINDS)]} {k}")
        if drawn is not None:
            yield drawn
    yield from listed(loss, dtype)


def listed(loss: Loss, dtype: str) -> Iterator[Call]:
    """Calls whose inputs have every special value of their domain, of both signs, one after another; and one of nothing but zeros.

    Where no input has axes of its own, each value is a sample, so that no sum hides a small one, and the calls have them all.
    """
    elementwise = {form.axes for item in loss.inputs if item.required for form in item.forms} == {"n ..."}
    place = 0
    for k in range(LISTED[dtype] + 1):
        label = "zeros" if k == LISTED[dtype] else f"listed {k}"
        for attempt in range(30):
            rng = np.random.default_rng([zlib.crc32(loss.name.encode()), k, attempt, int(dtype[5:])])
            options = {option.name: option.default if k == 0 else draw.option_value(option, rng) for option in loss.options}
            options = {name: float(np.dtype(dtype).type(value)) if isinstance(value, float) else value for name, value in options.items()}
            names = {axis for item in loss.inputs for form in item.forms for axis in form.names if not axis.isdigit() and axis != "..."}
            sizes = {name: int(rng.integers(1, 4)) for name in sorted(names)} | (
                {"n": 2 * len(SPECIAL[dtype]) // LISTED[dtype]} if elementwise else {}
            )
            arrays = {}
            for number, item in enumerate(replace(loss, inputs=draw.inputs_under(loss, options)).inputs):
                if item.required or rng.random() < 0.5:
                    form = item.forms[int(rng.integers(len(item.forms)))]
                    array = draw.tensor(form, rng, sizes, (), dtype)
                    arrays[item.name] = array if form.kind == "integer" else one_after_another(form, array, place + 7 * number, attempt, label, rng)
            checked = accepted(loss, arrays, options)
            if checked is not None:
                yield Call(checked, options, label)
                place += max(array.size for array in checked.values())
                break


def one_after_another(form: TensorSpec, array: Array, place: int, attempt: int, label: str, rng: Generator) -> Array:
    """The special values that the form allows, from the one at `place` on; the more attempts, the more ordinary values between."""
    signed = np.array([sign * value for value in SPECIAL[str(array.dtype)] for sign in (1.0, -1.0)], array.dtype)
    signed = np.zeros(1, array.dtype) if label == "zeros" else signed
    signed = signed[form.domain.holds(signed)]
    if not signed.size or not array.size:
        return array
    chosen = np.resize(np.roll(signed, -place), array.shape)
    return draw.arranged(form, np.where(rng.random(array.shape) < attempt / 30, array, chosen).astype(array.dtype))


def accepted(loss: Loss, arrays: Mapping[str, Array], options: Mapping[str, Any]) -> dict[str, Array] | None:
    """The arrays as the loss gets them, if it takes them."""
    try:
        with np.errstate(all="ignore"):
            checked = check(loss.inputs, arrays, options)
            loss.function(**checked, **options)
    except (InvalidTensor, InvalidOption):
        return None
    return checked


def one_call(loss: Loss, rng: Generator, dtype: str, label: str) -> Call | None:
    """Drawn anew, with fewer special values each time, until the loss accepts it."""
    kind = label.rpartition(" ")[0]
    for attempt in range(60):
        share = {"special": 0.9, "single special": 0.9, "sprinkled": 0.3}.get(kind, 0.0) * (1 - attempt / 60) ** 2
        options = {option.name: draw.option_value(option, rng) for option in loss.options}
        options = {name: float(np.dtype(dtype).type(value)) if isinstance(value, float) else value for name, value in options.items()}
        arrays = shaped(replace(loss, inputs=draw.inputs_under(loss, options)), kind, rng, dtype, share if rng.random() < 0.9 else 0.0, attempt < 20)
        checked = accepted(loss, arrays, options)
        if checked is not None:
            return Call(checked, options, label)
    return None


def shaped(loss: Loss, kind: str, rng: Generator, dtype: str, share: float, small: bool) -> dict[str, Array]:
    """Tensors of a kind: small, and bent toward what is hard."""
    names = sorted({axis for item in loss.inputs for form in item.forms for axis in form.names if not axis.isdigit() and axis != "..."})
    sizes = {name: int(rng.integers(1, 4)) for name in names if name == "n" or small}
    if kind.startswith("single"):
        sizes |= {name: 1 for name in names if name == "n" or rng.random() < 0.4}
    rest = (int(rng.integers(1, 3)),) if rng.random() < 0.4 else ()
    palette = rng.choice(SPECIAL[dtype], size=3) * rng.choice((-1.0, 1.0), size=3)
    arrays: dict[str, Array] = {}
    for item in loss.inputs:
        if not item.required and rng.random() < 0.5:
            continue
        form = item.forms[int(rng.integers(len(item.forms)))]
        array = draw.tensor(form, rng, sizes, rest, dtype)
        if form.kind == "real" and array.size:
            array = draw.arranged(form, bent(array, form.domain, kind, palette, share, arrays, rng))
        arrays[item.name] = array
    return arrays


def bent(array: Array, domain: Domain, kind: str, palette: Array, share: float, before: Mapping[str, Array], rng: Generator) -> Array:
    if kind == "constant":
        array = np.full_like(array, array.flat[0])
    like = [other for other in before.values() if other.shape == array.shape and other.dtype == array.dtype and domain.holds_all(other)]
    if like and rng.random() < 0.7 and not domain.values:
        base = like[int(rng.integers(len(like)))]
        if kind == "ties":
            array = np.where(rng.random(array.shape) < 0.7, base, array)
        elif kind == "near ties":
            array = np.nextafter(base, base.dtype.type(rng.choice((-np.inf, np.inf))))
        elif kind == "parallel":
            array = base * array.dtype.type(rng.choice((0.5, -1.0, 3.0, -2.0)))
    elif kind in ("ties", "parallel") and array.ndim and rng.random() < 0.6:
        array = np.broadcast_to(array[:1], array.shape).copy()
    edges = [end for end in (domain.low, domain.high) if np.isfinite(end)]
    chosen = [*palette, *edges, *(np.nextafter(array.dtype.type(end), array.dtype.type(0.5)) for end in edges)]
    candidates = np.array([*chosen, *(abs(v) for v in palette)], dtype=array.dtype)
    candidates = candidates[domain.holds(candidates)]
    if candidates.size and share:
        array = np.where(rng.random(array.shape) < share, rng.choice(candidates, size=array.shape), array)
    return array if domain.holds_all(array) else np.where(domain.holds(array), array, draw.within(domain, rng, array.shape).astype(array.dtype))
