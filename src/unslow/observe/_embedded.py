"""Runs the recorder inside an application that asks for it itself, for the kit."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from unslow.observe import _follow, _imports, _integrations, _record, _sites, _start, _wire
from unslow.observe._record import RequestRecord

Level = Literal["light", "full"]

_lock = threading.Lock()
_installed = False


def start(level: Level = "light") -> None:
    """Record at least at this level from now on, libraries that are imported already included.

    Several parts of an application may ask; the highest level wins. Under the lab its own recorder
    goes on, and is sent what the lab has asked for.
    """
    with _lock:
        if _record.raise_to(level):
            _wire.safely(_install)()


def listen(listener: Callable[[RequestRecord], None]) -> Callable[[], None]:
    """Call this once for every request that has ended; returns what removes it.

    The record is closed. What the listener raises is swallowed and counted.
    """
    return _record.listen(listener)


def starting(listener: Callable[[RequestRecord], None]) -> Callable[[], None]:
    """Call this when a request begins; returns what removes it."""
    return _record.listen(listener, begin=True)


@contextmanager
def recording(method: str, path: str) -> Iterator[RequestRecord]:
    """A record for work outside of any HTTP request: a test, a task, a shell."""
    start()
    record = RequestRecord("", method, path, threaded=False)
    left = _record.begin(record)
    try:
        yield record
    except BaseException as problem:
        record.error = record.error or f"{type(problem).__name__}: {problem}"
        raise
    finally:
        _wire.safely(record.finish)()
        _record.leave(left)


def _install() -> None:
    global _installed
    if _installed or _start.is_started():
        _integrations.again()
    else:
        _sites.configure([os.getcwd()], [])
        _imports.watch()
        _integrations.install()
    _installed = True
    _follow.install()
