"""Marks where a request enters and leaves the application, for WSGI and ASGI."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from functools import update_wrapper
from typing import Any
from urllib.parse import quote

from unslow.observe import _application, _control, _delay, _record, _sites, _wire
from unslow.observe._record import RequestRecord

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGI = Callable[[Environ, StartResponse], Iterable[bytes]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

_PATH_SAFE = "/~!$&'()*+,;=:@%-._"


def wrap_wsgi(app: WSGI) -> WSGI:
    """The application, observed. The outermost wrapper of a request is the one that counts."""
    if hasattr(app, "__unslow__"):
        return app
    _application.serves("wsgi", app)

    def boundary(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return run_wsgi(app, environ, start_response)

    _mark(boundary, app)
    return boundary


def wrap_asgi(app: ASGI) -> ASGI:
    """The application, observed. Websockets and lifespan pass as they are."""
    if hasattr(app, "__unslow__"):
        return app
    _application.serves("asgi", app)

    async def boundary(scope: Scope, receive: Receive, send: Send) -> None:
        await run_asgi(app, scope, receive, send)

    _mark(boundary, app)
    return boundary


def wsgi_method(original: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a framework's `__call__(self, environ, start_response)`."""

    def __call__(self: Any, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _application.serves("wsgi", self)
        return run_wsgi(original.__get__(self), environ, start_response)

    return __call__


def asgi_method(original: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a framework's `__call__(self, scope, receive, send)`."""

    async def __call__(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        _application.serves("asgi", self)
        await run_asgi(original.__get__(self), scope, receive, send)

    return __call__


def run_wsgi(app: WSGI, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Serve one request: control, observed, or plain."""
    if _wire.is_open() and _control.PREFIX in environ.get("PATH_INFO", ""):
        reply = _control.for_wsgi(environ)
        if reply is not None:
            start_response(reply.status_line, reply.headers)
            return [reply.body]
    if _delay.active:
        _delay.delay_wsgi(environ)
    record = _begin_wsgi(environ) if _record.level() != "off" else None
    if record is None:
        return app(environ, start_response)
    return _observe_wsgi(record, app, environ, start_response)


def run_asgi(app: ASGI, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    """Serve one request: control, observed, or plain.

    No coroutine of its own, where it has nothing to await: each step would pass through it.
    """
    if scope["type"] != "http":
        return app(scope, receive, send)
    if _delay.active or _wire.is_open():
        return _run_in_the_lab(app, scope, receive, send)
    return _run_asgi(app, scope, receive, send)


async def _run_in_the_lab(app: ASGI, scope: Scope, receive: Receive, send: Send) -> None:
    if _wire.is_open() and _control.PREFIX in scope["path"]:
        reply = await _control.for_asgi(scope, receive)
        if reply is not None:
            await send(
                {"type": "http.response.start", "status": reply.status, "headers": reply.raw}
            )
            await send({"type": "http.response.body", "body": reply.body})
            return
    if _delay.active:
        await _delay.delay_asgi(scope)
    await _run_asgi(app, scope, receive, send)


def _run_asgi(app: ASGI, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    record = _begin_asgi(scope) if _record.level() != "off" else None
    if record is None:
        return app(scope, receive, send)
    return _observe_asgi(record, app, scope, receive, send)


def _observe_wsgi(
    record: RequestRecord, app: WSGI, environ: Environ, start_response: StartResponse
) -> Iterable[bytes]:
    def started(status: str, headers: Any, *exc_info: Any, **named: Any) -> Any:
        record.status = _status(status)
        if _record.detailed:
            _headers(record, headers)
        return start_response(status, headers, *exc_info, *named.values())

    left = _record.begin(record)
    try:
        body = app(environ, started)
    except BaseException as problem:
        _failed(record, problem)
        _record.leave(left)
        raise
    if isinstance(body, list | tuple):
        record.response_bytes = sum(map(len, body))
        _finish(record)
        _record.leave(left)
        return body
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(body, wrapper):
        # Servers recognise their own wrapper and send the file without Python.
        _finish(record)
        _record.leave(left)
        return body
    record.returned = True
    kind = _SizedBody if hasattr(body, "__len__") else _Body
    return kind(body, record, left)


async def _observe_asgi(
    record: RequestRecord, app: ASGI, scope: Scope, receive: Receive, send: Send
) -> None:
    async def counted(message: MutableMapping[str, Any]) -> None:
        await send(message)
        _note(record, message)

    left = _record.begin(record)
    created = _sites.created_at.set(())
    try:
        await app(scope, receive, counted)
    except BaseException as problem:
        _failed(record, problem)
        raise
    finally:
        _finish(record)
        _sites.created_at.reset(created)
        _record.leave(left)


class _Body:
    """A response body that tells when it has been sent."""

    def __init__(self, body: Iterable[bytes], record: RequestRecord, left: Any) -> None:
        self._body = body
        self._iterator: Iterator[bytes] | None = None
        self._record = record
        self._left = left

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._iterator is None:
            self._iterator = iter(self._body)
        try:
            chunk = next(self._iterator)
        except StopIteration:
            raise
        except BaseException as problem:
            self._record.error = self._record.error or _describe(problem)
            raise
        self._record.response_bytes += len(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            _finish(self._record)
            _record.leave(self._left)


class _SizedBody(_Body):
    """The same for a body that knows its number of chunks, which wsgiref asks for."""

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]


@_wire.safely
def _begin_wsgi(environ: Environ) -> RequestRecord | None:
    if _record.is_in_request():
        return None
    _application.look()
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not raw:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        query = environ.get("QUERY_STRING", "")
        raw = quote(path.encode("latin-1"), safe=_PATH_SAFE) + (f"?{query}" if query else "")
    return RequestRecord(
        environ.get("HTTP_X_UNSLOW_REQUEST", "") if _wire.is_open() else "",
        environ["REQUEST_METHOD"],
        raw,
        threaded=True,
        served=True,
    )


@_wire.safely
def _begin_asgi(scope: Scope) -> RequestRecord | None:
    if _record.is_in_request():
        return None
    _application.look()
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    identifier = b""
    for name, value in scope["headers"] if _wire.is_open() else ():
        if name == b"x-unslow-request":
            identifier = value
    return RequestRecord(
        identifier.decode("latin-1"),
        scope["method"],
        path.partition("?")[0] + (f"?{query}" if query else ""),
        threaded=False,
        served=True,
    )


@_wire.safely
def _headers(record: RequestRecord, headers: Iterable[tuple[Any, Any]]) -> None:
    """What kind of answer it is, and whether anything compresses it."""
    for name, value in headers:
        plain = name.decode("latin-1") if isinstance(name, bytes) else name
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        match plain.lower():
            case "content-type":
                record.content_type = text.partition(";")[0].strip().lower()
            case "content-encoding":
                record.content_encoding = text
            case "vary" if "accept-encoding" in text.lower():
                record.content_encoding = record.content_encoding or "negotiated"


@_wire.safely
def _note(record: RequestRecord, message: MutableMapping[str, Any]) -> None:
    kind = message["type"]
    if kind == "http.response.start":
        record.status = message["status"]
        if _record.detailed:
            _headers(record, message.get("headers", ()))
    elif kind == "http.response.body":
        record.response_bytes += len(message.get("body", b""))
        # An application that failed sends its 500 first and raises then.
        if not message.get("more_body", False) and record.status < 500:
            record.finish()
    elif kind == "http.response.pathsend":
        record.finish()


@_wire.safely
def _failed(record: RequestRecord, problem: BaseException) -> None:
    record.error = record.error or _describe(problem)
    record.status = record.status or 500
    record.finish()


@_wire.safely
def _finish(record: RequestRecord) -> None:
    record.finish()


def _describe(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}"


def _status(line: str) -> int:
    number = str(line)[:3]
    return int(number) if number.isdigit() else 0


@_wire.safely
def _mark(boundary: Any, app: Any) -> None:
    boundary.__unslow__ = True
    update_wrapper(boundary, app, updated=())


for _floor in (_observe_wsgi, _observe_asgi, _Body.__next__, _Body.close, _SizedBody.__len__):
    _sites.floor(_floor)
