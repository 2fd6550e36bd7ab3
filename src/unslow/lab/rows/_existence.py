"""Rows or counts that only answer whether there is any row."""

import ast
from dataclasses import dataclass

from unslow.lab.rows._file import File
from unslow.lab.rows._flow import Rows, function, is_tested, method
from unslow.lab.rows._reductions import existence

COUNTS = frozenset({"count", "acount"})


@dataclass(frozen=True)
class Asked:
    """`value` is compared or tested at `test`, which is true for any rows, or for none (`wanted`).

    `given` is the name that is given the value where it has one, and `value` what it is given.
    """

    file: File
    value: ast.expr
    test: ast.expr
    wanted: bool
    given: ast.Name | None = None


def asked_of_rows(rows: Rows) -> Asked | None:
    """`if orders:` and `len(orders) > 0`, where nothing else is done with the rows."""
    if len(rows.uses) != 1:
        return None
    (use,) = rows.uses
    if use.kind == "truth":
        return _tested(rows.file, use.node, use.node)
    if use.kind == "call" and function(use.holder) == "len" and isinstance(use.holder, ast.Call):
        return _tested(rows.file, use.node, use.holder)
    return None


def asked_of_count(file: File, node: ast.expr) -> Asked | None:
    """`orders.count() > 0`, also through a name that is read nowhere else."""
    value = _whole(file, node)
    parent = file.parents[value]
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return _tested(file, value, value)
    target = parent.targets[0]
    if not isinstance(target, ast.Name):
        return None
    scope = file.scope(value)
    named = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == target.id]
    reads = [n for n in named if isinstance(n.ctx, ast.Load)]
    if len(named) != 2 or len(reads) != 1 or not isinstance(scope, _FUNCTIONS):
        return None
    found = _tested(file, value, reads[0])
    return Asked(file, value, found.test, found.wanted, target) if found else None


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _tested(file: File, value: ast.expr, node: ast.expr) -> Asked | None:
    compared = existence(file, node)
    if compared is not None:
        parent = file.parents[node]
        return Asked(file, value, parent, compared) if isinstance(parent, ast.expr) else None
    if not is_tested(file, node):
        return None
    parent = file.parents[node]
    if isinstance(parent, ast.UnaryOp):
        return Asked(file, value, parent, False)
    return Asked(file, value, node, True)


def _whole(file: File, node: ast.expr) -> ast.expr:
    parent = file.parents[node]
    return parent if isinstance(parent, ast.Await) else node


def is_count(node: ast.AST) -> bool:
    """Whether it is `.count()` of a queryset, or a scalar that a session is asked for."""
    if isinstance(node, ast.Await):
        node = node.value
    return isinstance(node, ast.Call) and (
        (method(node) in COUNTS and not node.args) or method(node) == "scalar"
    )
