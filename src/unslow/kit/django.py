"""Watches the requests of a Django project: `unslow.kit.django.Middleware`, first in MIDDLEWARE."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings as django_settings  # type: ignore[import-untyped]
from django.core.exceptions import ImproperlyConfigured  # type: ignore[import-untyped]

from unslow.errors import UsageError
from unslow.kit import _checks, _parts, _settings, profiling, telemetry
from unslow.observe import _record, _wire
from unslow.observe._record import RequestRecord


class Middleware:
    """A Django middleware, for views that are called and views that are awaited.

    Settings: the dictionary `UNSLOW` in Django's settings.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        try:
            self.settings = _settings.read(getattr(django_settings, "UNSLOW", {}))
            _parts.start(self.settings)
            respond = telemetry.django(profiling.django(get_response, self.settings), self.settings)
        except UsageError as problem:
            raise ImproperlyConfigured(f"UNSLOW: {problem}") from None
        _checks.django(django_settings.MIDDLEWARE)
        # Parts of the kit that answer requests themselves go around `get_response` here.
        self.get_response = respond
        self._awaited = iscoroutinefunction(get_response)
        if self._awaited:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if self._awaited:
            return self._await(request)
        record = _begin(request, threaded=True)
        if record is None:
            return self.get_response(request)
        left = _record.begin(record)
        try:
            response = self.get_response(request)
        except BaseException as problem:
            _failed(record, problem)
            _record.leave(left)
            raise
        _answered(record, response, left)
        return response

    async def _await(self, request: Any) -> Any:
        record = _begin(request, threaded=False)
        if record is None:
            return await self._response(request)
        left = _record.begin(record)
        try:
            response = await self._response(request)
        except BaseException as problem:
            _failed(record, problem)
            _record.leave(left)
            raise
        _answered(record, response, left)
        return response

    def _response(self, request: Any) -> Awaitable[Any]:
        return self.get_response(request)  # type: ignore[no-any-return]


@_wire.safely
def _begin(request: Any, *, threaded: bool) -> RequestRecord | None:
    """A record for the request; None where a server's or an outer middleware's has it already."""
    if _record.is_in_request():
        return None
    query = request.META.get("QUERY_STRING", "")
    path = f"{request.path}?{query}" if query else request.path
    return RequestRecord("", request.method or "", path, threaded=threaded, served=True)


@_wire.safely
def _failed(record: RequestRecord, problem: BaseException) -> None:
    record.error = record.error or f"{type(problem).__name__}: {problem}"
    record.status = 500
    record.finish()


def _answered(record: RequestRecord, response: Any, left: RequestRecord | None) -> None:
    """Close the record: now, or when a streaming response has been sent."""

    def end() -> None:
        _finish(record)
        _record.leave(left)

    if _is_streaming(record, response):
        record.returned = True
        response._resource_closers.append(end)
    else:
        end()


@_wire.safely
def _finish(record: RequestRecord) -> None:
    record.finish()


@_wire.safely
def _is_streaming(record: RequestRecord, response: Any) -> bool:
    record.status = response.status_code
    if _record.detailed:
        record.content_type = response.headers.get("Content-Type", "").partition(";")[0]
    if response.streaming:
        return True
    record.response_bytes = len(response.content)
    return False
