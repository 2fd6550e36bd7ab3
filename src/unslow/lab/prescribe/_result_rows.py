"""Makes a list of what a loop runs over, so that it can be run over twice."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import assigned
from unslow.lab.prescribe._loops import Loop
from unslow.lab.prescribe._source import Source
from unslow.model import TextEdit

RESULTS = frozenset({"scalars", "execute", "query"})


@dataclass(frozen=True)
class Rows:
    """The list that the loop runs over: its name, and what makes it a list."""

    name: str
    opening: str = ""
    closing: str = ""
    edits: tuple[TextEdit, ...] = ()

    @classmethod
    def of(cls, loop: Loop, source: Source) -> Rows | None:
        name = loop.rows_name()
        if name is None:
            return None
        if _is_collection(loop.iterable, source):
            return cls(name, "list(", ")")
        if not isinstance(loop.iterable, cst.Name):
            wrapped = _wrapping(loop.iterable)
            return cls(name, *wrapped) if wrapped else None
        value = assigned(loop.module, loop.iterable)
        wrapped = _wrapping(value) if value else None
        if value is None or wrapped is None:
            return None
        if wrapped == ("", ""):
            return cls(name)
        if not _is_read_once(loop, loop.iterable):
            return None
        opening, closing = wrapped
        start, end = loop.module.start(value), loop.module.end(value)
        edits = [loop.module.insert(start, opening)] if opening else []
        return cls(name, edits=(*edits, loop.module.insert(end, closing)))


def _wrapping(value: cst.BaseExpression) -> tuple[str, str] | None:
    """What goes around a result to make a list of it; None for what is no result."""
    awaited = isinstance(value, cst.Await)
    call = value.expression if isinstance(value, cst.Await) else value
    if isinstance(call, cst.List | cst.Tuple | cst.ListComp):
        return "", ""
    name = chains.function(call)
    methods = {chains.method(step) for step in chains.chain(call)}
    if name in ("list", "sorted", "tuple") or (name == "all" and methods & RESULTS):
        return "", ""
    if name in ("scalars", "execute") or (name == "unique" and methods & RESULTS):
        return ("(", ").all()") if awaited else ("", ".all()")
    return None


def _is_collection(node: cst.BaseExpression, source: Source) -> bool:
    """`order.items` and `await order.awaitable_attrs.items`: a list that a relationship holds."""
    value = node.expression if isinstance(node, cst.Await) else node
    if not isinstance(value, cst.Attribute):
        return False
    holders = [m for m in source.models if m.orm == "sqlalchemy"]
    named = [r for m in holders for r in m.relations if r.name == value.attr.value]
    return bool(named) and all(
        r.kind in ("reverse", "many-to-many") and r.strategy not in ("dynamic", "write_only")
        for r in named
    )


def _is_read_once(loop: Loop, name: cst.Name) -> bool:
    """Whether the loop alone reads the result."""
    function = loop.function
    others = [
        node
        for node in loop.module.nodes(cst.Name)
        if node.value == name.value
        and node is not name
        and function in loop.module.ancestors(node)
        and not isinstance(loop.module.parents[node], cst.AssignTarget)
        and not (
            isinstance(parent := loop.module.parents[node], cst.Attribute) and parent.attr is node
        )
    ]
    return not others
