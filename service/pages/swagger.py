"""/openapi.json, and /docs with no internet: Swagger UI from a Python package, formulas as MathML made here.

The page reads a document of its own, the published one with what a person wants and a generator does not: formulas rendered,
inputs and options as tables, losses grouped by family.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api import catalogue

HERE = Path(__file__).parent
JSON = "application/json"
# Everything comes from the service itself. Swagger UI sets styles from script, and its icons are data: URLs.
HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

# What the converter leaves to the browser and a browser gets wrong: bars around a number, and the space after a function's name.
BAR = re.compile(r"<mo(?=[^>]*>(?:\||&#x0007C;|&#x02016;|&#x02225;)<)([^>]*)")
FUNCTION = re.compile(r"(<mi>(?:log|exp|max|min|sin|cos|tanh|ln)</mi>)(?=<m(?:i|n|sub|sup|subsup|frac|sqrt|over)\b)")

Document = dict[str, Any]


def routes(published: Callable[[], Document]) -> list[Route]:
    """Routes of the document and of the page that shows it; everything is made at the first request for it."""
    swagger = files("fastapi_swagger") / "resources"
    found = {
        "/openapi.json": File(lambda: orjson.dumps(published()), JSON),
        "/docs": File((HERE / "swagger.html").read_bytes, "text/html"),
        "/docs/page.js": File((HERE / "swagger.js").read_bytes, "text/javascript"),
        "/docs/page.css": File((HERE / "swagger.css").read_bytes, "text/css"),
        "/docs/openapi.json": File(lambda: orjson.dumps(readable(published())), JSON),
        "/docs/swagger-ui-bundle.js": File((swagger / "swagger-ui-bundle.js").read_bytes, "text/javascript"),
        "/docs/swagger-ui.css": File((swagger / "swagger-ui.css").read_bytes, "text/css"),
        "/docs/favicon-32x32.png": File((swagger / "favicon-32x32.png").read_bytes, "image/png"),
    }
    return [Route(path, file.answer, include_in_schema=False) for path, file in found.items()]


class File:
    """Bytes that are made once, and go out compressed to whom that suits."""

    def __init__(self, make: Callable[[], bytes], media_type: str, headers: dict[str, str] | None = None) -> None:
        self.make, self.media_type, self.headers = make, media_type, HEADERS | (headers or {})

    @cached_property
    def content(self) -> tuple[bytes, bytes, str]:
        """Plain, compressed, and a tag that changes when they do."""
        plain = self.make()
        return plain, gzip.compress(plain, 6, mtime=0), f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'

    async def answer(self, request: Request) -> Response:
        plain, compressed, tag = await run_in_threadpool(lambda: self.content)
        headers = {**self.headers, "etag": tag, "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(compressed, media_type=self.media_type, headers=headers | {"content-encoding": "gzip"})
        return Response(plain, media_type=self.media_type, headers=headers)


def readable(document: Document) -> Document:
    """The document as the page shows it."""
    cards = catalogue.cards()
    paths = {path: {method: _shown(operation, cards) for method, operation in item.items()} for path, item in document["paths"].items()}
    families = sorted({card["family"] for card in cards.values()})
    tags = [{"name": name} for name in ("catalogue", "service", *families)]
    # The page may be served below a prefix; seen from /docs/openapi.json, .. is the service. Called 3.0, because Swagger UI resolves the whole
    # of a 3.1 document before it shows anything, and of a 3.0 one each operation as it is opened.
    return document | {"openapi": "3.0.3", "paths": paths, "tags": tags, "servers": [{"url": ".."}]}


def _shown(operation: Document, cards: Mapping[str, Any]) -> Document:
    card = cards.get(operation["operationId"])
    if card is None:
        return operation
    return operation | {"tags": [card["family"]], "description": describe(card)}


def describe(card: Mapping[str, Any]) -> str:
    """A card as HTML in one line, which Markdown leaves as it is."""
    notes = [card["notes"], f"Divisor of the mean: {card['divisor']}.", f"Reference: {card['reference']}."]
    if card["synonyms"]:
        notes.append(f"Also known as {', '.join(card['synonyms'])}.")
    inputs = [
        (_name(item["name"], item["required"]), _text(item["axes"]), _text(item["domain"]), _text(item["description"])) for item in card["inputs"]
    ]
    options = [(_name(o["name"]), _text(span(o)), f"<code>{_text(str(o['default']))}</code>", _text(o["description"])) for o in card["options"]]
    parts = [
        mathml(card["formula"]),
        *(f"<p>{_text(note)}</p>" for note in notes if note),
        _table(("input", "axes", "values", ""), inputs),
        _table(("option", "range", "default", ""), options),
    ]
    return f"<div>{''.join(parts)}</div>".replace("\n", " ")


def span(option: Mapping[str, Any]) -> str:
    """What an option may be: its choices, its interval, or its type."""
    if "choices" in option:
        return ", ".join(map(str, option["choices"]))
    low, high = option.get("minimum", option.get("exclusive_minimum")), option.get("maximum", option.get("exclusive_maximum"))
    if low is None and high is None:
        return str(option["type"])
    left = "[" if "minimum" in option else "("
    right = "]" if "maximum" in option else ")"
    return f"{left}{'-∞' if low is None else low}, {'∞' if high is None else high}{right}"


def mathml(formula: str) -> str:
    """LaTeX as MathML, which browsers draw by themselves."""
    from latex2mathml.converter import convert  # a quarter of a second: only who reads the page waits for it

    known = formula.replace(r"\operatorname*", r"\operatorname").replace(r"\arg", r"\operatorname{arg}")
    drawn = convert(known, display="block").replace(' style="false"', "")  # an attribute that the content security policy refuses
    return FUNCTION.sub(r'\1<mspace width="0.17em"/>', BAR.sub(r'<mo lspace="0" rspace="0"\1', drawn))


def _name(name: str, required: bool = False) -> str:
    return f"<code>{html.escape(name)}</code>{'<b> *</b>' if required else ''}"


def _text(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead><tbody>{body}</tbody></table>" if body else ""
