"""Cards as HTML: formulas as MathML, inputs, options and controls as tables."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

from service.api.request import model
from service.losses import LOSSES, Loss

CONTROLS = ("reduction", "sample_weight", "cotangent", "outputs", "wrt")
# Corrections of the converter's output, which browsers render wrongly: bars around a number, and the space after a function's name.
BAR = re.compile(r"<mo(?=[^>]*>(?:\||&#x0007C;|&#x02016;|&#x02225;)<)([^>]*)")
FUNCTION = re.compile(r"(<mi>(?:log|exp|max|min|sin|cos|tanh|ln)</mi>)(?=<m(?:i|n|row|sub|sup|subsup|frac|sqrt|over)\b)")


def describe(card: Mapping[str, Any]) -> str:
    """A card as HTML in one line, which Markdown leaves as it is."""
    notes = [f"Use: {card['use']}", card["notes"], f"Divisor of the mean: {card['divisor']}.", f"Reference: {card['reference']}."]
    if card["synonyms"]:
        notes.append(f"Also known as {', '.join(card['synonyms'])}.")
    paragraphs = "".join(f"<p>{prose(note)}</p>" for note in notes if note)
    return f"<div>{mathml(card['formula'])}{paragraphs}{inputs(card)}{options(card)}{controls(card)}</div>".replace("\n", " ")


def inputs(card: Mapping[str, Any]) -> str:
    """The table of a loss's tensors; a star marks the required ones."""
    rows = [
        (code(item["name"]) + "<b> *</b>" * item["required"], prose(item["axes"]), prose(item["domain"]), prose(item["description"]))
        for item in card["inputs"]
    ]
    return table(("input", "axes", "values", "meaning"), rows)


def options(card: Mapping[str, Any]) -> str:
    """The table of a loss's own options, their defaults as JSON has them."""
    rows = [(code(o["name"]), prose(span(o)), code(orjson.dumps(o["default"]).decode()), prose(o["description"])) for o in card["options"]]
    return table(("option", "range", "default", "meaning"), rows)


def controls(card: Mapping[str, Any]) -> str:
    """The table of the fields that every loss has, in the words of the request model."""
    if card["name"] not in LOSSES:
        return ""
    fields = model(LOSSES[card["name"]]).model_fields
    return table(("control", "meaning"), [(code(name), prose(fields[name].description or "")) for name in CONTROLS if name in fields])


def span(option: Mapping[str, Any]) -> str:
    """Describe the valid values of an option: its choices, its interval, or its type."""
    if "choices" in option:
        return ", ".join(map(str, option["choices"]))
    low, high = option.get("minimum", option.get("exclusive_minimum")), option.get("maximum", option.get("exclusive_maximum"))
    if low is None and high is None:
        return str(option["type"])
    left = "[" if "minimum" in option else "("
    right = "]" if "maximum" in option else ")"
    return f"{left}{'-∞' if low is None else low}, {'∞' if high is None else high}{right}"


def mathml(formula: str, display: Literal["block", "inline"] = "block") -> str:
    """LaTeX as MathML, which browsers draw by themselves."""
    from latex2mathml.converter import convert  # takes a quarter of a second, so it is imported only for the page

    known = (
        formula.replace(r"\lVert", r"\|")
        .replace(r"\rVert", r"\|")
        .replace(r"\operatorname*", r"\operatorname")
        .replace(r"\arg", r"\operatorname{arg}")
    )
    drawn = convert(known, display=display).replace(' style="false"', "")  # an attribute that the content security policy rejects
    return FUNCTION.sub(r'\1<mspace width="0.17em"/>', BAR.sub(r'<mo lspace="0" rspace="0"\1', drawn))


def code(text: str) -> str:
    """Text as code."""
    return f"<code>{html.escape(text)}</code>"


def legend(loss: Loss) -> str:
    """The meanings of a formula's symbols, in the order of the formula: declared ones, and options that are written as their name."""
    spelled = {f"\\{option.name}": f"`{option.name}`" for option in loss.options} | {
        o.name: f"the option `{o.name}`" for o in loss.options if len(o.name) == 1
    }
    bare = re.sub(r"\\(?:mathrm|text)\{[^}]*\}", " ", loss.formula)
    letters = re.sub(r"\\[A-Za-z]+", lambda command: " " * len(command[0]), bare)
    meanings = spelled | dict(loss.symbols)
    places = {
        symbol: re.search(rf"{re.escape(symbol)}(?![A-Za-z])", bare) if symbol[0] == "\\" else re.search(re.escape(symbol), letters)
        for symbol in meanings
    }
    shown = sorted((found.start(), symbol) for symbol, found in places.items() if found)
    entries = (f"{mathml(symbol, 'inline')} {prose(meanings[symbol])}" for _, symbol in shown)
    return f'<p class="legend">{"; ".join(entries)}</p>' if shown else ""


def prose(text: str) -> str:
    """A docstring's text, with its `code` as such."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already; nothing where there are no rows."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead><tbody>{body}</tbody></table>" if body else ""
