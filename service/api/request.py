"""Request models of losses, which validate and document a request, and bind() from fields to a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

from service.errors import Failure
from service.losses import Controls, Loss
from service.losses.declaration import Option
from service.losses.declaration import Reduction as ReductionName
from service.losses.numerics import Array
from service.losses.reduction import DEFAULT_OUTPUTS
from service.losses.reduction import Output as OutputName

LONGEST_NAME = 64  # characters of an unknown field that are compared with the known ones
MOST_FIELDS = 64  # a request with more is rejected before each unknown one gets an error of its own

Reduction = TypeAliasType("Reduction", ReductionName)
Output = TypeAliasType("Output", Literal[OutputName, "numerics"])


class Tensor:
    """An array in a model: decoded already, so only its being one is checked; api/openapi.py has the schema that documents it."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return core_schema.custom_error_schema(
            core_schema.is_instance_schema(np.ndarray),
            custom_error_type="tensor",
            custom_error_message='not a tensor; expected {"shape", "data"}, a nested array of numbers, or {"shape", "dtype", "base64"}',
            ref="Tensor",
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "object"}


def _whole(value: Any) -> Any:
    """2.0 is a good integer: several languages write it so."""
    return int(value) if type(value) is float and value.is_integer() else value


def _list(value: Any) -> Any:
    """An empty JSON array reads as an empty tensor."""
    return value.tolist() if isinstance(value, np.ndarray) else value


@dataclass(slots=True)
class Call:
    """A request that is ready to be computed."""

    loss: Loss
    tensors: Mapping[str, Array]
    options: Mapping[str, Any]
    controls: Controls


def bind(loss: Loss, fields: Mapping[str, Any]) -> Call:
    """Sort the fields into tensors, options and controls. Raises pydantic's ValidationError for all that does not fit."""
    if fields.keys() == loss.required and _ARRAYS.issuperset(map(type, fields.values())):  # the model would take as long as the estimate
        return Call(loss, fields, loss.defaults, _DEFAULTS[loss.reduction])
    if len(fields) > MOST_FIELDS:
        raise Failure("invalid-request", f"too many fields; expected at most {MOST_FIELDS}, got {len(fields)}")
    checked = validated(model(loss), fields).__dict__
    controls = Controls(
        checked["reduction"],
        checked["sample_weight"],
        checked["cotangent"],
        tuple(checked["outputs"]),
        None if checked.get("wrt") is None else tuple(dict.fromkeys(checked["wrt"])),
    )
    tensors = {item.name: checked[item.name] for item in loss.inputs if checked[item.name] is not None}
    return Call(loss, tensors, {option.name: checked[option.name] for option in loss.options}, controls)


M = TypeVar("M", bound=BaseModel)


def validated(fitting: type[M], fields: Mapping[str, Any]) -> M:
    """Validate fields. Raises pydantic's ValidationError, in which an unknown field stands first if it is a misspelled one."""
    try:
        return fitting.model_validate(fields)
    except ValidationError as exc:
        raise _with_suggestions(exc, fitting) from None


def _with_suggestions(exc: ValidationError, fitting: type[BaseModel]) -> ValidationError:
    """Name the field that is meant by a misspelled one, and leave out that it is missing."""
    errors = exc.errors(include_url=False)
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    meant = {loc: near[0] for loc in unknown if (near := get_close_matches(str(loc[-1])[:LONGEST_NAME], _names(fitting, loc[:-1]), 1))}
    explained = {(*loc[:-1], near) for loc, near in meant.items()}
    if not meant:
        return exc
    lines: list[InitErrorDetails] = [
        {"type": PydanticCustomError("misspelled", "unknown field", {"near": near}), "loc": loc, "input": None} for loc, near in meant.items()
    ]
    for error in errors:
        if error["loc"] not in meant.keys() | explained:
            kept: Any = PydanticCustomError(error["type"], "invalid", error.get("ctx"))  # type: ignore[arg-type, unused-ignore]
            lines.append({"type": kept, "loc": error["loc"], "input": error["input"]})
    return ValidationError.from_exception_data(exc.title, lines)


def _names(fitting: Any, steps: tuple[int | str, ...]) -> Iterable[str]:
    """Names of the fields of the model at a place."""
    for step in steps:
        inner = fitting.model_fields[step].annotation if step in fitting.model_fields else None
        fitting = next((one for one in (inner, *get_args(inner)) if isinstance(one, type) and issubclass(one, BaseModel)), BaseModel)
    return fitting.model_fields


@cache
def model(loss: Loss) -> type[BaseModel]:
    """The request of a loss: its inputs, its options, and the controls that all losses have."""
    fields: dict[str, Any] = {}
    for item in loss.inputs:
        forms = "; or ".join(f"{form.shape_text}, {form.domain_text}" for form in item.forms)
        described = Field(description=f"{item.description.rstrip('.')}. Shape {forms}.")
        fields[item.name] = (Annotated[Tensor, described], ... if item.required else None)
    for option in loss.options:
        fields[option.name] = (_annotation(option), option.default)
    fields |= _CONTROLS | {"reduction": (_CONTROLS["reduction"][0], loss.reduction)}
    if loss.differentiable:
        names: Any = Literal[loss.differentiable]  # type: ignore[valid-type, name-defined, unused-ignore]
        default = ", ".join(loss.predicted)
        described = Field(min_length=1, description=f"the inputs to differentiate. Default {default}.")
        fields["wrt"] = (Annotated[list[names], BeforeValidator(_list), described], None)
    title = "".join(part.capitalize() for part in loss.name.split("_")) + "Request"
    return create_model(title, __config__=ConfigDict(extra="forbid", strict=True), __doc__=loss.summary, **fields)


def _annotation(option: Option) -> Any:
    described = Field(description=f"{option.description} Default {option.default}.")
    hint = Annotated[option.annotation, BeforeValidator(_whole)] if option.type == "integer" else option.annotation
    return Annotated[hint, described]


_Vector: Callable[[str], Any] = lambda text: Annotated[Tensor, Field(description=text)]  # noqa: E731
_CONTROLS: dict[str, Any] = {
    "reduction": (Annotated[Reduction, Field(description="how per-sample losses become the value. Default mean.")], "mean"),
    "sample_weight": (
        _Vector(
            "(n,), or the shape of per_element; at least 0: weight of each sample or element in the value, its gradients and, for mean, its divisor. Default 1."
        ),
        None,
    ),
    "cotangent": (
        _Vector("upstream gradient, with reduction none only: (n,) of per_sample, or in the shape of per_element of that. Default 1 of per_sample."),
        None,
    ),
    "outputs": (
        Annotated[
            list[Output],
            BeforeValidator(_list),
            Field(min_length=1, description=f"what to return. Default {', '.join(DEFAULT_OUTPUTS)}."),
        ],
        DEFAULT_OUTPUTS,
    ),
}
_ARRAYS = frozenset((np.ndarray,))
_DEFAULTS = {reduction: Controls(reduction) for reduction in get_args(ReductionName)}
