"""Writes loss_client/losses.pyi from the cards of the service: `python -m client.stubs`, or `make stubs`."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STUB = Path(__file__).parent / "loss_client" / "losses.pyi"
HEAD = """# Written by `make stubs` from the cards of the service.
from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeAlias, TypeVar

Array: TypeAlias = Any  # of NumPy, torch or jax, or nested lists of numbers
Output: TypeAlias = Literal["value", "per_sample", "gradients", "per_element", "hessian_diagonal"]
R_co = TypeVar("R_co", covariant=True)

class Losses(Generic[R_co]):
    def __call__(self, name: str, /, *tensors: Array | None, **fields: Any) -> R_co: ...
"""
TYPES = {"number": "float", "integer": "int", "boolean": "bool", "string": "str"}


def stub(cards: list[Mapping[str, Any]]) -> str:
    """Return the text of losses.pyi: a method for each loss, with its inputs, options and their descriptions on the card."""
    return HEAD + "".join(_method(card) for card in sorted(cards, key=lambda card: str(card["name"])) if card["name"] != "combination")


def _method(card: Mapping[str, Any]) -> str:
    inputs = [f"{item['name']}: Array" + ("" if item["required"] else " | None = None") for item in card["inputs"]]
    options = [f"{option['name']}: {_type(option)} = {option['default']!r}" for option in card["options"]]
    controls = [
        f'reduction: {_literal(card["reductions"])} = "mean"',
        "sample_weight: Array | None = None",
        "cotangent: Array | None = None",
        "outputs: Sequence[Output] = ...",
        f"wrt: Sequence[{_literal([item['name'] for item in card['inputs'] if item['differentiable']])}] = ...",
    ]
    lines = "".join(f"        {parameter},\n" for parameter in ("self", *inputs, "*", *options, *controls))
    return f'\n    def {card["name"]}(\n{lines}    ) -> R_co:\n        """{_text(card)}\n        """\n'


def _type(option: Mapping[str, Any]) -> str:
    return _literal(option["choices"]) if "choices" in option else TYPES[option["type"]]


def _literal(names: list[str]) -> str:
    return f"Literal[{', '.join(json.dumps(name) for name in names)}]"


def _text(card: Mapping[str, Any]) -> str:
    entries = [f"{item['name']}: {item['axes']}, {item['domain']}; {item['description']}" for item in card["inputs"]]
    entries += [f"{option['name']}: {option['description']}" for option in card["options"]]
    paragraphs = [card["summary"], f"Use: {card['use']}", card["notes"], *entries, f"Formula: {card['formula']}", f"Divisor: {card['divisor']}"]
    wrapped = [textwrap.fill(text, 140, initial_indent=" " * 8, subsequent_indent=" " * 8) for text in paragraphs if text]
    return "\n\n".join(wrapped).strip().replace("\\", "\\\\")


if __name__ == "__main__":
    import httpx

    from tests.conftest import running

    with running() as address:
        STUB.write_text(stub(httpx.get(f"{address}/loss", timeout=60).json()))
