"""Registry of losses: `@loss` turns a plain function into a `Loss`.

Request model, route, card, document and conformance tests are derived from the function's signature, annotations and docstring.
A docstring is a summary, any prose, and then lines `name: text` for options and inputs whose annotation has no description or one to
override, and for `Use` (the problems that the loss is for), `Formula` (LaTeX), `Where` (its symbols: `x predictions; t labels`), `Divisor`,
`Synonyms`, `Search` (words of a problem or a related quantity, which find the loss but are not a name of it), `Equivalents`, `Unlike` and
`Ambiguous` (names of libraries and of several losses; see `naming`) and `Reference`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from math import prod
from types import SimpleNamespace
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import annotated_types
import numpy as np

from service.losses.checking import Fit, check, fitted
from service.losses.declaration import COMPOSED, LINEAR, NOTHING_MORE, Bound, Cost, Input, Option, Reduction, TensorSpec, Work
from service.losses.evaluation import Evaluation
from service.losses.naming import Equivalent, equivalents, with_reasons
from service.losses.numerics import Array


@dataclass(frozen=True, eq=False)
class Loss:
    """Loss with its declaration. Calling it with arrays checks and evaluates them."""

    name: str
    family: str
    function: Callable[..., Evaluation]
    inputs: tuple[Input, ...]
    options: tuple[Option, ...]
    summary: str
    notes: str
    use: str
    formula: str
    divisor: str
    synonyms: tuple[str, ...]
    reference: str
    example: Mapping[str, Any]
    reductions: tuple[Reduction, ...]
    hessian_diagonal: bool
    merges: bool
    merging: Mapping[str, Any]
    bound: Bound
    conventions: tuple[str, ...]
    work: Work
    symbols: Mapping[str, str] = field(default_factory=dict)
    related: tuple[str, ...] = ()
    equivalents: tuple[Equivalent, ...] = ()
    unlike: Mapping[str, str] = field(default_factory=dict)
    ambiguous: Mapping[str, str] = field(default_factory=dict)
    reduction: Literal["mean", "sum", "none", "batchmean"] = "mean"

    @cached_property
    def differentiable(self) -> tuple[str, ...]:
        """Return the inputs that can have a gradient."""
        return tuple(item.name for item in self.inputs if item.gradient != "none")

    @cached_property
    def required(self) -> frozenset[str]:
        """Return the inputs that every call has."""
        return frozenset(item.name for item in self.inputs if item.required)

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """Return the options' defaults."""
        return {option.name: option.default for option in self.options}

    @cached_property
    def predicted(self) -> tuple[str, ...]:
        """Return the inputs that `wrt` has by default."""
        return tuple(item.name for item in self.inputs if item.gradient == "default")

    def cost(self, tensors: Mapping[str, Array], options: Mapping[str, Any]) -> Cost:
        """Estimate the cost of a call. Raises InvalidTensor for shapes that do not fit together."""
        return self.cost_of(fitted(self.inputs, tensors), options)

    def cost_of(self, fit: Fit, options: Mapping[str, Any]) -> Cost:
        """Estimate the cost of a call with inputs of these shapes and types."""
        elements = sum(map(prod, fit.shapes.values()))
        width = 8 if hasattr(self.function, "__wrapped__") else fit.dtype.itemsize  # in_float64 wraps
        linear = Cost(LINEAR.operations * elements, LINEAR.memory * elements * width / 8)
        return linear + self.work.cost({**options, **fit.sizes}) if self.work.names else linear

    def __call__(self, *tensors: Array, **named: Any) -> Evaluation:
        """Check the tensors and evaluate; positional tensors are taken in the declared order."""
        arrays = dict(zip((item.name for item in self.inputs), tensors, strict=False))
        names = {item.name for item in self.inputs}
        arrays |= {name: named[name] for name in named if name in names}
        options = {**self.defaults, **{name: named[name] for name in named if name not in names}}
        given = {name: np.asarray(array) for name, array in arrays.items() if array is not None}
        with np.errstate(all="ignore"):
            return self.function(**check(self.inputs, given, options), **options)


FAMILIES: dict[str, str] = {
    "regression": "Regression",
    "classification": "Classification",
    "segmentation": "Segmentation",
    "detection": "Object detection",
    "metric_learning": "Metric learning",
    "self_supervised": "Self-supervised learning",
    "language_modeling": "Language modeling",
    "preference": "Preference optimization",
    "reinforcement_learning": "Reinforcement learning",
    "distillation": "Distillation",
    "divergence": "Divergences between distributions",
    "probabilistic": "Likelihoods and scoring rules",
    "ranking": "Ranking",
    "sequence": "Sequences and alignment",
    "survival": "Survival analysis",
    "boosting": "Gradient boosting",
    "adversarial": "Adversarial training",
    "image": "Image quality and depth",
    "audio": "Audio",
}
"""Families, in the order shown, with their titles. The key is the first name of a module below `service.losses`."""

LOSSES: dict[str, Loss] = {}


def loss(
    *,
    example: Mapping[str, Any],
    reductions: tuple[Reduction, ...] = ("mean", "sum", "none", "batchmean"),
    hessian_diagonal: bool = False,
    merges: bool | Mapping[str, Any] = True,
    bound: Bound = COMPOSED,
    conventions: tuple[Literal["gradients", "hessian_diagonal"], ...] = (),
    work: Work = NOTHING_MORE,
) -> Callable[[Callable[..., Evaluation]], Loss]:
    """Register a function as a loss. Raises TypeError at import if its declaration is incomplete.

    example: a request, as nested lists, for the card. merges: results over shards of a batch merge into the result of the batch,
    always, never, or with these values of options.
    bound: the promised accuracy; one looser than COMPOSED states its reason. conventions: the outputs that follow a library's
    convention instead of the derivative (a factor held constant in the gradient, a Hessian for boosting), as documented in the notes.
    work: the cost beyond the linear cost of the inputs, from which a service decides to compute a request inline, in a thread, or to reject it.
    """

    def register(function: Callable[..., Evaluation]) -> Loss:
        name = function.__name__
        if name in LOSSES:
            raise TypeError(f"loss {name} is registered twice")
        doc = _parse(name, inspect.getdoc(function) or "")
        inputs, options = _parameters(name, function, doc)
        LOSSES[name] = Loss(
            name=name,
            family=_family(function),
            function=function,
            inputs=inputs,
            options=options,
            summary=doc.pop("summary"),
            notes=f"{doc.pop('notes')} {bound.promise}".strip(),
            use=_needed(doc, "Use", name),
            formula=_needed(doc, "Formula", name),
            divisor=doc.pop("Divisor", "the number of elements, with each sample's share weighted by sample_weight"),
            synonyms=tuple(s.strip() for s in doc.pop("Synonyms", "").split(",") if s.strip()),
            reference=_needed(doc, "Reference", name),
            example=example,
            reductions=reductions,
            hessian_diagonal=hessian_diagonal,
            merges=bool(merges),
            merging=merges if isinstance(merges, Mapping) else {},
            bound=bound,
            conventions=conventions,
            work=work,
            symbols=with_reasons(doc.pop("Where", "")),
            related=tuple(s.strip() for s in doc.pop("Search", "").split(",") if s.strip()),
            equivalents=equivalents(name, doc.pop("Equivalents", ""), options),
            unlike=with_reasons(doc.pop("Unlike", "")),
            ambiguous=with_reasons(doc.pop("Ambiguous", "")),
        )
        _check_work(LOSSES[name])
        if doc:
            raise TypeError(f"loss {name} documents {', '.join(doc)}, which it does not have")
        return LOSSES[name]

    return register


def _check_work(loss: Loss) -> None:
    axes = {axis for item in loss.inputs for form in item.forms for axis in form.names}
    unknown = loss.work.names - axes - {option.name for option in loss.options if option.type == "integer"}
    if unknown:
        raise TypeError(f"the work of loss {loss.name} names {', '.join(sorted(unknown))}; expected axes and integer options")


def _family(function: Callable[..., Evaluation]) -> str:
    """Return the first name of the function's module below this package; a loss defined elsewhere belongs to its module."""
    package = __name__.rpartition(".")[0]
    return function.__module__.removeprefix(f"{package}.").split(".")[0]


def _needed(doc: dict[str, str], key: str, name: str) -> str:
    if key not in doc:
        raise TypeError(f"the docstring of loss {name} has no line for {key}")
    return doc.pop(key)


def _parse(name: str, text: str) -> dict[str, str]:
    """Parse a docstring into fields by name, with `summary` (its first paragraph) and `notes` (the other paragraphs)."""
    prose, *entries = re.split(r"^(?=\w+: )", text, flags=re.MULTILINE)
    summary, _, notes = prose.strip().partition("\n\n")
    if not summary:
        raise TypeError(f"loss {name} has no summary in its docstring")
    fields = {"summary": " ".join(summary.split()), "notes": " ".join(notes.split())}
    for entry in entries:
        key, _, value = entry.partition(":")
        fields[key] = " ".join(value.split())
    return fields


def _parameters(name: str, function: Callable[..., Evaluation], doc: dict[str, str]) -> tuple[tuple[Input, ...], tuple[Option, ...]]:
    """Split the parameters into inputs, those annotated with a TensorSpec, and options, all others."""
    hints = {key: _hint(text, function.__module__) for key, text in function.__annotations__.items() if key != "return"}
    inputs, options = [], []
    for key, parameter in inspect.signature(function).parameters.items():
        if key not in hints:
            raise TypeError(f"loss {name}: {key} has no annotation")
        required = parameter.default is inspect.Parameter.empty
        forms = _tensors(hints[key])
        if forms:
            described = doc.pop(key, "") or next((form.description for form in forms if form.description), "")
            if not described:
                raise TypeError(f"loss {name}: neither the docstring nor the annotation describes the input {key}")
            inputs.append(Input(key, forms, required, described))
        elif required or parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"loss {name}: the option {key} needs a default and to be keyword-only")
        else:
            options.append(_option(key, hints[key], parameter.default, doc.pop(key, "") or _described(hints[key], key, name)))
    return tuple(inputs), tuple(options)


@cache
def _hint(text: str, module: str) -> Any:
    """Resolve an annotation of a module. Most are names in the module and need no compilation, which was half of the import time."""
    names = vars(sys.modules[module])
    if text in names:
        return names[text]
    return get_type_hints(SimpleNamespace(__annotations__={"it": text}), names, include_extras=True)["it"]


def _tensors(hint: Any) -> tuple[TensorSpec, ...]:
    """Return the TensorSpec marks of an annotation, also inside `Annotated[...] | None`."""
    if get_origin(hint) is Annotated:
        return tuple(mark for mark in hint.__metadata__ if isinstance(mark, TensorSpec))
    return tuple(mark for part in get_args(hint) for mark in _tensors(part))


def _described(hint: Any, key: str, name: str) -> str:
    """Return the description in an option's annotation, which a line of the docstring overrides."""
    marks = hint.__metadata__ if get_origin(hint) is Annotated else ()
    found = [str(mark.documentation) for mark in marks if isinstance(mark, annotated_types.DocInfo)]
    if not found:
        raise TypeError(f"loss {name}: neither the docstring nor the annotation describes the option {key}")
    return found[0]


def _option(name: str, hint: Any, default: Any, description: str) -> Option:
    base, marks = (hint.__origin__, hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())
    kinds = {float: "number", int: "integer", bool: "boolean"}
    choices = get_args(base) if get_origin(base) is Literal else ()
    bounds = {}
    for mark in marks:
        for kind, key in ((annotated_types.Ge, "ge"), (annotated_types.Gt, "gt"), (annotated_types.Le, "le"), (annotated_types.Lt, "lt")):
            if isinstance(mark, kind):
                bounds[key] = float(getattr(mark, key))
    return Option(name, "string" if choices else kinds[base], default, hint, bounds, choices, description)
