"""/openapi.json, and /docs with no internet: Swagger UI from a Python package, formulas as MathML made here.

The page reads a document of its own, the published one with additions for readers: formulas rendered,
inputs and options as tables, losses grouped by family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api import catalogue
from service.api.openapi import filtered
from service.losses import FAMILIES
from service.pages.files import JSON, File
from service.pages.markup import describe

HERE = Path(__file__).parent
TITLES = FAMILIES | {"composite": "Combinations"}

Document = dict[str, Any]


def routes(published: Callable[[], Document], authorized: bool) -> list[Route]:
    """Routes of the document and of the page that shows it; everything is made at the first request for it.

    authorized: requests need a bearer token, so the page has a field for it.
    """
    swagger = files("fastapi_swagger") / "resources"
    whole = File(lambda: orjson.dumps(published()), JSON)
    found = {
        "/docs": File((HERE / "swagger.html").read_bytes, "text/html"),
        "/docs/page.js": File((HERE / "swagger.js").read_bytes, "text/javascript"),
        "/docs/page.css": File((HERE / "swagger.css").read_bytes, "text/css"),
        "/docs/openapi.json": File(lambda: orjson.dumps(readable(published(), authorized)), JSON),
        "/docs/swagger-ui-bundle.js": File((swagger / "swagger-ui-bundle.js").read_bytes, "text/javascript"),
        "/docs/swagger-ui.css": File((swagger / "swagger-ui.css").read_bytes, "text/css"),
        "/docs/favicon-32x32.png": File((swagger / "favicon-32x32.png").read_bytes, "image/png"),
    }

    async def document(request: Request) -> Response:
        """Return the document, or with ?loss= and ?family= the part of it that a client calls."""
        losses, families = (_listed(request, name) for name in ("loss", "family"))
        if not losses and not families:
            return await whole.respond(request)
        return await File(lambda: orjson.dumps(filtered(orjson.loads(whole.content[0]), losses, families)), JSON).respond(request)

    files_of_the_page = [Route(path, file.respond, include_in_schema=False) for path, file in found.items()]
    return [Route("/openapi.json", document, include_in_schema=False), *files_of_the_page]


def _listed(request: Request, name: str) -> list[str]:
    """Return the values of a query parameter, which may repeat and may hold several between commas."""
    return [part for value in request.query_params.getlist(name) for part in value.split(",")]


def readable(document: Document, authorized: bool) -> Document:
    """The document as the page shows it."""
    cards = catalogue.cards()
    shared = document["components"]["responses"]
    paths = {path: {method: _shown(operation, cards, shared) for method, operation in item.items()} for path, item in document["paths"].items()}
    tags = [{"name": "catalogue"}, {"name": "service"}, *({"name": family, "description": title} for family, title in TITLES.items())]
    # The page may be served below a prefix; seen from /docs/openapi.json, .. is the service. Called 3.0, because Swagger UI resolves the whole
    # of a 3.1 document before it shows anything, and of a 3.0 one each operation as it is opened.
    shown = document | {"openapi": "3.0.3", "paths": paths, "tags": tags, "servers": [{"url": ".."}]}
    if authorized:
        return shown | {"security": [{"bearer": []}]}
    components = {name: part for name, part in document["components"].items() if name != "securitySchemes"}  # an empty one shows Authorize too
    return shown | {"security": [], "components": components}


def _shown(operation: Document, cards: Mapping[str, Any], shared: Document) -> Document:
    """An operation with its problems folded to one, and a loss with its card and below its family."""
    folded = operation | {"responses": _folded(operation["responses"], shared)}
    card = cards.get(operation["operationId"])
    return folded if card is None else folded | {"tags": [card["family"]], "description": describe(card)}


def _folded(responses: Document, shared: Document) -> Document:
    """Successes, and one entry for every problem: they share one schema, and eleven of them fill six screens."""
    problems = {status: shared[response["$ref"].rpartition("/")[2]] for status, response in responses.items() if status >= "400"}
    kept = {status: response for status, response in responses.items() if status not in problems}
    if not problems:
        return kept
    said = "; ".join(f"{status}: {response['description']}" for status, response in problems.items())
    return kept | {"default": next(iter(problems.values())) | {"description": f"A problem (RFC 9457). {said}."}}
