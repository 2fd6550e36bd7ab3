"""Tells for which request a thread or a task works, from outside of it."""

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from contextvars import Context
from types import FrameType
from typing import Any

from unslow.observe import _follow, _record
from unslow.observe._record import RequestRecord

Owner = Callable[[FrameType], RequestRecord | None]


def name(thread: int) -> str:
    """What the thread with this identifier is called."""
    found = threading._active.get(thread)  # type: ignore[attr-defined]
    return str(found.name) if found is not None else f"thread {thread}"


def starter(thread: int) -> str:
    """The number of the request that started this thread itself; "" if none did."""
    found = threading._active.get(thread)  # type: ignore[attr-defined]
    return str(getattr(found, _record.THREAD_MARK, ""))


def of_task(task: "asyncio.Task[Any]") -> RequestRecord | None:
    """The request in whose context the task runs."""
    context = _context_of(task)
    return context.get(_record._current) if context is not None else None


def hop(frame: FrameType) -> tuple[RequestRecord | None, bool]:
    """For whom a thread works from this frame on; False where the frame does not tell.

    A pool's thread belongs to nobody between two calls, whoever made it start.
    """
    for path, owner in _HOPS.get(frame.f_code.co_name, ()):
        if frame.f_code.co_filename.endswith(path):
            return owner(frame), True
    return None, False


def entrance(frame: FrameType) -> RequestRecord | None:
    """The request that enters the application at this frame."""
    for path, owner in _ENTRANCES.get(frame.f_code.co_name, ()):
        if frame.f_code.co_filename.endswith(path):
            return owner(frame)
    return None


def frame_of(awaitable: Any) -> FrameType | None:
    """The frame of a coroutine, or of a generator that stands for one."""
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        frame = getattr(awaitable, name, None)
        if isinstance(frame, FrameType):
            return frame
    return None


def _context_of(task: "asyncio.Task[Any]") -> Context | None:
    if sys.version_info >= (3, 12):
        return task.get_context()
    found = [one for one in gc.get_referents(task) if isinstance(one, Context)]
    return found[0] if found else None  # after it, perhaps that of who waits for the task


def _of_a_pool(frame: FrameType) -> RequestRecord | None:
    work = frame.f_locals.get("self")
    return work.record if isinstance(work, _follow._Work) else None


def _of_anyio(frame: FrameType) -> RequestRecord | None:
    context = frame.f_locals.get("context")
    return context.get(_record._current) if isinstance(context, Context) else None


def _nobody(frame: FrameType) -> RequestRecord | None:
    return None


def _named_record(frame: FrameType) -> RequestRecord | None:
    record = frame.f_locals.get("record")
    return record if isinstance(record, RequestRecord) else None


def _of_a_body(frame: FrameType) -> RequestRecord | None:
    record = getattr(frame.f_locals.get("self"), "_record", None)
    return record if isinstance(record, RequestRecord) else None


_HOPS: dict[str, tuple[tuple[str, Owner], ...]] = {
    "__call__": (("unslow/observe/_follow.py", _of_a_pool),),
    "run": (("anyio/_backends/_asyncio.py", _of_anyio),),
    "_worker": (("concurrent/futures/thread.py", _nobody),),
}
_ENTRANCES: dict[str, tuple[tuple[str, Owner], ...]] = {
    "_observe_wsgi": (("unslow/observe/_boundary.py", _named_record),),
    "_observe_asgi": (("unslow/observe/_boundary.py", _named_record),),
    "__next__": (("unslow/observe/_boundary.py", _of_a_body),),
    "__call__": (("unslow/kit/django.py", _named_record),),
    "_await": (("unslow/kit/django.py", _named_record),),
}
