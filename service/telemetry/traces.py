"""Traces: FastAPI opens a span for each request where an OpenTelemetry provider is set, and reads traceparent; what we know is added here.

OTEL_EXPORTER_OTLP_ENDPOINT and the other OTEL_* variables set a provider, with the extra `otel` installed. Without one a request pays for
a look into its scope. A provider that is set by a program must be there before the application is made. A large body that is rejected by its
headers alone (429) has a span only where its caller sent a traceparent.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.telemetry.metrics import PHASES

if TYPE_CHECKING:
    from service.telemetry.requests import Request

SCOPE_KEY = "fastapi.telemetry"  # in the scope of a request that has a span
ROUTE = "/loss/{name}"  # losses' requests pass by the router, which would name their spans
INFER_ROUTE = "/v2/models/{name}/infer"
UNTRACED = ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/metrics")  # these are requested every few seconds

# Counting is /metrics' part, and exceptions are in the log: their texts, which may repeat a caller's words, do not leave the machine
TELEMETRY: TelemetryConfig = {
    "auto_configure": True,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "exclude": lambda scope: scope["path"] in UNTRACED,
}

_traceparent = TraceContextTextMapPropagator()


def telemetry() -> TelemetryConfig:
    """FastAPI's, off if no trace is possible: to look for a provider with each request takes as long as to read its headers."""
    wanted = TELEMETRY.get("tracer_provider") or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    return {**TELEMETRY, "tracing": bool(wanted) or any(name.startswith("OTEL_") for name in os.environ)}


def headers() -> list[tuple[bytes, bytes]]:
    """Return the response's traceparent: where in the caller's trace the work was done."""
    carrier: MutableMapping[str, str] = {}
    _traceparent.inject(carrier)
    return [(name.encode(), value.encode()) for name, value in carrier.items()]


def describe(request: Request) -> str:
    """Add to the request's span what its line in the log has. Returns the trace's id, "" without a trace."""
    span = trace.get_current_span()
    if request.loss:
        span.update_name(f"{request.method} {_route(request)}")
        span.set_attributes({name: value for name, value in _attributes(request).items() if value != ""})
    context = span.get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def _route(request: Request) -> str:
    return INFER_ROUTE if request.path.startswith("/v2/") else ROUTE


def _attributes(request: Request) -> dict[str, str | float]:
    found: dict[str, str | float] = {
        "http.route": _route(request),
        "loss.name": request.loss,
        "loss.encoding": request.encoding or "none",
        "loss.elements": request.elements,
        "loss.problem": request.problem,
    }
    found |= {f"loss.{phase}_seconds": duration for phase, duration in zip(PHASES, request.seconds, strict=False)}
    sent = request.sent if request.status == 200 else 0
    return found | {"http.request.body.size": request.received, "http.response.body.size": sent, "request_id": request.request_id}
