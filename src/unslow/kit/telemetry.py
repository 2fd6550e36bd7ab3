"""Sends spans and metrics to OpenTelemetry where the application has set up its SDK."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from unslow.observe import _embedded, _record, _wire
from unslow.observe._patch import Function, wrap
from unslow.observe._record import RequestRecord

if TYPE_CHECKING:
    from types import ModuleType

    from unslow.kit._settings import Settings
    from unslow.observe._boundary import ASGI, WSGI, Environ, Receive, Scope, Send, StartResponse

SDKS = ("opentelemetry.sdk.trace", "opentelemetry.sdk.metrics")

_started = False
_export: ModuleType | None = None


def start() -> None:
    """Export every request from now on; several calls are one.

    Nothing of OpenTelemetry is imported, and nothing done, before the application has its SDK.
    """
    global _started
    if not _started:
        _started = True
        _embedded.start()
        _embedded.listen(_ended)
        wrap(RequestRecord, "note", _noting)
        wrap(RequestRecord, "add", _adding)
        wrap(_record, "add_query", _querying)


def asgi(app: ASGI, settings: Settings) -> ASGI:
    """The application, each request within a span, if that was asked for."""
    if not settings.telemetry:
        return app
    start()

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            with _span("begin_asgi", scope):
                await app(scope, receive, send)
        else:
            await app(scope, receive, send)

    return traced


def wsgi(app: WSGI, settings: Settings) -> WSGI:
    """The same for WSGI."""
    if not settings.telemetry:
        return app
    start()

    def traced(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with _span("begin_wsgi", environ, environ["wsgi.url_scheme"]):
            return app(environ, start_response)

    return traced


def django(get_response: Callable[[Any], Any], settings: Settings) -> Callable[[Any], Any]:
    """The same for what a Django middleware calls, or awaits."""
    if not settings.telemetry:
        return get_response
    start()
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction

    def traced(request: Any) -> Any:
        with _span("begin_wsgi", request.META, request.scheme):
            return get_response(request)

    async def traced_async(request: Any) -> Any:
        with _span("begin_wsgi", request.META, request.scheme):
            return await get_response(request)

    return markcoroutinefunction(traced_async) if iscoroutinefunction(get_response) else traced


@contextmanager
def _span(begin: str, *asked: Any) -> Iterator[None]:
    """Within the span of the request that runs here; without one where there is no SDK."""
    export = exporter()
    token = _wire.safely(getattr(export, begin))(*asked) if export is not None else None
    try:
        yield
    finally:
        if export is not None and token is not None:
            _wire.safely(export.leave)(token)


def exporter() -> ModuleType | None:
    """What speaks to OpenTelemetry's API; None as long as the process has no SDK."""
    global _export
    if _export is None and any(name in sys.modules for name in SDKS):
        from unslow.kit import _opentelemetry

        _export = _opentelemetry
    return _export


@_wire.safely
def _ended(record: RequestRecord) -> None:
    if (export := exporter()) is not None:
        export.ended(record)


def _noting(original: Function) -> Function:
    def note(self: RequestRecord, sql: Any, database: str, started: float, ended: float) -> None:
        original(self, sql, database, started, ended)
        if _export is not None:
            _wire.safely(_export.query)(self, sql, database, started, ended)

    return note


def _querying(original: Function) -> Function:
    """With more than the light level wanted, statements take this way."""

    def add_query(**given: Any) -> Any:
        query = original(**given)
        record = _record.current()
        if _export is not None and record is not None and query is not None:
            ended = given["started"] + given["duration"]
            _wire.safely(_export.query)(
                record, given["sql"], given["database"], given["started"], ended
            )
        return query

    return add_query


def _adding(original: Function) -> Function:
    def add(self: RequestRecord, part: str, item: Any) -> None:
        original(self, part, item)
        if _export is not None:
            if part == "cache_calls":
                _wire.safely(_export.cache_call)(self, item)
            elif part == "http_calls":
                _wire.safely(_export.http_call)(self, item)

    return add
