"""Reads `Item.objects.filter(order=order)` in a loop over orders as what it is: `order.items`."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import assigned
from unslow.lab.prescribe._loops import Loop, is_undisturbed, loop_of
from unslow.lab.prescribe._managers import has_plain_manager
from unslow.lab.prescribe._module import Module
from unslow.lab.prescribe._querysets import Spot, spot_at
from unslow.lab.prescribe._relations import Need
from unslow.lab.prescribe._source import Source
from unslow.lab.prescribe._uses import Use
from unslow.model import Model, Origin, Relation, RepeatedLoad, Site


@dataclass(frozen=True)
class KeyRead:
    """The relation that the lookup by key reads, its use, and the queryset of the loop's rows."""

    need: Need
    use: Use
    place: Spot


def key_read(position: int, repeated: RepeatedLoad, source: Source, site: Site) -> KeyRead | None:
    """The reading at `site`, where it is of rows that belong to a row of the loop around it."""
    load = repeated.load
    child = source.model(load.model) if load else None
    module = source.module(site.path)
    node = module.at(site) if module else None
    if load is None or child is None or module is None or node is None:
        return None
    counted = load.kind in ("count", "exists")
    if counted and not (isinstance(node, cst.Call) and chains.method(node) == load.kind):
        return None
    rows = chains.receiver(node) if counted else node
    parts = _parts(rows, child) if rows is not None and has_plain_manager(child, source) else None
    if parts is None:
        return None
    forward, owner, steps = parts
    loop = loop_of(module, node, owner)
    parent = source.model(forward.model)
    back = _back(parent, child, forward) if parent else None
    if loop is None or loop.target != owner or parent is None or back is None:
        return None
    place = _rows_of(loop, parent)
    if place is None or not is_undisturbed(loop, node) or _differs(loop, steps):
        return None
    origin = Origin(f"{module.path}:{loop.target}", parent.label)
    need = Need(position, repeated, load, origin, (back,))
    return KeyRead(need, Use(module, node, owner, steps, direct=True), place)


def _differs(loop: Loop, steps: tuple[cst.Call, ...]) -> bool:
    return any(loop.binds(arg.value) for step in steps for arg in step.args)


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


def _rows_of(loop: Loop, parent: Model) -> Spot | None:
    """The queryset of the parent that the loop runs over, built in the same function."""
    module: Module = loop.module
    node: cst.BaseExpression | None = loop.iterable
    for _ in range(3):
        if isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name):
            node = node.value
        if isinstance(node, cst.Name):
            node = assigned(module, node)
    place = spot_at(module, node) if node is not None else None
    if place is None:
        return None
    *_, root = chains.chain(place.node)
    return place if chains.dotted(root) == parent.name else None
