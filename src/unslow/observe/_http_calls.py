"""Notes what a request asks of other services, and the clients that it builds to ask."""

import time
from asyncio.events import _get_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from unslow.observe import _effects, _record, _sites, _wire

_inside: ContextVar[bool] = ContextVar("unslow_http", default=False)


class Call:
    """One outgoing call under way; `status`, `timeout_s` and `cookies` are filled in by the hook.

    `timeout_s` None means that nothing ends the waiting.
    """

    __slots__ = ("cookies", "library", "method", "started", "status", "timeout_s", "url")

    def __init__(self, library: str, method: str, url: str, timeout_s: float | None) -> None:
        self.library = library
        self.method = method
        self.url = url
        self.timeout_s = timeout_s
        self.status = 0
        self.cookies = False
        self.started = time.perf_counter()


@contextmanager
def call(library: str, method: Any, url: Any, timeout_s: Any) -> Iterator[Call]:
    """Times a call; what a library calls within it is part of it."""
    made = Call(library, str(method), str(url), _seconds(timeout_s))
    outer = _inside.get()
    token = _inside.set(True)
    try:
        yield made
    finally:
        _inside.reset(token)
        if not outer:
            _note(made)


def is_within() -> bool:
    """Whether a library above has the call already."""
    return _inside.get()


def wanted() -> bool:
    return _record.level() != "off" and not _inside.get() and _record.current() is not None


@_wire.safely
def _note(made: Call) -> None:
    record = _record.current()
    if record is None:
        return
    parts = urlsplit(made.url)
    full = _record.level() == "full"
    record.add(
        "http_calls",
        {
            "library": made.library,
            "method": made.method.upper(),
            "host": parts.netloc.rpartition("@")[2],
            "path": _effects.shape(parts.path or "/"),
            "digest": _effects.digest(f"{made.method} {made.url}") if full else "",
            "start_ms": (made.started - record.started) * 1000,
            "duration_ms": (time.perf_counter() - made.started) * 1000,
            "status": made.status,
            "timeout_s": made.timeout_s,
            "blocking": _get_running_loop() is not None and not made.library.endswith("async"),
            "cookies": made.cookies,
            "stack": _sites.application_stack() if full else [],
        },
    )


@contextmanager
def building(what: str) -> Iterator[None]:
    """Times the making of a client, unless another one makes it."""
    if not wanted():
        yield
        return
    started = time.perf_counter()
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)
        _built(what, started)


@_wire.safely
def _built(what: str, started: float) -> None:
    record = _record.current()
    if record is None:
        return
    record.add(
        "built",
        {
            "what": what,
            "start_ms": (started - record.started) * 1000,
            "duration_ms": (time.perf_counter() - started) * 1000,
            "stack": _sites.application_stack() if _record.level() == "full" else [],
        },
    )


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
