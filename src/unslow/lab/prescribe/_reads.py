"""A query that SQLAlchemy runs for each row of a loop: its parts, and how its result is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import assigned, names
from unslow.lab.prescribe._module import Module

Mode = Literal["optional", "required", "row", "rows"]
Kind = Literal["value", "count", "exists", "aggregate"]

EXECUTES = frozenset({"get", "get_one", "scalar", "scalars", "execute"})
TAILS: dict[tuple[str, ...], Mode] = {
    ("get",): "optional",
    ("get_one",): "required",
    ("scalar",): "optional",
    ("scalars", "first"): "optional",
    ("scalars", "one_or_none"): "optional",
    ("scalars", "one"): "required",
    ("scalars", "all"): "rows",
    ("scalars",): "rows",
    ("execute", "scalar"): "optional",
    ("execute", "scalar_one_or_none"): "optional",
    ("execute", "scalar_one"): "required",
    ("execute", "one"): "row",
    ("execute", "scalars", "first"): "optional",
    ("execute", "scalars", "one_or_none"): "optional",
    ("execute", "scalars", "one"): "required",
    ("execute", "scalars", "all"): "rows",
    ("execute", "scalars"): "rows",
}


@dataclass(frozen=True)
class Read:
    """`session.scalar(statement)` and what follows it.

    `node` is replaced by the value; `later` are readings of the variable that holds the result
    (`found.scalar_one()`), each replaced by the variable itself. `statement` is the one that is
    run, `unused` the line that builds it for this read alone. `mode` says what is read.
    """

    module: Module
    call: cst.Call
    node: cst.BaseExpression
    later: tuple[tuple[cst.BaseExpression, str], ...]
    session: str
    awaited: bool
    mode: Mode
    statement: cst.BaseExpression | None
    unused: cst.SimpleStatementLine | None


def read_at(module: Module, node: cst.BaseExpression) -> Read | None:
    """The read whose execution stands at `node`; None for one that is not plain to see."""
    call = node.expression if isinstance(node, cst.Await) else node
    if not isinstance(call, cst.Call) or chains.method(call) not in EXECUTES:
        return None
    session = chains.receiver(call)
    held: cst.BaseExpression = call
    awaited = isinstance(module.parents[call], cst.Await)
    if awaited:
        held = module.parents[call]  # type: ignore[assignment]
    held, tail = _follow(module, held, [chains.method(call)])
    later: tuple[tuple[cst.BaseExpression, str], ...] = ()
    around = module.parents[held]
    target = around.targets[0].target if isinstance(around, cst.Assign) else None
    if isinstance(target, cst.Name) and tail[-1] in ("scalars", "execute"):
        ends = [_follow(module, use, list(tail)) for use in _uses(module, target)]
        if len(ends) != 1:
            return None
        end, tail = ends[0]
        if isinstance(end, cst.Call):
            later = ((end, target.value),)
        elif not _is_looped(module, end):
            return None
    mode = TAILS.get(tuple(tail))
    last = later[0][0] if later else held
    if mode is None or session is None or not chains.dotted(session):
        return None
    if mode == "row" and not _is_unpacked(module, last):
        return None
    loose = mode == "rows" and tail[-1] != "all" and not isinstance(target, cst.Name)
    if loose and not _is_looped(module, held):
        return None
    statement, unused = _statement(module, call)
    name = chains.dotted(session)
    return Read(module, call, held, later, name, awaited, mode, statement, unused)


def _statement(
    module: Module, call: cst.Call
) -> tuple[cst.BaseExpression | None, cst.SimpleStatementLine | None]:
    """What `call` runs, and the line that assigns it where nothing else reads it."""
    value = call.args[0].value if call.args else None
    if not isinstance(value, cst.Name):
        return value, None
    found = assigned(module, value)
    line = module.enclosing(found, cst.SimpleStatementLine) if found else None
    others = [
        use for use in _uses(module, value) if module.enclosing(use, cst.AssignTarget) is None
    ]
    alone = not others and line is not None and len(line.body) == 1
    return found, line if alone else None


def _follow(
    module: Module, node: cst.BaseExpression, tail: list[str]
) -> tuple[cst.BaseExpression, list[str]]:
    """The calls without arguments that are applied to `node`, and their names."""
    while True:
        attribute = module.parents.get(node)
        call = module.parents.get(attribute) if isinstance(attribute, cst.Attribute) else None
        if not isinstance(call, cst.Call) or call.args or call.func is not attribute:
            return node, tail
        node, tail = call, [*tail, chains.method(call)]


def _uses(module: Module, target: cst.Name) -> list[cst.Name]:
    function = module.enclosing(target, cst.FunctionDef)
    return [
        node
        for node in module.nodes(cst.Name)
        if node.value == target.value
        and node is not target
        and module.enclosing(node, cst.FunctionDef) is function
        and not _is_attribute(module, node)
    ]


def _is_attribute(module: Module, node: cst.Name) -> bool:
    parent = module.parents[node]
    return (isinstance(parent, cst.Attribute) and parent.attr is node) or (
        isinstance(parent, cst.Arg) and parent.keyword is node
    )


def _is_looped(module: Module, node: cst.CSTNode) -> bool:
    parent = module.parents[node]
    return isinstance(parent, cst.For | cst.CompFor) and parent.iter is node


def _is_unpacked(module: Module, node: cst.CSTNode) -> bool:
    parent = module.parents[node]
    return isinstance(parent, cst.Assign) and isinstance(parent.targets[0].target, cst.Tuple)


@dataclass(frozen=True)
class Selected:
    """`select(what).where(Model.column == key, ...)`: the parts that a query for all rows needs.

    `empty` is what an aggregate gives for a row that has none to aggregate.
    """

    columns: tuple[str, ...]
    condition: cst.CSTNode
    column: str
    key: cst.BaseExpression
    steps: tuple[cst.Call, ...]
    kind: Kind
    empty: str = ""


AGGREGATES = frozenset({"func.sum", "func.min", "func.max", "func.avg"})
ALLOWED: dict[Kind, frozenset[str]] = {
    "value": frozenset({"select", "where", "filter", "order_by", "options"}),
    "count": frozenset({"select", "select_from", "where", "filter"}),
    "exists": frozenset({"select", "where", "filter", "exists"}),
    "aggregate": frozenset({"select", "select_from", "where", "filter"}),
}


def selected(module: Module, statement: cst.BaseExpression, bound: set[str]) -> Selected | None:
    """The parts of a statement with one condition on what the loop binds (`bound`)."""
    steps = [step for step in chains.chain(statement) if isinstance(step, cst.Call)][::-1]
    if not steps or chains.function(steps[0]) != "select" or not steps[0].args:
        return None
    first = steps[0].args[0].value
    kind: Kind = "value"
    empty = _empty(first)
    if chains.dotted(getattr(first, "func", first)) == "func.count":
        kind = "count"
    elif empty and len(steps[0].args) == 1:
        kind = "aggregate"
    inner = [step for step in chains.chain(first) if isinstance(step, cst.Call)][::-1]
    if inner and chains.dotted(inner[0].func) == "exists" and not inner[0].args:
        kind, steps = "exists", [*steps, *inner[1:]]
    if any(chains.function(step) not in ALLOWED[kind] for step in steps):
        return None
    found = [
        (arg.value, parts)
        for step in steps
        if chains.function(step) in ("where", "filter")
        for arg in step.args
        if names(arg.value) & bound and (parts := _comparison(arg.value, bound)) is not None
    ]
    depending = [
        arg
        for step in steps
        for arg in step.args
        if names(arg) & bound and not (kind == "exists" and arg.value is first)
    ]
    if len(found) != 1 or len(depending) != 1:
        return None
    columns = tuple(module.text(arg.value) for arg in steps[0].args)
    condition, (column, key) = found[0]
    return Selected(columns, condition, column, key, tuple(steps), kind, empty)


def _empty(node: cst.BaseExpression) -> str:
    """What an aggregate (`func.sum(x)`) gives without rows: "None", or what coalesce names."""
    if not isinstance(node, cst.Call) or not node.args:
        return ""
    name = chains.dotted(node.func)
    if name in AGGREGATES:
        return "None"
    first, *rest = (arg.value for arg in node.args)
    value = rest[0] if name == "func.coalesce" and len(rest) == 1 else None
    if isinstance(value, cst.Integer | cst.SimpleString) and _empty(first) == "None":
        return value.value
    return ""


def _comparison(node: cst.BaseExpression, bound: set[str]) -> tuple[str, cst.BaseExpression] | None:
    """The column and the key of `Model.column == key`, either way round."""
    if not isinstance(node, cst.Comparison) or len(node.comparisons) != 1:
        return None
    target = node.comparisons[0]
    if not isinstance(target.operator, cst.Equal):
        return None
    for column, key in ((node.left, target.comparator), (target.comparator, node.left)):
        name = chains.dotted(column)
        if "." in name and not names(column) & bound and _is_key(key, bound):
            return name, key
    return None


def _is_key(node: cst.BaseExpression, bound: set[str]) -> bool:
    """A bound name, or an attribute or item of one."""
    *_, root = chains.chain(node)
    plain = not any(isinstance(step, cst.Call | cst.Await) for step in chains.chain(node))
    return isinstance(root, cst.Name) and root.value in bound and plain
