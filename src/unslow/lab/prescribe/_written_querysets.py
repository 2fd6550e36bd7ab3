"""The queryset that a writing loop runs over, where one statement can write all of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import assigned
from unslow.lab.prescribe._row_writes import RowWrite, is_used_after, within
from unslow.model import TextEdit

PLAIN = frozenset(
    {"filter", "exclude", "all", "order_by", "select_related", "prefetch_related", "only", "defer"}
)
ITERATORS = frozenset({"iterator", "aiterator"})


@dataclass(frozen=True)
class Rows:
    """`text` is the queryset. `counted` are the calls that ask how many rows it had."""

    text: str
    counted: tuple[cst.Call, ...] = ()


def rows_of(write: RowWrite) -> Rows | None:
    """None where the loop does not run over all rows of a plain queryset, or they are used."""
    if is_used_after(write.module, write.loop):
        return None
    value = write.loop.iter
    if isinstance(value, cst.Name):
        given = assigned(write.module, value)
        counted = _other_uses(write, value.value)
        if given is None or counted is None or not _is_plain(write, given):
            return None
        if write.module.enclosing(given, cst.For) is not write.module.enclosing(
            write.loop, cst.For
        ):
            return None
        return Rows(value.value, counted)
    if chains.method(value) in ITERATORS:
        value = chains.receiver(value) or value
    return Rows(write.module.text(value)) if _is_plain(write, value) else None


def instead(write: RowWrite, rows: Rows, text: str) -> list[TextEdit] | None:
    """Write the statement `text` where the loop stood; who asked for the number gets what the
    statement returns. None where there is no name for it."""
    module = write.module
    edits = []
    if rows.counted:
        name = write.free_name("changed", "number_of_rows")
        if name is None:
            return None
        text = f"{name} = {text}"
        edits = [module.replace(call, name) for call in rows.counted]
    start = module.start(write.loop)
    last = max(module.end(n) for n in within(write.loop) if isinstance(n, cst.BaseSmallStatement))
    return [TextEdit(module.path, start, last, text), *edits]


def _other_uses(write: RowWrite, name: str) -> tuple[cst.Call, ...] | None:
    """The calls `len(name)` after the loop; None where the rows are used in another way."""
    module = write.module
    found = []
    for node in within(write.function):
        if not isinstance(node, cst.Name) or node.value != name or node is write.loop.iter:
            continue
        parent = module.parents[node]
        if isinstance(parent, cst.AssignTarget):
            continue
        if isinstance(parent, cst.Attribute) and parent.attr is node:
            continue
        if isinstance(parent, cst.Arg) and parent.keyword is node:
            continue
        call = module.parents[parent]
        late = module.start(node) > module.end(write.loop.body)
        if not isinstance(parent, cst.Arg) or chains.function(call) != "len" or not late:
            return None
        assert isinstance(call, cst.Call)
        found.append(call)
    return tuple(found)


def _is_plain(write: RowWrite, value: cst.BaseExpression) -> bool:
    """`Model.objects`, and steps that an `UPDATE` or `DELETE` takes over."""
    steps = list(chains.chain(value))
    if any(isinstance(step, cst.Subscript | cst.Await) for step in steps):
        return False
    called = [chains.method(step) for step in steps if isinstance(step, cst.Call)]
    managers = {f"{write.model.name}.objects", f"models.{write.model.name}.objects"}
    roots = [chains.dotted(step) for step in steps if isinstance(step, cst.Attribute)]
    return bool(called) and set(called) <= PLAIN and any(root in managers for root in roots)
