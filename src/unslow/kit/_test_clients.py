"""Marks where the test clients of Django, Starlette, httpx and Werkzeug send a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import quote

from unslow.observe import _boundary, _imports, _record, _sites, _wire
from unslow.observe._patch import Function, wrap
from unslow.observe._record import RequestRecord


class Sent(NamedTuple):
    """A request as a test client sent it. `body` is read when it is asked for."""

    record: RequestRecord
    headers: Mapping[str, str]
    body: Callable[[], bytes]


_listeners: list[Callable[[Sent], None]] = []


def install() -> None:
    """Watch the clients that are imported, and those that will be."""
    _imports.after("django.test.client", _install_django)
    _imports.after("django.core.handlers.wsgi", _install_server)
    _imports.after("werkzeug.test", _install_werkzeug)
    _imports.after("starlette.testclient", _install_starlette)
    for library in ("httpx", "httpx2"):
        _imports.after(f"{library}._transports.asgi", _install_asgi)
        _imports.after(f"{library}._transports.wsgi", _install_wsgi)


def listen(listener: Callable[[Sent], None]) -> None:
    """Call this with every request that a client has sent, once it is answered."""
    _listeners.append(listener)


def _install_django(module: ModuleType) -> None:
    wrap(module.ClientHandler, "__call__", _django)
    wrap(module.AsyncClientHandler, "__call__", _django_async)


def _install_server(module: ModuleType) -> None:
    """The live server of a test, which serves in a thread of its own."""
    wrap(module.WSGIHandler, "__call__", _boundary.wsgi_method)


def _install_werkzeug(module: ModuleType) -> None:
    wrap(module, "run_wsgi_app", _werkzeug)


def _install_starlette(module: ModuleType) -> None:
    wrap(module._TestClientTransport, "handle_request", _httpx)


def _install_wsgi(module: ModuleType) -> None:
    wrap(module.WSGITransport, "handle_request", _httpx)


def _install_asgi(module: ModuleType) -> None:
    wrap(module.ASGITransport, "handle_async_request", _httpx_async)


def _django(original: Function) -> Function:
    def __call__(self: Any, environ: Any) -> Any:
        body = _payload_of(environ, "wsgi.input")
        with _request(_of_environ, environ, body) as record:
            response = original(self, environ)
            _answered(record, response.status_code)
            return response

    _sites.floor(__call__)
    return __call__


def _django_async(original: Function) -> Function:
    async def __call__(self: Any, scope: Any) -> Any:
        body = _payload_of(scope, "_body_file")
        with _request(_of_scope, scope, body) as record:
            response = await original(self, scope)
            _answered(record, response.status_code)
            return response

    _sites.floor(__call__)
    return __call__


def _werkzeug(original: Function) -> Function:
    def run_wsgi_app(app: Any, environ: Any, *args: Any, **named: Any) -> Any:
        body = _stream_of(environ)
        with _request(_of_environ, environ, body) as record:
            answer = original(app, environ, *args, **named)
            _answered(record, _boundary._status(answer[1]))
            return answer

    _sites.floor(run_wsgi_app)
    return run_wsgi_app


def _httpx(original: Function) -> Function:
    def handle_request(self: Any, request: Any) -> Any:
        with _request(_of_httpx, request) as record:
            response = original(self, request)
            _answered(record, response.status_code)
            return response

    _sites.floor(handle_request)
    return handle_request


def _httpx_async(original: Function) -> Function:
    async def handle_async_request(self: Any, request: Any) -> Any:
        with _request(_of_httpx, request) as record:
            response = await original(self, request)
            _answered(record, response.status_code)
            return response

    _sites.floor(handle_async_request)
    return handle_async_request


@contextmanager
def _request(make: Callable[..., Sent | None], *given: Any) -> Iterator[RequestRecord | None]:
    sent: Sent | None = None if _record.is_in_request() else _wire.safely(make)(*given)
    if sent is None:
        yield None
        return
    left = _record.begin(sent.record)
    created = _sites.created_at.set(())
    try:
        yield sent.record
    except BaseException as problem:
        sent.record.error = sent.record.error or f"{type(problem).__name__}: {problem}"
        sent.record.status = 500
        raise
    finally:
        _wire.safely(sent.record.finish)()
        _sites.created_at.reset(created)
        _record.leave(left)
        for listener in _listeners:
            _wire.safely(listener)(sent)


def _answered(record: RequestRecord | None, status: int) -> None:
    if record is not None:
        record.status = status


def _of_environ(environ: Any, body: bytes) -> Sent | None:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query = environ.get("QUERY_STRING", "")
    target = quote(path.encode("latin-1"), safe=_boundary._PATH_SAFE)
    record = RequestRecord(
        "", environ["REQUEST_METHOD"], target + (f"?{query}" if query else ""), threaded=True
    )
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").title(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    return Sent(record, headers, lambda: body)


def _of_scope(scope: Any, body: bytes) -> Sent | None:
    query = scope.get("query_string", "")  # Django's client leaves it a string
    if isinstance(query, bytes):
        query = query.decode("latin-1")
    path = quote(scope["path"].encode(), safe=_boundary._PATH_SAFE)
    record = RequestRecord(
        "", scope["method"], path + (f"?{query}" if query else ""), threaded=False
    )
    headers = {
        name.decode("latin-1").title(): value.decode("latin-1") for name, value in scope["headers"]
    }
    return Sent(record, headers, lambda: body)


def _of_httpx(request: Any) -> Sent | None:
    if request.url.scheme not in ("http", "https"):
        return None
    record = RequestRecord("", request.method, request.url.raw_path.decode("ascii"), threaded=False)
    return Sent(record, dict(request.headers), lambda: getattr(request, "_content", b""))


@_wire.safely
def _payload_of(holder: Any, name: str) -> bytes:
    """What Django's client sends, which it can read only once; put back as it was."""
    payload = holder.get(name)
    if not _listeners or payload is None or not len(payload):
        return b""
    content: bytes = payload.read()
    holder[name] = type(payload)(content)
    return content


@_wire.safely
def _stream_of(environ: Any) -> bytes:
    stream = environ.get("wsgi.input")
    if not _listeners or not hasattr(stream, "seek"):
        return b""
    at = stream.tell()
    content: bytes = stream.read()
    stream.seek(at)
    return content
