"""Gives SQLAlchemy statements and queries the chain of expressions that built them."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from unslow.observe import _sqlalchemy_stack, _wire
from unslow.observe._origin import EMPTY, Chain
from unslow.observe._patch import Function, wrap

STAMP = "_unslow"
CONSUMERS = ("first", "one", "one_or_none", "scalar", "count", "all", "__iter__")  # of a Query


def install(base: Any, selectable: Any) -> None:
    """Hook the construction of `select()` and each generative step (`sqlalchemy.sql`)."""
    _hook_construction(selectable.Select)

    def make(original: Function) -> Function:
        def _generate(self: Any) -> Any:
            copy = original(self)
            if STAMP in copy.__dict__:
                _extend(copy, sys._getframe(1))
            return copy

        return _generate

    wrap(base.Generative, "_generate", make)


def install_query(query: Any) -> None:
    """Hook `session.query()` (`sqlalchemy.orm.query`)."""
    _hook_construction(query.Query)


def chain_of(statement: Any) -> Chain:
    """The chain of a statement, empty if the library made it."""
    found = getattr(statement, "__dict__", {}).get(STAMP)
    return found if isinstance(found, Chain) else EMPTY


def _hook_construction(cls: Any) -> None:
    _sqlalchemy_stack.configure((cls,))

    def make(original: Function) -> Function:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            _begin(self, sys._getframe(1), cls.__name__.lower())

        return __init__

    wrap(cls, "__init__", make)


@_wire.safely
def _begin(statement: Any, frame: FrameType, default: str) -> None:
    made = _sqlalchemy_stack.link(frame, default)
    if made is not None:
        statement.__dict__[STAMP] = EMPTY.then(*made)


@_wire.safely
def _extend(statement: Any, frame: FrameType) -> None:
    made = _sqlalchemy_stack.link(frame, "_generate")
    if made is not None and made.operation not in CONSUMERS:
        statement.__dict__[STAMP] = chain_of(statement).then(*made)
