"""Cards: the description of a loss for people and programs, derived from its declaration."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field

from service.api import combination, response
from service.api.operations import COMBINATION, Operation
from service.api.ranges import form_card, option_range
from service.api.request import bind
from service.api.search import search
from service.codec import JSON
from service.errors import Failure
from service.losses import LOSSES, Loss, compute
from service.losses.declaration import Input, TensorSpec


class Fields(BaseModel):
    """A JSON object of whatever is in it."""  # named, because openapi-generator warns of an object that is not

    model_config = ConfigDict(extra="allow")


class Example(BaseModel):
    """A request, and its response."""

    model_config = ConfigDict(extra="allow")
    request: Fields
    response: Fields


class FormCard(BaseModel):
    """A form of a tensor, with what its elements may be as numbers. Without bounds and values every finite number is allowed."""

    model_config = ConfigDict(extra="allow")
    axes: str
    kind: str
    minimum: float = 0
    exclusive_minimum: float = 0
    maximum: float = 0
    exclusive_maximum: float = 0
    values: list[float] = []
    below: str = Field("", description="the axis whose size bounds an index")
    range: list[float] = Field([], description="an interval worth plotting")


class InputCard(BaseModel):
    """A tensor of a loss."""

    model_config = ConfigDict(extra="allow")
    name: str
    axes: str
    kind: str
    domain: str
    forms: list[FormCard] = []
    description: str
    differentiable: bool
    required: bool


class OptionCard(BaseModel):
    """An option of a loss. One of a few words has choices; a number has the bounds of its range."""

    model_config = ConfigDict(extra="allow")
    name: str
    type: str
    default: Any = Field(description="value if the option is omitted")
    description: str
    choices: list[str] = []
    minimum: float = 0
    exclusive_minimum: float = 0
    maximum: float = 0
    exclusive_maximum: float = 0
    range: list[float] = Field([], description="an interval worth trying, of a number")


class EquivalentCard(BaseModel):
    """The same loss in a library: its qualified name, which POST /loss/{name} takes, and what its default call presets."""

    model_config = ConfigDict(extra="allow")
    name: str
    reduction: str
    options: Fields


class Card(BaseModel):
    """Card of a loss."""

    model_config = ConfigDict(extra="allow")
    name: str
    family: str
    summary: str
    use: str = Field("", description="the problems that the loss is for")
    notes: str = ""
    formula: str = Field(description="LaTeX")
    inputs: list[InputCard]
    options: list[OptionCard]
    reductions: list[str]
    divisor: str
    merges: bool = Field(description="whether results over shards of a batch merge into the whole batch's")
    hessian_diagonal: bool
    synonyms: list[str]
    equivalents: list[EquivalentCard] = []
    reference: str
    example: Example


class Row(NamedTuple):
    """Entry of a loss in a list, without its example."""

    name: str
    family: str
    summary: str
    synonyms: tuple[str, ...]


def rows() -> list[Row]:
    """Every loss."""
    composite = combination_card()
    found = [Row(loss.name, loss.family, loss.summary, loss.synonyms) for loss in LOSSES.values()]
    return [*found, Row(composite["name"], composite["family"], composite["summary"], tuple(composite["synonyms"]))]


@cache
def cards() -> dict[str, dict[str, Any]]:
    """Every card by name."""
    return {name: card(loss) for name, loss in LOSSES.items()} | {combination.NAME: combination_card()}


def card_of(operation: Operation) -> dict[str, Any]:
    """The card of one operation."""
    return combination_card() if operation is COMBINATION else card(LOSSES[operation.name])


def selected(family: str | None = None, query: str | None = None) -> list[dict[str, Any]]:
    """The cards of a family, or of all, and those alone that fit a query, best match first."""
    families = sorted({row.family for row in rows()})
    if family is not None and family not in families:
        raise Failure("invalid-request", f"family: unknown; expected one of {', '.join(families)}, got {family[:100]!r}", [("/family", "unknown")])
    found = cards()
    return [found[name] for name in (found if query is None else search(query)) if family in (None, found[name]["family"])]


@cache
def card(loss: Loss) -> dict[str, Any]:
    """The card of a registered loss, its example computed by the loss itself."""
    return {
        "name": loss.name,
        "family": loss.family,
        "summary": loss.summary,
        "use": loss.use,
        "notes": loss.notes,
        "formula": loss.formula,
        "inputs": [_input(item, loss.example.get(item.name)) for item in loss.inputs],
        "options": [_option(option) for option in loss.options],
        "reductions": list(loss.reductions),
        "divisor": loss.divisor,
        "merges": loss.merges,
        "hessian_diagonal": loss.hessian_diagonal,
        "synonyms": list(loss.synonyms),
        "equivalents": [{"name": same.name, "reduction": same.reduction, "options": dict(same.options)} for same in loss.equivalents],
        "reference": loss.reference,
        "example": example(loss),
    }


def example(loss: Loss) -> dict[str, Any]:
    """A request and its response, tensors in the form that the document shows."""
    names = {item.name for item in loss.inputs}
    arrays = {key: np.asarray(value, np.float64) if key in names else value for key, value in loss.example.items()}
    call = bind(loss, arrays)
    result = compute(call.loss, call.tensors, call.options, call.controls)
    return {"request": plain(arrays), "response": plain(response.fields(result))}


def plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as a JSON document, tensors as {shape, data}."""
    document: dict[str, Any] = orjson.loads(b"".join(JSON.encode(fields, "flat")))
    return document


def _input(item: Input, example: Any) -> dict[str, Any]:
    def said(of: str) -> str:
        return " or ".join(dict.fromkeys(str(getattr(form, of)) for form in item.forms))

    forms: tuple[TensorSpec, ...] = item.forms
    return {
        "name": item.name,
        "axes": " or ".join(form.shape_text for form in forms),
        "kind": said("kind"),
        "domain": said("domain_text"),
        "forms": [form_card(form, example) for form in forms],
        "description": item.description,
        "differentiable": item.gradient != "none",
        "required": item.required,
    }


def _option(option: Any) -> dict[str, Any]:
    names = {"ge": "minimum", "le": "maximum", "gt": "exclusive_minimum", "lt": "exclusive_maximum"}
    found = {"name": option.name, "type": option.type, "default": option.default, "description": option.description}
    if option.choices:
        found["choices"] = list(option.choices)
    if worth := option_range(option):
        found["range"] = list(worth)
    return found | {names[key]: bound for key, bound in option.bounds.items()}


_LOG_VARIANCES = {
    "name": "log_variances",
    "axes": "(terms)",
    "kind": "real",
    "domain": "all finite numbers",
    "description": "s = log sigma^2 of each term, with weighting uncertainty only",
    "differentiable": True,
    "required": False,
}


@cache
def combination_card() -> dict[str, Any]:
    """The card of the one operation that is not a loss of tensors."""
    return {
        "name": combination.NAME,
        "family": "composite",
        "summary": "A weighted sum of several losses in one call.",
        "use": "Multi-task learning, and objectives that are sums of losses, such as the class and the box of an object detector.",
        "notes": (
            "Each term is a loss with exactly the body that the loss takes by itself. A term's value is its own, its gradients are those of the sum. "
            "Weighting uncertainty is homoscedastic: s_i = log sigma_i^2 is learned, and its gradient 1/2 - w_i exp(-s_i) L_i is in `gradients` of the "
            "response. The factor of L_i is exp(-s_i), as for a classification in equation 10 of Kendall et al.; the 1/2 that a regression has "
            "there is the weight 0.5. The terms s_i / 2 are once in a call, so responses with uncertainty do not merge over shards."
        ),
        "formula": r"\sum_i w_i L_i, \quad \text{or with uncertainty} \quad \sum_i w_i e^{-s_i} L_i + s_i / 2",
        "inputs": [_LOG_VARIANCES],
        "options": [
            {"name": "terms", "type": "array", "default": None, "description": "objects with name, loss, weight (default 1) and inputs"},
            {
                "name": "weighting",
                "type": "string",
                "default": "fixed",
                "choices": ["fixed", "uncertainty"],
                "description": "whether the weights are the given ones, or the given ones over the variances that are learned",
            },
        ],
        "reductions": ["mean", "sum", "batchmean"],
        "divisor": "each term has its own",
        "merges": True,
        "hessian_diagonal": False,
        "synonyms": list(combination.SYNONYMS),
        "reference": "Caruana, Multitask Learning, 1997, Machine Learning 28; Kendall, Gal and Cipolla, 2018, arXiv:1705.07115",
        "example": combination_example(),
    }


def combination_example() -> dict[str, Any]:
    """The worked example of a combination."""
    request = {
        "terms": [
            term | {"inputs": {key: np.asarray(value, np.float64) for key, value in term["inputs"].items()}} for term in combination.EXAMPLE["terms"]
        ]
    }
    return {"request": plain(request), "response": plain(combination.prepare(request, len(request["terms"])).compute())}
