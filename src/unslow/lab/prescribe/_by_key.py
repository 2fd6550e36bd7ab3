"""Reads `Item.objects.filter(order=order)` in a loop over orders as what it is: `order.items`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._callers import assigned_in, bound_in, calling_loop
from unslow.lab.prescribe._locals import assigned, names
from unslow.lab.prescribe._loops import Loop, is_undisturbed, loop_of, writes
from unslow.lab.prescribe._managers import has_plain_manager
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._querysets import Spot, spot_at
from unslow.lab.prescribe._relations import Need
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import Use, aggregated
from unslow.model import Model, Origin, Relation, RepeatedLoad, Site


@dataclass(frozen=True)
class KeyRead:
    """The relation that the lookup by key reads, its use, and the queryset of the loop's rows."""

    need: Need
    use: Use
    place: Spot


def key_read(
    position: int, repeated: RepeatedLoad, source: Source, stack: Sequence[Site]
) -> KeyRead | None:
    """The reading at `stack[0]`, where it is of rows that belong to a row of the loop around it.

    The loop may be that of a caller, which hands on the row; `stack` holds its frames.
    """
    load = repeated.load
    child = source.model(load.model) if load else None
    module = source.module(stack[0].path)
    node = module.at(stack[0]) if module else None
    if load is None or child is None or module is None or node is None:
        return None
    parts = _parts_at(node, load.kind, child, source)
    if parts is None:
        return None
    forward, owner, steps = parts
    parent = source.model(forward.model)
    back = _back(parent, child, forward) if parent else None
    rows = rows_of_loop(module, node, owner, stack, source)
    if parent is None or back is None or rows is None or rows.root != parent.name:
        return None
    if any(names(arg.value) & rows.bound for step in steps for arg in step.args):
        return None
    origin = Origin(f"{module.path}:{owner}", parent.label)
    need = Need(position, repeated, load, origin, (back,))
    if load.kind == "aggregate":
        found = aggregated(module, node)
        if found is None:
            return None
        node = found.node
    return KeyRead(need, Use(module, node, owner, steps, direct=rows.direct), rows.place)


@dataclass(frozen=True)
class LoopRows:
    """The queryset that a loop runs over, its model's name, and the names that vary by row.

    `direct` tells that the loop is around the reading itself, not around a call to its function.
    """

    place: Spot
    root: str
    bound: set[str]
    direct: bool


def rows_of_loop(
    module: Module, node: cst.BaseExpression, owner: str, stack: Sequence[Site], source: Source
) -> LoopRows | None:
    """The rows that the local name `owner` runs through, here or in a caller."""
    loop = loop_of(module, node, owner)
    use: cst.BaseExpression = node
    bound = loop.bound() if loop else set()
    if loop is None:
        calling = calling_loop(stack, (owner,), source)
        if calling is None or writes(calling.helper):
            return None
        if owner in assigned_in(module, calling.helper):
            return None
        loop, use, bound = calling.loop, calling.call, bound_in(module, calling.helper)
        owner_there = calling.names[owner]
    else:
        owner_there = owner
    place = _rows_of(loop) if loop.target == owner_there and is_undisturbed(loop, use) else None
    if place is None:
        return None
    *_, root = chains.chain(place.node)
    return LoopRows(place, chains.dotted(root), bound, use is node)


def _parts_at(
    node: cst.BaseExpression, kind: str, child: Model, source: Source
) -> tuple[Relation, str, tuple[cst.Call, ...]] | None:
    if kind == "aggregate":
        if not isinstance(node, cst.Call):
            return None
        rows = chains.receiver(node)
    elif kind in ("count", "exists"):
        if not isinstance(node, cst.Call) or chains.method(node) != kind or node.args:
            return None
        rows = chains.receiver(node)
    else:
        rows = node
    return _parts(rows, child) if rows and has_plain_manager(child, source) else None


def _parts(
    node: cst.BaseExpression, child: Model
) -> tuple[Relation, str, tuple[cst.Call, ...]] | None:
    """The foreign key, the row whose key is asked for, and what else narrows the rows."""
    steps: list[cst.Call] = []
    for step in chains.chain(node):
        if isinstance(step, cst.Attribute) and step.attr.value == "objects":
            break
        if isinstance(step, cst.Call):
            steps.insert(0, step)
    else:
        return None
    if chains.dotted(step).split(".")[-2:] != [child.name, "objects"]:
        return None
    if not steps or any(chains.method(s) not in ("filter", "exclude", "order_by") for s in steps):
        return None
    first, *rest = steps
    for arg in first.args if chains.method(first) == "filter" else ():
        key = arg.keyword.value if arg.keyword else ""
        forward = next((r for r in child.relations if r.kind == "forward" and r.name == key), None)
        if forward is not None and isinstance(arg.value, cst.Name):
            others = [other for other in first.args if other is not arg]
            kept = [first.with_changes(args=others)] if others else []
            return forward, arg.value.value, (*kept, *rest)
    return None


def _back(parent: Model, child: Model, forward: Relation) -> Relation | None:
    """The parent's side of the foreign key."""
    backs = [r for r in parent.relations if r.kind == "reverse" and r.model == child.label]
    exact = [r for r in backs if r.remote_column and r.remote_column == forward.column]
    keys = [r for r in child.relations if r.model == parent.label and r.kind == "forward"]
    fitting = exact or (backs if len(keys) == 1 else [])
    return fitting[0] if len(fitting) == 1 else None


def _rows_of(loop: Loop) -> Spot | None:
    """The queryset that the loop runs over, built in the same function."""
    module: Module = loop.module
    node: cst.BaseExpression | None = loop.iterable
    for _ in range(3):
        if isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name):
            node = node.value
        if isinstance(node, cst.Name):
            node = assigned(module, node)
    return spot_at(module, node) if node is not None else None
