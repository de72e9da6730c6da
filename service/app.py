"""The application: one route for all losses, the catalogue, probes, and a problem document for everything else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from service import __version__
from service.api import catalogue, inference, search
from service.api.openapi import document, problems
from service.api.operations import find_operation
from service.codec import CODECS
from service.errors import Failure
from service.http.admission import Life, Pool
from service.http.auth import Bearers, tokens
from service.http.endpoint import LossEndpoint
from service.http.middleware import Guard
from service.losses import FAMILIES, LOSSES
from service.pages import explorer, swagger
from service.pages.files import JSON as JSON_TYPE
from service.pages.files import File
from service.settings import Settings
from service.telemetry import requests, traces
from service.telemetry.fleet import Fleet, exposition

log = logging.getLogger("service")

MODELS = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")


class Info(BaseModel):
    """Describe the service and its limits."""

    model_config = ConfigDict(extra="allow")
    version: str
    losses: int
    families: list[str]
    encodings: list[str]
    limits: catalogue.Fields = Field(description="every limit in force, by its setting's name")


class Health(BaseModel):
    """Response of a probe."""

    status: str


class Service(FastAPI):
    """FastAPI's application, with Guard outermost: it responds to failures, counts, and limits bodies, as the three around it would."""

    traced = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Go straight to the middleware unless FastAPI has a span or a lifespan to open, or the stack to build: 1 % of a small request."""
        if self.traced or scope["type"] != "http" or self.middleware_stack is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> Any:
        stack: Any = super().build_middleware_stack()
        while not isinstance(stack, Guard):
            stack = stack.app
        return stack


def create_app(settings: Settings | None = None, life: Life | None = None, workers: Fleet | None = None) -> FastAPI:
    """The ASGI application. `life` is shared with the server that runs it, `workers` with other processes of this service."""
    settings, life = settings or Settings(), life or Life()
    search.index()  # 0.12 s, which the first misspelled name would cost the event loop
    app = Service(
        title="Loss service", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, telemetry=(telemetry := traces.telemetry()),
        redirect_slashes=False,  # a redirect to the Host header's name would send labels wherever that points
    )  # fmt: skip
    app.traced = telemetry["tracing"]
    bearers = Bearers(tokens(settings))
    endpoint = LossEndpoint(settings, Pool(settings), bearers)
    for path in ("/loss/{name}", "/check/{name}", "/identify", *(f"{model}/infer" for model in MODELS)):
        app.router.routes.append(Route(path, endpoint=endpoint, methods=["POST"], include_in_schema=False))
    _add_catalogue(app)
    _add_information(app, settings, life, workers)
    _add_inference(app, life)
    if settings.docs:
        _add_document(app, authorized=bool(bearers.digests))
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(Failure, _problem)
    app.add_exception_handler(RequestValidationError, _parameter_problem)
    app.add_middleware(
        Guard, bearers=bearers, losses=endpoint, life=life, origins=[origin.strip() for origin in settings.cors_origins.split(",") if origin]
    )
    app.state.losses = endpoint  # for the server, which rejects some requests by their headers alone
    return app


def _add_catalogue(app: FastAPI) -> None:
    @app.get("/loss", operation_id="list_losses", tags=["catalogue"], response_model=list[catalogue.Card], responses=problems(422))
    async def list_losses(
        request: Request,
        family: Annotated[str | SkipJsonSchema[None], Query(description="only this family")] = None,
        q: Annotated[str | SkipJsonSchema[None], Query(description="only losses that fit these words, best match first")] = None,
    ) -> Response:
        """The catalogue: every loss's card."""
        return await (_catalogue(family) if q is None else File(lambda: orjson.dumps(catalogue.selected(family, q)), JSON_TYPE)).respond(request)

    @app.get("/loss/{name}", operation_id="get_loss", tags=["catalogue"], response_model=catalogue.Card, responses=problems(404, 422))
    async def get_loss(name: Annotated[str, Path(description="name or synonym of a loss")]) -> Response:
        """One loss's card."""
        return _json(catalogue.card_of(find_operation(name)))


def _add_information(app: FastAPI, settings: Settings, life: Life, workers: Fleet | None) -> None:
    @app.get("/info", operation_id="info", tags=["service"], response_model=Info)
    async def info() -> Response:
        """Version, encodings and every limit in force."""
        return _json(
            {
                "version": __version__,
                "losses": len(LOSSES) + 1,
                "families": [*FAMILIES, "composite"],
                "encodings": list(CODECS),
                "limits": settings.model_dump(),
            }
        )

    @app.get("/metrics", include_in_schema=False)
    def prometheus() -> Response:
        text, media_type = exposition(workers)
        return Response(text, headers={"content-type": media_type})

    @app.get("/health/live", operation_id="live", tags=["service"], response_model=Health)
    async def live() -> Response:
        """Return 200 while the process is alive."""
        return _json({"status": "live"})

    @app.get("/health/ready", operation_id="ready", tags=["service"], response_model=Health, responses=problems(503))
    async def ready() -> Response:
        """Return 200 if the process accepts requests, else 503."""
        _check_ready(life)
        return _json({"status": "ready"})


def _check_ready(life: Life) -> None:
    if life.draining:
        raise Failure("unavailable", "the service is stopping")


def _add_inference(app: FastAPI, life: Life) -> None:
    """The Open Inference Protocol but for .../infer. The protocol has a document of its own, so that clients are not generated from ours."""

    def add(path: str, content: Callable[..., Any], method: str = "GET") -> None:
        async def endpoint(request: Request) -> Response:
            return _json(content(**request.path_params))

        app.router.routes.append(Route(path, endpoint, methods=[method], include_in_schema=False))

    def ready(**model: str) -> dict[str, Any]:
        _check_ready(life)
        return ({"name": inference.model(**model).name} if model else {}) | {"ready": True}

    add("/v2", inference.server)
    add("/v2/health/live", lambda: {"live": True})
    add("/v2/health/ready", ready)
    add("/v2/repository/index", inference.index, "POST")
    for path in MODELS:
        add(path, lambda **model: inference.metadata(inference.model(**model)))
        add(f"{path}/config", lambda **model: inference.config(inference.model(**model)))
        add(f"{path}/ready", ready)


def _add_document(app: FastAPI, authorized: bool) -> None:
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    app.router.routes.extend([*swagger.routes(app.openapi, authorized), *explorer.routes()])


@lru_cache(maxsize=32)
def _catalogue(family: str | None) -> File:
    """The cards of a family, or of all, written and compressed once: they are a megabyte."""
    return File(lambda: orjson.dumps(catalogue.selected(family)), JSON_TYPE)


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type=JSON_TYPE)


async def _problem(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Failure)  # noqa: S101
    record = requests.of(request.scope)
    record.problem = exc.kind
    body, media_type = exc.document(record.request_id, record.path)
    return Response(body, exc.status, dict(exc.headers), media_type)


async def _http_problem(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)  # noqa: S101
    kind = {404: "not-found", 405: "method-not-allowed"}.get(exc.status_code, "invalid-request")
    headers, path = dict(exc.headers or {}), request.url.path
    if exc.status_code == 405:  # the router names the methods of the first route that has the path
        headers["Allow"] = ", ".join(sorted(_methods(request, path)))
    detail, extra = f"{request.method} {path}"[:200], {}
    if exc.status_code == 404 and path != (right := path.rstrip("/")) and _methods(request, right):
        detail, extra = f"{detail}: this path ends without a slash", {"did_you_mean": [right[:200]]}
    return await _problem(request, Failure(kind, detail, headers=headers, extra=extra))


def _methods(request: Request, path: str) -> set[str]:
    """The methods of all routes that have a path."""
    scope = {**request.scope, "path": path}
    found = {method for route in request.app.routes if route.matches(scope)[0] is not Match.NONE for method in route.methods or ()}
    return found | {"HEAD"} if "GET" in found else found


async def _parameter_problem(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)  # noqa: S101
    return await _problem(request, Failure("invalid-request", "; ".join(str(error["msg"]) for error in exc.errors()[:3])))
