"""Looks at the threads of a request a hundred times a second: which application line is at work."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import CodeType, FrameType
from typing import Any

from unslow.observe import _boundary, _record, _sites, _wire
from unslow.observe._patch import Function, wrap

PAUSE_S = 0.01
ENTRANCES = (  # outermost functions of threads that serve: requests, tasks, pools
    ("unslow/observe/_boundary.py", ("_observe_wsgi", "_observe_asgi", "__next__")),
    ("asyncio/events.py", ("_run",)),
    ("concurrent/futures/thread.py", ("_worker",)),
    ("anyio/_backends/_asyncio.py", ("run",)),
)

_open: list[_record.RequestRecord] = []
_busy = threading.Event()
_process = 0
_known: dict[int, tuple[CodeType, bool]] = {}


def install() -> None:
    """Sample while one request alone is under way; of several nobody knows whose the work is."""
    wrap(_boundary, "_observe_wsgi", _observed)
    wrap(_boundary, "_observe_asgi", _observed_async)


def _observed(original: Function) -> Function:
    def observe(record: _record.RequestRecord, *args: Any) -> Any:
        _begin(record)
        return original(record, *args)

    return observe


def _observed_async(original: Function) -> Function:
    async def observe(record: _record.RequestRecord, *args: Any) -> None:
        _begin(record)
        await original(record, *args)

    return observe


@_wire.safely
def _begin(record: _record.RequestRecord) -> None:
    global _process
    if _process != os.getpid():  # a fork has no threads of its parent
        _process = os.getpid()
        _open.clear()
        threading.Thread(target=_look, name="unslow-sampler", daemon=True).start()
    _open.append(record)
    _busy.set()


def _look() -> None:
    own = threading.get_ident()
    while _busy.wait():
        time.sleep(PAUSE_S)
        _open[:] = [record for record in _open if not record.closed]
        if not _open:
            _busy.clear()
            if _open:  # one began meanwhile
                _busy.set()
        elif len(_open) == 1:
            _sample(_open[0], own)


@_wire.safely
def _sample(record: _record.RequestRecord, own: int) -> None:
    """Count the expression that application code itself works at; a library's work is nobody's."""
    record.parts["looks"] = record.parts.get("looks", 0) + 1
    for thread, frame in sys._current_frames().items():
        if thread == own or not _sites.is_application(frame.f_code.co_filename):
            continue
        if _serves(frame) and not record.closed:
            site = _sites.site_of(frame)
            samples = record.parts.setdefault("samples", [])
            found = next((one for one in samples if one["site"] is site), None)
            if found is None:
                samples.append({"site": site, "count": 1})
            else:
                found["count"] += 1


def _serves(frame: FrameType) -> bool:
    """Whether the thread works for a request, not at a background loop of the application."""
    at: FrameType | None = frame
    while at is not None:
        if _is_entrance(at.f_code):
            return True
        at = at.f_back
    return False


def _is_entrance(code: CodeType) -> bool:
    known = _known.get(id(code))
    if known is None or known[0] is not code:
        found = any(
            code.co_name in names and code.co_filename.endswith(path) for path, names in ENTRANCES
        )
        known = _known[id(code)] = (code, found)
    return known[1]
