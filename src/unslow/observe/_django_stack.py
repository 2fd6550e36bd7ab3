"""Reads from the running frames which ORM call the application made, and from where."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Any, NamedTuple

from unslow.observe import _sites
from unslow.observe._sites import Site

PLUMBING = ("__init__", "_chain", "_clone", "_fetch_all")  # overridden, never the cause
LINK_STACK_LIMIT = 8  # frames; a cause is found near the queryset

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_THREAD_HOPS = ("/asgiref/", "/concurrent/futures/", "/threading.py", "/asyncio/")

_kinds: dict[str, str] = {}
_querysets: tuple[type, ...] = ()
_query_file = ""


class Call(NamedTuple):
    """The ORM call under way: `operation` as the application wrote it, `terminal` of QuerySet."""

    operation: str
    terminal: str
    frame: FrameType | None


class Link(NamedTuple):
    """A step of a chain, as in `model.Link`."""

    operation: str
    stack: list[Site]
    direct: bool
    manager_frames: int


def configure(querysets: tuple[type, ...], query_file: str) -> None:
    """Tell the classes of querysets and managers, and the file that defines `QuerySet`."""
    global _querysets, _query_file
    _querysets = querysets
    _query_file = query_file


def call(frame: FrameType | None) -> Call:
    """Walk out of the ORM, and of queryset classes in other libraries, to who called it."""
    outermost = None
    terminal = ""
    while frame is not None:
        code = frame.f_code
        filename = code.co_filename
        if _sites.is_application(filename):
            if code.co_name not in PLUMBING or not _is_queryset_method(frame):
                break
        elif _is_orm(filename):
            outermost = frame
            if filename == _query_file:
                terminal = code.co_name
        elif _is_queryset_method(frame):
            outermost = frame
        elif not _is_hop(filename):
            break
        frame = frame.f_back
    operation = _operation(outermost) if outermost is not None else ""
    return Call(operation, terminal, frame)


def link(frame: FrameType | None, default: str) -> Link | None:
    """The link that the ORM call makes; None where a thread runs it for code elsewhere."""
    made = call(frame)
    if made.frame is None:
        return None
    stack = _sites.application_stack(LINK_STACK_LIMIT, made.frame)
    if not _sites.is_application(made.frame.f_code.co_filename):
        return Link(made.operation or default, stack, False, 0)
    methods, caller = _manager_methods(made.frame)
    # A function that extends a queryset it was given is not where the queryset comes from.
    direct = caller is None or not receives(caller, _querysets)
    return Link(made.operation or default, stack, direct, methods)


def elsewhere(frame: FrameType, default: str) -> Link:
    """The link of a call that a thread runs for code elsewhere: where that was awaited."""
    stack = list(_sites.created_at.get()[:LINK_STACK_LIMIT])
    return Link(call(frame).operation or default, stack, bool(stack), 0)


def _operation(frame: FrameType) -> str:
    name = frame.f_code.co_name
    if name == "manager_method":  # the proxy that BaseManager makes for each QuerySet method
        return str(frame.f_locals.get("name", name))
    return name


def receives(frame: FrameType, classes: tuple[type, ...]) -> bool:
    """Whether an argument of the running function, other than `self`, is one of the classes."""
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if not names or names == ("self",):
        return False
    values = frame.f_locals
    return any(isinstance(values.get(name), classes) for name in names if name != "self")


def _manager_methods(frame: FrameType | None) -> tuple[int, FrameType | None]:
    """How many of the application's frames are manager methods, and the frame that called them."""
    count = 0
    while frame is not None:
        filename = frame.f_code.co_filename
        if _sites.is_application(filename):
            if not _is_queryset_method(frame):
                return count, frame
            count += 1
        elif not (_is_orm(filename) or _is_hop(filename) or _is_queryset_method(frame)):
            return count, None
        frame = frame.f_back
    return count, None


def _is_queryset_method(frame: FrameType) -> bool:
    first = _first_argument(frame)
    return isinstance(first, _querysets) or (
        isinstance(first, type) and issubclass(first, _querysets)
    )


def _first_argument(frame: FrameType) -> Any:
    code: CodeType = frame.f_code
    if not code.co_argcount or code.co_varnames[0] not in ("self", "cls"):
        return None
    return frame.f_locals.get(code.co_varnames[0])


def _is_orm(filename: str) -> bool:
    return _kind(filename) == "orm"


def _is_hop(filename: str) -> bool:
    return _kind(filename) == "hop"


def _kind(filename: str) -> str:
    try:
        return _kinds[filename]
    except KeyError:
        found = _kinds[filename] = _kind_of(filename)
        return found


def _kind_of(filename: str) -> str:
    if filename.startswith(_OWN) or any(part in filename for part in _THREAD_HOPS):
        return "hop"
    django = sys.modules.get("django")
    root = os.path.dirname(getattr(django, "__file__", None) or "") + os.sep
    orm = (
        root + "db" + os.sep,
        root + os.path.join("contrib", "contenttypes") + os.sep,
        root + "shortcuts.py",
    )
    return "orm" if filename.startswith(orm) else ""
