"""Pictures of losses, derived from their declarations: the kind of picture, and the request that it starts from.

A curve or a field repeats one sample along the batch and moves one or two of its numbers, so that one call gives the whole picture. All
other kinds show the numbers of one request, and the person moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np

from service.api.ranges import bounds, tensor_range
from service.losses import LOSSES, Controls, Loss, LossError, compute
from service.losses.declaration import Input, TensorSpec
from service.losses.numerics import Array

Kind = Literal["curve", "field", "boxes", "points", "ranking", "grid", "lattice", "bars", "table"]

MOST_HANDLES = 36  # numbers that a person can still tell apart and move
SEVERAL = 4  # classes to choose from where a loss takes any number of them
GRID = 8  # pixels of a painted mask along each side
THUMBNAIL = 48  # points of a small curve


@dataclass(frozen=True)
class Picture:
    """A kind, the inputs that it moves, the inputs that are repeated along the batch, and the request that it starts from."""

    kind: Kind
    moved: tuple[str, ...]
    repeated: tuple[str, ...]
    request: Mapping[str, Any]
    why: str = ""


@cache
def picture(loss: Loss) -> Picture:
    """The picture of a loss: the first kind that its inputs allow."""
    arrays = _example(loss)
    makers = (_lattice, _boxes, _ranking, _grid, _points, _curve, _field, _bars)
    found = next((made for make in makers if (made := make(loss, arrays)) is not None), None)
    if found is None:
        return Picture("table", (), (), dict(loss.example), f"its inputs have more than {MOST_HANDLES} numbers to move")
    kind, moved, repeated, tensors = found
    needed = {} if _computes(loss, tensors) else {key: value for key, value in loss.example.items() if key not in arrays}
    return Picture(kind, moved, repeated, {name: _plain(array) for name, array in tensors.items()} | needed)


def _computes(loss: Loss, tensors: Mapping[str, Array]) -> bool:
    """Return True if the default options accept these tensors; an example may need others, such as the window of a small image."""
    try:
        compute(loss, tensors, {}, Controls(reduction="none", outputs=("per_sample",)))
    except LossError:
        return False
    return True


Made = tuple[Kind, tuple[str, ...], tuple[str, ...], Mapping[str, Array]]


def _example(loss: Loss) -> dict[str, Array]:
    return {item.name: np.asarray(loss.example[item.name], float) for item in loss.inputs if item.name in loss.example}


def form_of(item: Input, array: Array) -> TensorSpec:
    """The form of an input that an array of this rank has."""
    ranks = [len(form.names) - ("..." in form.names) for form in item.forms]
    fitting = [form for form, rank in zip(item.forms, ranks, strict=True) if rank == array.ndim or ("..." in form.names and rank <= array.ndim)]
    return fitting[0] if fitting else item.forms[0]


def _forms(loss: Loss, arrays: Mapping[str, Array]) -> dict[str, TensorSpec]:
    return {item.name: form_of(item, arrays[item.name]) for item in loss.inputs if item.name in arrays}


def _subject(loss: Loss) -> str:
    """The input that a picture moves first: the first predicted one."""
    return (loss.predicted or loss.differentiable)[0]


def _lattice(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """Time against symbols: a loss of sequences whose labels are integers."""
    form = _forms(loss, arrays)[_subject(loss)]
    if loss.family != "sequence" or "t" not in form.names or _forms(loss, arrays)["labels"].kind != "integer":
        return None
    return "lattice", (_subject(loss),), (), arrays


def _boxes(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """Two boxes of one sample."""
    forms = _forms(loss, arrays)
    boxes = [name for name, form in forms.items() if form.boxes and form.axes == "n 4"]
    if len(boxes) != 2 or len(forms) != 2:
        return None
    return "boxes", tuple(boxes), (), {name: array[:1] for name, array in arrays.items()}


def _ranking(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """The items of one query, in the order of their scores."""
    forms = _forms(loss, arrays)
    if loss.family not in RANKING or forms[_subject(loss)].axes != "n m" or forms["labels"].axes != "n m":
        return None
    scores = np.array([[2.0, 1.0, 0.4, -0.3, -1.2]])
    relevant = np.array([[0.0, 2.0, 0.0, 1.0, 0.0]])
    return "ranking", (_subject(loss), "labels"), (), {**arrays, _subject(loss): scores, "labels": relevant}


def _grid(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """An image or a mask that one paints."""
    subject, forms = _subject(loss), _forms(loss, arrays)
    of_image = loss.family == "image" and forms[subject].axes == "n c ..." and arrays[subject].ndim == 4
    if (of_image or forms[subject].axes in ("n c h w", "n 1 h w")) and set(arrays) <= {subject, "labels", "image"}:
        return "grid", tuple(name for name in (subject, "labels") if name in arrays), (), arrays
    if loss.family not in MASKS or set(arrays) != {subject, "labels"} or forms["labels"].axes not in ("n ...", "n c ..."):
        return None
    if forms[subject].axes == "n c ..." and forms["labels"].kind == "integer":
        return None
    leading = (1, 1) if forms[subject].axes == "n c ..." else (1,)
    distance = _distance(3.0, 3.0) - 2.2
    blob = 1 / (1 + np.exp(1.5 * (_distance(4.2, 3.6) - 2.4)))
    inside = (distance < 0).astype(float)
    mask = 2 * inside - 1 if forms["labels"].domain.values == (-1.0, 1.0) else inside
    scores = blob if loss.example.get("activation", "none") == "none" and forms[subject].narrowed else np.log(blob / (1 - blob))
    scores = blob if forms[subject].domain.high == 1 else scores
    return "grid", (subject, "labels"), (), {subject: np.round(scores, 3).reshape(*leading, GRID, GRID), "labels": mask.reshape(*leading, GRID, GRID)}


def _distance(row: float, column: float) -> Array:
    rows, columns = np.mgrid[:GRID, :GRID]
    distance: Array = np.hypot(rows - row, columns - column)
    return distance


def _points(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """Points of the plane: every input whose last axis is that of the vectors and has two numbers in the example."""
    forms = _forms(loss, arrays)
    moved = [
        name
        for name, form in forms.items()
        if form.kind == "real"
        and form.names[-1] in ("d", "2")
        and form.names[0] != "d"
        and form.names[-2:] != ("d", "d")
        and arrays[name].shape[-1] == 2
    ]
    if _subject(loss) not in moved:
        return None
    alone = loss.merges and len(moved) > 1 and all(forms[name].names[0] == "n" for name in moved)  # one pair or triplet, not a tangle of them
    tensors = {name: array[:1] if alone and forms[name].names[0] == "n" else array for name, array in arrays.items()}
    return "points", tuple(moved), (), tensors


def _curve(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """One number of one sample."""
    subject, forms = _subject(loss), _forms(loss, arrays)
    if not loss.merges or forms[subject].names not in (("n", "..."), ("n",)):
        return None
    return _one_sample("curve", loss, arrays)


def _field(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """Two of the scores of one sample."""
    subject, forms = _subject(loss), _forms(loss, arrays)
    if not loss.merges or forms[subject].names[0] != "n" or not {"c", "k", "b"} & {*forms[subject].names}:
        return None
    return _one_sample("field", loss, arrays)


def _one_sample(kind: Kind, loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """The first sample of the example; further axes that a loss leaves open are dropped."""
    forms = _forms(loss, arrays)
    repeated = tuple(name for name, form in forms.items() if form.names[0] == "n")
    tensors = {name: _first(array, forms[name]) if name in repeated else array for name, array in arrays.items()}
    if sum(tensors[name].size for name in repeated) > MOST_HANDLES:
        return None
    return kind, (_subject(loss),), repeated, tensors


def _first(array: Array, form: TensorSpec) -> Array:
    if "..." not in form.names:
        return array[:1]
    before, after = form.split
    middle = range(len(before), array.ndim - len(after))
    return array[tuple(slice(0, 1) if axis == 0 else 0 if axis in middle else slice(None) for axis in range(array.ndim))]


def _bars(loss: Loss, arrays: Mapping[str, Array]) -> Made | None:
    """All numbers of an input as bars."""
    moved = tuple(name for name in loss.differentiable if name in arrays and arrays[name].size <= MOST_HANDLES)
    return ("bars", moved, (), arrays) if _subject(loss) in moved else None


RANKING = ("ranking", "boosting")
MASKS = ("segmentation",)


def inputs(loss: Loss) -> list[dict[str, Any]]:
    """Return the data of each input in the picture's request for the controls of a page."""
    return [_input(item, loss) for item in loss.inputs if item.name in picture(loss).request]


def _input(item: Input, loss: Loss) -> dict[str, Any]:
    array = np.asarray(picture(loss).request[item.name], float)
    form = form_of(item, array).under({o.name: o.default for o in loss.options} | dict(picture(loss).request))
    found: dict[str, Any] = {"name": item.name, "kind": form.kind, "axes": list(form.names), "description": item.description} | bounds(form.domain)
    if form.below:
        found["values"] = list(range(_size(form.below, loss)))
    elif form.kind == "integer" and not bounds(form.domain):
        found["values"] = list(range(SEVERAL))  # any integers that tell the classes apart
    return found | {"range": list(tensor_range(form, array)), "gradient": form.gradient != "none"}


def _size(axis: str, loss: Loss) -> int:
    """The size of an axis in the picture's request."""
    for item in loss.inputs:
        if item.name in picture(loss).request:
            array = np.asarray(picture(loss).request[item.name], float)
            form = form_of(item, array)
            before, after = form.split
            sizes = dict(zip(before, array.shape, strict=False)) | dict(zip(reversed(after), reversed(array.shape), strict=False))
            if axis in sizes:
                return int(sizes[axis])
    return 2


def peers(loss: Loss) -> list[str]:
    """The losses whose curve can be drawn over this one's: the same inputs with the same values allowed."""

    def signature(of: Loss) -> list[tuple[Any, ...]]:
        return [(item.name, item.forms[0].kind, item.forms[0].domain.values) for item in of.inputs if item.required]

    if picture(loss).kind != "curve":
        return []
    return [name for name, other in LOSSES.items() if other is not loss and signature(other) == signature(loss) and picture(other).kind == "curve"]


def thumbnail(loss: Loss) -> list[tuple[float, float]]:
    """A few points of the value over the first number of the sample; none where the picture is no curve or field."""
    found = picture(loss)
    if found.kind not in ("curve", "field"):
        return []
    low, high = next(item["range"] for item in inputs(loss) if item["name"] == found.moved[0])
    over = low + (high - low) * (np.arange(THUMBNAIL) + 0.5) / THUMBNAIL  # clear of the bounds and of simple labels, where some values are infinite
    names = {item.name for item in loss.inputs}
    tensors = {name: np.asarray(value, float) for name, value in found.request.items() if name in names}
    tensors = {name: np.repeat(array, THUMBNAIL, 0) if name in found.repeated else array for name, array in tensors.items()}
    tensors[found.moved[0]].reshape(THUMBNAIL, -1)[:, 0] = over
    options = {key: value for key, value in found.request.items() if key not in names}
    result = compute(loss, tensors, options, Controls(reduction="none", outputs=("per_sample",)))
    assert result.per_sample is not None  # noqa: S101
    return list(zip(over.tolist(), result.per_sample.tolist(), strict=True))


def _plain(array: Array) -> Any:
    """Nested lists, whole numbers as integers."""
    return _whole(array.tolist())


def _whole(value: Any) -> Any:
    if isinstance(value, Iterable):
        return [_whole(one) for one in value]
    return int(value) if value == int(value) and abs(value) < 1e15 else value
