"""A caller's trace goes on in the service, and its spans say what a line of the log says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from service.api import operations
from service.app import create_app
from service.settings import Settings
from service.telemetry import traces
from tests import required
from tests.conftest import running

GOOD = {"predictions": [1.0, 2.0], "labels": [0.0, 0.0]}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine"}


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Collect the spans of applications made from now on."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setitem(traces.TELEMETRY, "tracer_provider", provider)
    return exporter


def ask(path: str, document: Any = None, **settings: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(Settings(**settings)))
        async with httpx.AsyncClient(transport=transport, base_url="http://losses") as client:
            return await client.request("GET" if document is None else "POST", path, json=document, headers=HEADERS)

    return asyncio.run(asked())


def only(exporter: InMemorySpanExporter) -> ReadableSpan:
    (span,) = exporter.get_finished_spans()
    return span


@pytest.mark.parametrize("inline_bytes", [65536, 1], ids=["on the event loop", "in a thread"])
def test_a_loss_has_a_span_in_the_callers_trace(memory: InMemorySpanExporter, inline_bytes: int) -> None:
    answer = ask("/loss/mse", GOOD, inline_bytes=inline_bytes)
    span = only(memory)
    assert (span.name, span.context.trace_id, required(span.parent).span_id) == ("POST /loss/{name}", int(TRACE, 16), int(PARENT, 16))
    assert answer.headers["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    told: dict[str, Any] = dict(required(span.attributes))
    assert (told["loss.name"], told["loss.encoding"], told["loss.elements"], told["request_id"]) == ("mean_squared_error", "json", 4, "mine")
    assert (told["http.request.body.size"], told["http.response.body.size"]) == (len(answer.request.content), len(answer.content))
    assert (told["http.route"], told["http.response.status_code"]) == ("/loss/{name}", 200)
    assert told["loss.compute_seconds"] > 0
    assert (told["loss.queue_seconds"] > 0) == (inline_bytes == 1)
    assert "loss.problem" not in told


def test_a_rejection_is_in_the_span_and_no_error_of_ours(memory: InMemorySpanExporter) -> None:
    answer = ask("/loss/huber", {"predictions": [1.0, 2.0], "labels": [9876.5]})
    span = only(memory)
    assert (answer.status_code, required(span.attributes)["loss.problem"], required(span.attributes)["http.response.status_code"]) == (
        422,
        "invalid-tensor",
        422,
    )
    assert span.status.status_code is StatusCode.UNSET
    assert "9876.5" not in span.to_json()


def test_a_fault_is_an_error_and_keeps_its_words(memory: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("words of a caller")

    monkeypatch.setattr(operations, "bind", fail)
    assert ask("/loss/huber", GOOD).status_code == 500
    span = only(memory)
    assert span.status.status_code is StatusCode.ERROR
    assert required(span.attributes)["loss.problem"] == "internal"
    assert "words of a caller" not in span.to_json()


def test_other_paths_have_spans_and_probes_none(memory: InMemorySpanExporter) -> None:
    for path in traces.UNTRACED:
        assert "traceparent" not in ask(path).headers
    assert ask("/info").status_code == 200
    assert only(memory).name == "GET /info"


def test_without_a_provider_there_is_no_trace() -> None:
    assert "traceparent" not in ask("/loss/huber", GOOD).headers


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A receiver of spans and the requests that it got."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.path.encode() + b"\n" + self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as opened:
        Thread(target=opened.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{opened.server_address[1]}", bodies
        opened.shutdown()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_standard_variables_say_where_spans_go(collector: tuple[str, list[bytes]], workers: str) -> None:
    address, bodies = collector
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_SERVICE_NAME": "losses-here", "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    with running(**variables, WORKERS=workers) as url:
        httpx.post(f"{url}/loss/huber", json=GOOD, headers=HEADERS).raise_for_status()
    path, _, body = bodies[-1].partition(b"\n")  # sent when the service ended at the latest
    assert path == b"/v1/traces"
    (sent,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert "losses-here" in [attribute.value.string_value for attribute in sent.resource.attributes]
    assert [(span.name, span.trace_id.hex()) for scope in sent.scope_spans for span in scope.spans] == [("POST /loss/{name}", TRACE)]


def test_a_place_to_send_to_without_the_extra_is_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    async def start() -> None:
        app, sent = create_app(), []
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    asyncio.run(start())
    assert "requires fastapi[opentelemetry]" in caplog.text
