"""Profiles a request of a WSGI application, and answers it with the profile."""

import itertools
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from unslow.kit import profiling
from unslow.kit._watch import Watch
from unslow.kit.profiling import ANSWER_HEADER, TOKEN_KEY, Asked, Gate, Headers
from unslow.observe._boundary import WSGI, Environ, StartResponse

logger = logging.getLogger("unslow")


class Profiled:
    """A WSGI application that gives profiles to those who may see them."""

    def __init__(self, app: WSGI, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        asked = profiling.asked(environ.get("QUERY_STRING", ""), environ.get(TOKEN_KEY, ""))
        if asked is None or not self._gate.opens(asked, _path(environ), self._is_debug):
            return self._app(environ, start_response)
        return _serve(self._app, _without(environ, asked), start_response, asked)

    def _is_debug(self) -> bool:
        return profiling.is_debug(self._app)


def _path(environ: Environ) -> str:
    raw = str(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


def _without(environ: Environ, asked: Asked) -> Environ:
    """The request as it is without the wish for a profile."""
    profiling.strip(environ, asked.query)
    profiling.hide(asked.query)
    return environ


class _Held:
    """The start of a response, kept until it is known what becomes of it."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: Headers = []
        self.exc_info: tuple[Any, ...] = ()
        self.written: list[bytes] = []

    def start(
        self, status: str, headers: Headers, exc_info: Any = None
    ) -> Callable[[bytes], object]:
        self.status, self.headers = status, list(headers)
        self.exc_info = (exc_info,) if exc_info else ()
        return self.written.append

    @property
    def code(self) -> int:
        return int(self.status[:3])

    def has_length(self) -> bool:
        return any(name.lower() == "content-length" for name, _ in self.headers)


def _serve(
    app: WSGI, environ: Environ, start_response: StartResponse, asked: Asked
) -> Iterable[bytes]:
    held = _Held()
    watch = Watch(sys._getframe())
    watch.start()
    body: Iterable[bytes] = ()
    try:
        body = app(environ, held.start)
        chunks = iter(body)
        first = next(chunks, b"")
        reason = profiling.refusal(held.code, streamed=_is_streamed(body, held, environ))
        if not reason:
            _exhaust(chunks, body)
    except Exception as problem:
        logger.exception("the profiled request failed")
        held.start("500 Internal Server Error", [], (type(problem), problem, None))
        reason = ""
    finally:
        watch.stop()
    if reason:
        start_response(held.status, [*held.headers, (ANSWER_HEADER, reason)], *held.exc_info)
        return _Rest(itertools.chain(held.written, (first,), chunks), body)
    return _answer(watch, environ, start_response, asked, held)


def _is_streamed(body: Iterable[bytes], held: _Held, environ: Environ) -> bool:
    """Whether the body is of a length that only its end tells, or a file that the server sends."""
    wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(wrapper, type) and isinstance(body, wrapper):
        return True
    if isinstance(body, list | tuple) or held.has_length():
        return False
    return getattr(body, "streaming", None) is not False


def _exhaust(chunks: Iterator[bytes], body: Iterable[bytes]) -> None:
    try:
        for _ in chunks:
            pass
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()


def _answer(
    watch: Watch, environ: Environ, start_response: StartResponse, asked: Asked, held: _Held
) -> list[bytes]:
    method = environ["REQUEST_METHOD"]
    answer = profiling.answer(watch, asked.kind, method, _path(environ), held.code)
    start_response(held.status, answer.headers(held.headers), *held.exc_info)
    return [] if method == "HEAD" else [answer.body]


class _Rest:
    """A streamed body whose first chunk was looked at."""

    def __init__(self, chunks: Iterator[bytes], body: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
