"""The explorer: every loss by family at `/`, and one page for each loss at `/losses/{name}`, as HTML that is readable without a script.

The scripts add the pictures. Their data is JSON in the page, and they call the service as any client does.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from service.api import catalogue, combination
from service.api.operations import find_operation
from service.api.ranges import option_range
from service.api.search import search
from service.errors import Failure
from service.losses import FAMILIES, LOSSES
from service.pages import markup, pictures
from service.pages.files import File
from service.pages.markup import code, mathml, prose
from service.pages.pictures import Picture

HERE = Path(__file__).parent
SCRIPTS = ("explorer.js", "loss.js", "own.js", "pictures.js", "kit.js", "explorer.css")
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf"}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def routes() -> list[Route]:
    """Routes of the explorer; everything is made at the first request for it."""
    found = {f"/explorer/{name}": File((HERE / name).read_bytes, MEDIA_TYPES[Path(name).suffix]) for name in SCRIPTS}
    found["/explorer/math.ttf"] = File(_math_font, "font/ttf")
    files = [Route(path, file.respond, include_in_schema=False) for path, file in found.items()]
    return [Route("/", _home, include_in_schema=False), Route("/losses/{name}", _loss, include_in_schema=False), *files]


def _math_font() -> bytes:
    """STIX Two Math: a font with a table for mathematics sets s_{nr} as one index, which a text font does not."""
    spec = find_spec("ziamath")  # the package is a renderer; only its font is of use here, and it is not imported
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("ziamath is not installed")
    return (Path(spec.submodule_search_locations[0]) / "fonts" / "STIXTwoMath-Regular.ttf").read_bytes()


async def _home(request: Request) -> Response:
    query = request.query_params.get("q", "")
    if "text/html" not in request.headers.get("accept", ""):
        links = {"explorer": "/", "docs": "/docs", "openapi": "/openapi.json", "catalogue": "/loss", "info": "/info", "health": "/health/ready"}
        losses = {name: f"/loss/{name}" for name in (search(query) if query else [*LOSSES, combination.NAME])}
        return Response(orjson.dumps(links | {"losses": losses}), media_type="application/json", headers={"vary": "accept"})
    page = _start() if not query else File(lambda: _shell("", "Losses", _found(query), query), "text/html", HEADERS)
    response = await page.respond(request)
    response.headers["vary"] = "accept, accept-encoding"
    return response


async def _loss(request: Request) -> Response:
    name = request.path_params["name"]
    try:
        canonical = find_operation(name).name
    except Failure as problem:
        content = f"<p>{html.escape(problem.detail)}</p>{_found(name, '../')}"
        response = await File(lambda: _shell("../", "Nothing found", content), "text/html", HEADERS).respond(request)
        response.status_code = 404
        return response
    if canonical != name:
        return RedirectResponse(f"{canonical}?{request.url.query}".rstrip("?"))
    return await (await run_in_threadpool(_page, name)).respond(request)


@cache
def _start() -> File:
    return File(lambda: _shell("", "Loss functions", _families()), "text/html", HEADERS)


@cache
def _page(name: str) -> File:
    return File(lambda: _shell("../", name, _article(name)), "text/html", HEADERS)


@cache
def _template() -> Template:
    return Template((HERE / "explorer.html").read_text())


def _shell(root: str, title: str, content: str, query: str = "") -> bytes:
    return _template().substitute(root=root, title=html.escape(title), content=content, query=html.escape(query)).encode()


# ------------------------------------------------------------------ lists


@cache
def _rows() -> dict[str, catalogue.Row]:
    return {row.name: row for row in catalogue.rows()}


def _families() -> str:
    order = [*FAMILIES, "composite"]
    grouped = groupby(sorted(_rows().values(), key=lambda row: order.index(row.family)), key=lambda row: row.family)
    sections = [f'<section id="{family}"><h2>{_title(family)}</h2>{_list(row.name for row in members)}</section>' for family, members in grouped]
    jumps = "".join(f'<a href="#{family}">{_title(family)}</a>' for family in order)
    return (
        f"<h1>{len(LOSSES)} loss functions</h1><p>Look at one: its curve, its gradient, where it bends. Every number is a call of this service.</p>"
        f'<nav class="families" aria-label="Families">{jumps}</nav>{"".join(sections)}'
    )


def _title(family: str) -> str:
    return html.escape(FAMILIES.get(family, "Combinations"))


def _found(query: str, root: str = "") -> str:
    names = search(query)
    if not names:
        return f"<h1>Nothing found for “{html.escape(query[:100])}”</h1><p>Try a library's name, such as MSELoss, or a word of the field.</p>"
    return f"<h1>Found for “{html.escape(query[:100])}”</h1>{_list(names, root)}"


def _list(names: Iterable[str], root: str = "") -> str:
    return f'<ul class="losses">{"".join(_item(name, root) for name in names)}</ul>'


@cache
def _item(name: str, root: str) -> str:
    summary = _rows()[name].summary
    text = f"<b>{_breakable(name)}</b><span>{html.escape(summary)}</span>"
    return f'<li><a href="{root}losses/{name}" data-loss="{name}">{_icon(name)}{text}</a></li>'


def _breakable(name: str) -> str:
    return name.replace("_", "_<wbr>")


def _icon(name: str) -> str:
    """A small curve of the loss itself, or the sign of its kind of picture."""
    points = pictures.thumbnail(LOSSES[name]) if name in LOSSES else []
    if points:
        left, right = points[0][0], points[-1][0]
        bottom, top = min(y for _, y in points), max(y for _, y in points)
        scaled = ((64 * (x - left) / (right - left), 30 - 28 * (y - bottom) / ((top - bottom) or 1)) for x, y in points)
        drawn = f'<path d="M{"L".join(f"{x:.0f} {y:.1f}" for x, y in scaled)}"/>'
    else:
        drawn = SIGNS[pictures.picture(LOSSES[name]).kind if name in LOSSES else "table"]
    return f'<svg viewBox="-2 -1 68 34" aria-hidden="true">{drawn}</svg>'


SIGNS = {
    "boxes": '<rect x="10" y="3" width="28" height="18"/><rect x="24" y="11" width="28" height="18"/>',
    "points": '<circle cx="14" cy="10" r="3"/><circle cx="26" cy="19" r="3"/><circle cx="44" cy="8" r="3"/><path d="M46 10L54 20"/>',
    "ranking": '<path d="M8 30V4M20 30V16M32 30V22M44 30V10M56 30V26"/>',
    "bars": '<path d="M6 16H58M12 16V6M24 16V26M36 16V3M48 16V22"/>',
    "grid": '<path d="M18 2H46V30H18ZM18 11H46M18 21H46M27 2V30M37 2V30"/>',
    "lattice": '<path d="M8 28L22 28L36 16L50 16L58 4"/><circle cx="8" cy="28" r="2"/><circle cx="36" cy="16" r="2"/><circle cx="58" cy="4" r="2"/>',
    "table": '<path d="M10 4H54V28H10ZM10 12H54M10 20H54M28 4V28"/>',
}


# ------------------------------------------------------------------ one loss


def _article(name: str) -> str:
    card = catalogue.card_of(find_operation(name))
    example = card["example"]
    formula = f'<div class="formula" role="math" aria-label="{html.escape(card["formula"])}" tabindex="0">{mathml(card["formula"])}</div>'
    legend = markup.legend(LOSSES[name]) if name in LOSSES else ""
    parts = [
        f'<h1>{_breakable(name)}</h1><p class="summary">{prose(card["summary"])}</p>{formula}{legend}<div id="picture" class="picture"></div>',
        _section("About it", "".join(f"<p>{line}</p>" for line in _prose(card))),
        _section("The same in other libraries", _equivalents(card.get("equivalents", []))),
        _section("Inputs", markup.inputs(card)),
        _section("Options", markup.options(card)),
        _section("Controls", markup.controls(card)),
        _section("Call it", '<div id="code"></div>'),
        _section("Your own numbers", '<div id="own"></div>' if name in LOSSES else ""),
        _section("Is yours this loss?", '<div id="check"></div>' if name in LOSSES else ""),
        f"<details><summary>Worked example: request and response</summary><pre>{_json(example['request'])}</pre>"
        f"<pre>{_json(example['response'])}</pre></details>",
        f'<script type="application/json" id="loss">{_data(name, card)}</script>',
    ]
    return f"<article>{''.join(parts)}</article>"


def _prose(card: Mapping[str, Any]) -> list[str]:
    reference = ARXIV.sub(r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">arXiv:\1</a>', html.escape(card["reference"]))
    lines = [
        f"<b>Use:</b> {prose(card['use'])}",
        prose(card["notes"]),
        f"<b>Divisor of the mean:</b> {prose(card['divisor'])}.",
        f"<b>Reference:</b> {reference}.",
        f"<b>Also known as</b> {', '.join(f'<code>{html.escape(word)}</code>' for word in card['synonyms'])}." if card["synonyms"] else "",
        f'<b>Family:</b> <a href="../#{card["family"]}">{_title(card["family"])}</a>.',
    ]
    return [line for line in lines if line]


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _equivalents(found: Iterable[Any]) -> str:
    """List the calls of libraries, those with the same presets in one line."""
    alike: dict[str, list[str]] = {}
    for same in found:
        presets = "".join(f", {code(key)} {html.escape(str(value))}" for key, value in _presets(same))
        alike.setdefault(presets, []).append(code(same["name"]))
    rows = "".join(f"<li>{', '.join(names)}{f': here{presets[1:]}' if presets else ''}</li>" for presets, names in alike.items())
    return f"<ul>{rows}</ul>" if rows else ""


def _presets(same: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """List the presets of a library's call that differ from our defaults."""
    return [*same["options"].items(), *([("reduction", same["reduction"])] if same["reduction"] != "mean" else [])]


def _json(value: Any) -> str:
    return html.escape(orjson.dumps(value).decode())


def _data(name: str, card: Mapping[str, Any]) -> str:
    """Return the scripts' data as JSON that cannot close its element."""
    if name in LOSSES:
        loss = LOSSES[name]
        found, shown, over, example = pictures.picture(loss), pictures.inputs(loss), pictures.peers(loss), dict(loss.example)
        ranges = {option.name: option_range(option) for option in loss.options}
        hessian = loss.hessian_diagonal
    else:
        why = "a sum of several losses has a picture for each of them"
        found, shown, over, ranges, hessian = Picture("table", (), (), card["example"]["request"], why), [], [], {}, False
        example = card["example"]["request"]
    picture = {"kind": found.kind, "moved": found.moved, "repeated": found.repeated, "request": found.request, "why": found.why}
    options = [option | {"range": ranges.get(option["name"])} for option in card["options"]]
    data = {"name": name, "picture": picture, "inputs": shown, "options": options, "hessian": hessian, "peers": over, "example": example}
    return orjson.dumps(data | {"contrasts": _contrasts().get(name, [])}).decode().replace("<", "\\u003c")


@cache
def _contrasts() -> dict[str, Any]:
    """Return the differences from torch that tests/parity/contrasts.py found."""
    path = HERE / "contrasts.json"
    found: dict[str, Any] = orjson.loads(path.read_bytes()) if path.exists() else {}
    return found
