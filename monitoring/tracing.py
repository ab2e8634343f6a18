"""OpenTelemetry traces of this process: off, and then free, unless there is somewhere to send them.

    with tracing.span("debate", {"aragora.protocol": "adaptive"}, parent=carried) as trace:
        ...
        trace.tell({"aragora.ending": "completed"})

They are on with `ARAGORA_ENABLE_TELEMETRY` and the address of a collector in OpenTelemetry's own
variable `OTEL_EXPORTER_OTLP_ENDPOINT`; what else the SDK reads from the environment (headers,
sampler, resource, limits) holds as well. The SDK is imported by `start`, and only then.

Attributes are figures, names of the operator's own and ids of debates: no question, no answer, no
key, nobody's name. So an exception is told by its type; its message may quote what agents said.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

log = structlog.get_logger(__name__)

SERVICE = "aragora"
FLUSH_SECONDS = 3.0
"""How long a process that ends waits for its last spans to be taken."""
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

Attributes = Mapping[str, str | int | float | bool]

_provider: TracerProvider | None = None
_tracer: Tracer | None = None


class Kind(StrEnum):
    """Which side of a call a span is."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    CONSUMER = "CONSUMER"


class Trace:
    """A span while it lasts; this one is nowhere."""

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the span. An exception goes on."""

    def rename(self, name: str) -> None:
        """Say better what it is, once that is known."""

    def tell(self, attributes: Attributes) -> None:
        """Say more of it."""

    def fail(self, reason: str) -> None:
        """It came to nothing; `reason` is a code or the name of a type, never a message."""


NOWHERE = Trace()
"""What is not traced."""


class _Recorded(Trace):
    def __init__(self, entering: AbstractContextManager[Span]) -> None:
        self._entering = entering

    def __enter__(self) -> Trace:
        self._span = self._entering.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and not issubclass(kind, asyncio.CancelledError):
            self.fail(str(getattr(error, "code", "") or kind.__name__))
        self._entering.__exit__(None, None, None)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def tell(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("error.type", reason)
        self._span.set_status(StatusCode.ERROR)


# --- Spans -------------------------------------------------------------------------------------


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: Kind = Kind.INTERNAL,
    parent: str = "",
) -> Trace:
    """A span around what is done within it, below the one that is under way; below `parent`, a
    `traceparent` that was carried here, if one is given."""
    if _tracer is None:
        return NOWHERE
    from opentelemetry.trace import SpanKind

    return _Recorded(
        _tracer.start_as_current_span(
            name,
            context=_carried(parent) if parent else None,
            kind=SpanKind[kind],
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        )
    )


def record(name: str, *, begin: datetime, end: datetime, kind: Kind = Kind.INTERNAL) -> None:
    """A span that is over, below the one that is under way."""
    if _tracer is None:
        return
    from opentelemetry.trace import SpanKind

    began, ended = (int(moment.timestamp() * 1e9) for moment in (begin, end))
    _tracer.start_span(name, kind=SpanKind[kind], start_time=began).end(max(began, ended))


def traceparent() -> str:
    """What carries the span under way to another process (W3C Trace Context); empty without."""
    if _tracer is None:
        return ""
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def trace_id() -> str:
    """Names the trace under way, in 32 hexadecimal digits; empty without."""
    return traceparent()[3:35]


def _carried(parent: str) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


def add_trace_id(logger: object, name: str, event: Any) -> Any:
    """For structlog: which trace a line belongs to."""
    if _tracer is not None and (found := trace_id()):
        event.setdefault("trace_id", found)
    return event


# --- The process -------------------------------------------------------------------------------


def is_wanted() -> bool:
    """Whether the environment names somewhere to send traces."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    none = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    return not off and not none and any(os.environ.get(name, "").strip() for name in ENDPOINTS)


def start(*, enabled: bool, version: str) -> None:
    """Begin to trace, where that is `enabled` and wanted. Again does nothing."""
    global _provider, _tracer  # noqa: PLW0603 (one a process, looked at by every span)
    if _tracer is not None or not enabled or not is_wanted():
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # What the operator's environment says of the resource comes first.
    ours = Resource({"service.name": SERVICE, "service.version": version})
    _provider = TracerProvider(
        resource=ours.merge(_named_resource(Resource.create())), shutdown_on_exit=False
    )
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer(SERVICE, version)
    log.info("tracing_started")


def _named_resource(found: Any) -> Any:
    """Without the name that the SDK gives to what has none."""
    from opentelemetry.sdk.resources import Resource

    attributes = dict(found.attributes)
    if str(attributes.get("service.name", "")).startswith("unknown_service"):
        del attributes["service.name"]
    return Resource(attributes)


def stop() -> None:
    """Send what is left, for a while, and end. Blocking."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        # With a collector that is away the SDK would wait for half a minute.
        ending = threading.Thread(target=provider.shutdown, name="tracing", daemon=True)
        ending.start()
        ending.join(FLUSH_SECONDS)
