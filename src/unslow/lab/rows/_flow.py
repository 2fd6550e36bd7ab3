"""Follows the rows of a query through the function that reads them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from unslow.lab.rows._file import File

Kind = Literal[
    "loop",  # `for row in rows:`; `holder` is the statement
    "comprehension",  # `... for row in rows`; `holder` is the comprehension
    "call",  # `len(rows)`: a builtin that is given the rows; `holder` is the call
    "truth",  # `if rows:`; `holder` is the test or its part
    "slice",  # `rows[:10]`, `rows[0]`; `holder` is the subscript
    "method",  # `rows.count()`; `holder` is the call
    "escape",  # anything else
]

BUILTINS = frozenset(
    {"len", "sum", "min", "max", "sorted", "list", "tuple", "set", "any", "all", "bool"}
    | {"enumerate", "reversed", "iter", "next", "zip", "map", "filter"}
)
LISTS = frozenset({"list", "tuple"})
EXECUTIONS = frozenset({"scalars", "execute", "query"})
RESULTS = frozenset({"all", "scalars", "unique", "fetchall"})  # of an execution's result


@dataclass(frozen=True)
class Use:
    """One place where the rows go. `node` is the expression whose value they are there."""

    kind: Kind
    node: ast.expr
    holder: ast.AST


@dataclass(frozen=True)
class Rows:
    """The rows of one query. `query` is the queryset, or the call that executes a statement.

    `value` is the whole expression that gives the rows (`list(query)`, `(await query).all()`),
    `name` the local name that holds them, "" where they are used at once. `uses` is all that is
    done with them, in the order of the file.
    """

    file: File
    query: ast.expr
    value: ast.expr
    name: str
    uses: tuple[Use, ...]

    @property
    def listed(self) -> bool:
        """Whether a list is made of a queryset."""
        return self.value is not self.query

    @property
    def escapes(self) -> bool:
        return any(use.kind == "escape" for use in self.uses)


def rows_at(file: File, node: ast.expr) -> Rows | None:
    """The rows of the queryset or statement that `node` is a part of, or that it runs over.

    None where the function does not show all that is done with them.
    """
    query = _uncut(_query(file, node))
    value = _value(file, query)
    parent = file.parents[value]
    if isinstance(value, ast.Name):
        return _named(file, value, value.id, file.scope(value))
    if isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is value:
        target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
        several = isinstance(parent, ast.Assign) and len(parent.targets) > 1
        if several or not isinstance(target, ast.Name):
            return Rows(file, query, value, "", (Use("escape", value, parent),))
        return _named(file, query, target.id, file.scope(value), value)
    return Rows(file, query, value, "", (_use(file, value),))


def chain(node: ast.expr) -> Iterator[ast.expr]:
    """The steps of a chain from the last back to its root, `node` included."""
    step: ast.expr | None = node
    while step is not None:
        yield step
        step = receiver(step)


def receiver(node: ast.expr) -> ast.expr | None:
    """What the last step of a chain is applied to."""
    if isinstance(node, ast.Call):
        return receiver(node.func) if isinstance(node.func, ast.Attribute) else None
    if isinstance(node, ast.Attribute | ast.Subscript | ast.Await):
        return node.value
    return None


def method(node: ast.AST) -> str:
    """The name of the method that `node` calls, or ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def function(node: ast.AST) -> str:
    """The name of the plain function that `node` calls, or ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


def outermost(file: File, node: ast.expr) -> ast.expr:
    """The longest chain that begins with `node`."""
    while True:
        parent = file.parents.get(node)
        follows = (
            isinstance(parent, ast.Attribute | ast.Subscript | ast.Await) and parent.value is node
        ) or (isinstance(parent, ast.Call) and parent.func is node)
        if not follows or not isinstance(parent, ast.expr):
            return node
        node = parent


def _query(file: File, node: ast.expr) -> ast.expr:
    """The whole query: what a consumer is given, the chain, and the call that executes it."""
    if function(node) in BUILTINS and isinstance(node, ast.Call) and node.args:
        node = node.args[0]
        if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp):
            node = node.generators[0].iter
    whole = outermost(file, node)
    parent = file.parents.get(whole)
    if (
        isinstance(parent, ast.Call)
        and whole in parent.args[:1]
        and method(parent) in EXECUTIONS
        and not any(isinstance(step, ast.Await) for step in chain(whole))
    ):
        return outermost(file, parent)
    return whole


def _uncut(query: ast.expr) -> ast.expr:
    """The result of an execution without the slice that Python makes of it."""
    if not isinstance(query, ast.Subscript) or method(query.value) not in RESULTS:
        return query
    if any(method(step) in EXECUTIONS for step in chain(query.value)):
        return query.value
    return query


def _value(file: File, query: ast.expr) -> ast.expr:
    parent = file.parents.get(query)
    if isinstance(parent, ast.Call) and function(parent) in LISTS and parent.args == [query]:
        return parent
    return query


def _named(
    file: File, query: ast.expr, name: str, scope: ast.AST, value: ast.expr | None = None
) -> Rows | None:
    """The rows that a local name holds; None when it may hold others as well."""
    if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    reads: list[ast.Name] = []
    values: list[ast.expr] = []
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id == name:
            if isinstance(node.ctx, ast.Load):
                reads.append(node)
            elif (given := _given(file, node)) is not None:
                values.append(given)
            else:
                return None
        elif _rebinds(node, name):
            return None
    origins = [one for one in values if not _extends(one, name)]
    if len(origins) != 1 or (file.scope(origins[0]) is not scope):
        return None
    extending = {root for one in values if (root := _root(one, name)) is not None}
    uses = [_use(file, node) for node in reads if node not in extending]
    own = value if value is not None and len(values) == 1 else None
    whole = own if own is not None else origins[0]
    inner = query if own is not None else _inner(file, whole)
    ordered = sorted(uses, key=lambda use: (use.node.lineno, use.node.col_offset))
    return Rows(file, inner, whole, name, tuple(ordered))


def _inner(file: File, value: ast.expr) -> ast.expr:
    """The queryset of `list(queryset)`."""
    if function(value) in LISTS and isinstance(value, ast.Call) and len(value.args) == 1:
        return value.args[0]
    return value


def _given(file: File, name: ast.Name) -> ast.expr | None:
    parent = file.parents[name]
    if isinstance(parent, ast.Assign) and parent.targets == [name]:
        return parent.value
    return parent.value if isinstance(parent, ast.AnnAssign) else None


def _rebinds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.arg):
        return node.arg == name
    if isinstance(node, ast.Global | ast.Nonlocal):
        return name in node.names
    if isinstance(node, ast.ExceptHandler | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == name
    return isinstance(node, ast.MatchAs | ast.MatchStar) and node.name == name


def _extends(value: ast.expr, name: str) -> bool:
    return _root(value, name) is not None


def _root(value: ast.expr, name: str) -> ast.Name | None:
    """The name itself where `value` is a longer chain that begins with it."""
    *_, root = chain(value)
    found = isinstance(root, ast.Name) and root.id == name and root is not value
    return root if found and isinstance(root, ast.Name) else None


def _use(file: File, node: ast.expr) -> Use:
    parent = file.parents[node]
    if isinstance(parent, ast.Starred | ast.keyword):
        return Use("escape", node, parent)
    if isinstance(parent, ast.For) and parent.iter is node:
        return Use("loop", node, parent)
    if isinstance(parent, ast.comprehension) and parent.iter is node:
        holder = file.parents[parent]
        plain = len(getattr(holder, "generators", ())) == 1 and not parent.is_async
        return Use("comprehension" if plain else "escape", node, holder)
    if isinstance(parent, ast.Call) and function(parent) in BUILTINS and parent.args[0] is node:
        if function(parent) == "bool":
            return Use("truth", node, parent)
        return Use("call", node, parent)
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return Use("slice", node, parent)
    if isinstance(parent, ast.Attribute) and parent.value is node:
        call = file.parents[parent]
        called = isinstance(call, ast.Call) and call.func is parent
        return Use("method" if called else "escape", node, call)
    return Use("truth" if is_tested(file, node) else "escape", node, parent)


def is_tested(file: File, node: ast.expr) -> bool:
    """Whether only the truth of `node` matters."""
    parent = file.parents[node]
    if isinstance(parent, ast.If | ast.While | ast.IfExp | ast.Assert):
        return parent.test is node
    if isinstance(parent, ast.comprehension):
        return node in parent.ifs
    if isinstance(parent, ast.UnaryOp):
        return isinstance(parent.op, ast.Not)
    if isinstance(parent, ast.BoolOp):
        return is_tested(file, parent)
    return function(parent) == "bool" and isinstance(parent, ast.Call) and parent.args == [node]
