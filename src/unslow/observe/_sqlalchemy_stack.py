"""Reads from the running frames which SQLAlchemy call the application made, and from where."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from unslow.observe import _sites
from unslow.observe._django_stack import receives
from unslow.observe._sites import Site

LINK_STACK_LIMIT = 8  # frames; a cause is found near the statement

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_TRANSPARENT = ("sqlalchemy", "sqlmodel", "flask_sqlalchemy", "greenlet")
_INTERNAL = (  # what builds statements on its own behalf
    "loading.py",
    "strategies.py",
    "context.py",
    "persistence.py",
    "bulk_persistence.py",
    "unitofwork.py",
    "dependency.py",
    "relationships.py",
    "mapper.py",
    "state.py",
    "compiler.py",
)

_kinds: dict[str, str] = {}


_statements: tuple[type, ...] = ()


def configure(statements: tuple[type, ...]) -> None:
    """Tell the classes of statements that grow step by step."""
    global _statements
    _statements = (*_statements, *statements)


class Call(NamedTuple):
    """The call under way: the outermost function of the library, and who called it."""

    operation: str
    frame: FrameType | None
    internal: bool


class Link(NamedTuple):
    """A step of a chain, as in `model.Link`."""

    operation: str
    stack: list[Site]
    direct: bool


def call(frame: FrameType) -> Call:
    """Walk out of SQLAlchemy and what wraps it, over greenlets, to who called it."""
    operation = ""
    internal = False
    for at in _frames(frame):
        filename = at.f_code.co_filename
        kind = _kinds.get(filename) or _kind(filename)
        if kind == "outside":
            return Call(operation, at, internal)
        internal = internal or kind == "internal"
        if kind != "own":
            operation = at.f_code.co_name
    return Call(operation, None, internal)


def link(frame: FrameType, default: str, *, internals: bool = False) -> Link | None:
    """The link that the call makes; None where the library builds a statement for itself."""
    made = call(frame)
    if made.frame is None or (made.internal and not internals):
        return None
    stack = _sites.application_stack(LINK_STACK_LIMIT)
    direct = _sites.is_application(made.frame.f_code.co_filename)
    # A function that extends a statement it was given is not where the statement comes from.
    return Link(made.operation or default, stack, direct and not receives(made.frame, _statements))


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """From here outwards, and on over the greenlets in which asyncio's sessions run."""
    greenlet: Any = getattr(sys.modules.get("greenlet"), "getcurrent", lambda: None)()
    while True:
        while frame is not None:
            yield frame
            frame = frame.f_back
        greenlet = getattr(greenlet, "parent", None)
        if greenlet is None:
            return
        frame = greenlet.gr_frame


def _kind(filename: str) -> str:
    if _sites.is_application(filename):
        return "outside"  # not kept: what counts as the application may grow
    found = _kinds[filename] = _library_kind(filename)
    return found


def _library_kind(filename: str) -> str:
    if filename.startswith(_OWN):
        return "own"
    if filename == "<string>" or filename.startswith("<sqlalchemy "):  # generated decorators
        return "transparent"
    root = os.path.dirname(getattr(sys.modules.get("sqlalchemy"), "__file__", None) or "") + os.sep
    packages = os.path.dirname(root.rstrip(os.sep)) + os.sep
    if filename.startswith(os.path.join(root, "orm")) and filename.endswith(_INTERNAL):
        return "internal"
    inside = any(filename.startswith(packages + name) for name in _TRANSPARENT)
    return "transparent" if inside or "/asyncio/" in filename else "outside"
