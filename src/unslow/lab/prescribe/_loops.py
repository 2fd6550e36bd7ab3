"""The loop around a query per row: what it runs over, and whether rows can be read before it."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._locals import assigned, names
from unslow.lab.prescribe._module import Module
from unslow.model import TextEdit

WRITES = frozenset(
    """
    save delete update create add bulk_create bulk_update update_or_create get_or_create asave
    adelete aupdate acreate flush commit rollback merge refresh refresh_from_db add_all expire
    expire_all expunge
    """.split()  # noqa: SIM905
)
ONE_SHOT = frozenset(
    {"iterator", "aiterator", "yield_per", "stream", "stream_scalars", "partitions"}
)
LISTS = frozenset({"list", "sorted", "tuple"})


@dataclass(frozen=True)
class Loop:
    """`for target in iterable`, a statement or the only `for` of a comprehension."""

    module: Module
    node: cst.For | cst.CompFor
    target: str
    iterable: cst.BaseExpression

    @property
    def statement(self) -> cst.CSTNode:
        """The statement before which rows can be read."""
        if isinstance(self.node, cst.For):
            return self.node
        line = self.module.enclosing(self.node, cst.SimpleStatementLine)
        return line if line is not None else self.module.tree

    @property
    def function(self) -> cst.CSTNode:
        return self.module.enclosing(self.node, cst.FunctionDef) or self.module.tree

    def free_name(self, *wanted: str) -> str | None:
        """The first of the names that the function does not use and Python leaves free."""
        used = names(self.function) | set(keyword.kwlist) | set(dir(builtins))
        return next((name for name in wanted if name not in used), None)

    def rows_name(self) -> str | None:
        """The name of what the loop runs over, a new one where it has none."""
        if isinstance(self.iterable, cst.Name):
            return self.iterable.value
        many = plural(self.target)
        telling = (many,) if len(self.target) > 2 and self.target.isidentifier() else ()
        return self.free_name(*telling, "rows", "all_rows")

    def binds(self, node: cst.CSTNode) -> bool:
        """Whether the value of `node` depends on what the loop binds."""
        return bool(names(node) & self.bound())

    def bound(self) -> set[str]:
        """Every name that the loop gives a value."""
        found = names(self.node.target)
        body = self.node if isinstance(self.node, cst.For) else self.module.parents[self.node]
        for node in _within(body):
            if isinstance(node, cst.AssignTarget | cst.AugAssign | cst.AnnAssign | cst.NamedExpr):
                found |= (
                    names(node.target) if isinstance(node.target, cst.Name | cst.Tuple) else set()
                )
            elif isinstance(node, cst.For | cst.CompFor):
                found |= names(node.target)
            elif isinstance(node, cst.AsName):
                found |= names(node.name)
        return found

    def before(
        self, text: str, rows: str, opening: str = "list(", closing: str = ")"
    ) -> list[TextEdit]:
        """Write `text` before the loop, which runs over the list `rows` from then on.

        `rows` is the iterable's own name where it is one; else the iterable, between `opening`
        and `closing`, gets it.
        """
        start = self.module.start(self.statement)
        indent = self.module.indent(start)
        text = text.replace("\n", f"\n{indent}")
        if isinstance(self.iterable, cst.Name):
            return [self.module.insert(start, f"{text}\n{indent}")]
        begin, end = self.module.start(self.iterable), self.module.end(self.iterable)
        if isinstance(self.node, cst.For):
            head = TextEdit(self.module.path, start, begin, f"{rows} = {opening}")
            loop = f"{closing}\n{indent}{text}\n{indent}for {self.target} in {rows}:"
            colon = self.module.content.index(b":", end)
            return [head, TextEdit(self.module.path, end, colon + 1, loop)]
        value = self.module.text(self.iterable)
        return [
            self.module.insert(
                start, f"{rows} = {opening}{value}{closing}\n{indent}{text}\n{indent}"
            ),
            self.module.replace(self.iterable, rows),
        ]


def loop_of(module: Module, node: cst.CSTNode, name: str | None = None) -> Loop | None:
    """The nearest loop around `node` in its function; of those that bind `name`, if given."""
    inner: cst.CSTNode = node
    for outer in module.ancestors(node):
        if isinstance(outer, cst.FunctionDef | cst.Lambda | cst.ClassDef):
            return None
        if isinstance(outer, cst.For) and inner is outer.body and outer.asynchronous is None:
            if name is None or name in names(outer.target):
                return _loop(module, outer, outer.target, outer.iter)
        elif isinstance(outer, cst.ListComp | cst.SetComp | cst.DictComp):
            part = outer.for_in
            simple = part.inner_for_in is None and part.asynchronous is None
            if inner is not part and simple and (name is None or name in names(part.target)):
                return _loop(module, part, part.target, part.iter)
        inner = outer
    return None


def _loop(
    module: Module,
    node: cst.For | cst.CompFor,
    target: cst.BaseExpression,
    over: cst.BaseExpression,
) -> Loop | None:
    name = module.text(target)
    function = module.enclosing(node, cst.FunctionDef)
    return Loop(module, node, name, over) if function is not None and "\n" not in name else None


def is_repeatable(loop: Loop) -> bool:
    """Whether running over the iterable twice gives the same rows without a second query."""
    value = loop.iterable
    if isinstance(value, cst.Name):
        found = assigned(loop.module, value)
        return found is not None and (_is_list(found) or _is_rows(found))
    return _is_list(value) or _is_rows(value)


def is_undisturbed(loop: Loop, use: cst.BaseExpression) -> bool:
    """Whether nothing in the loop writes rows, changes what was read, or catches errors."""
    body = loop.node if isinstance(loop.node, cst.For) else loop.module.parents[loop.node]
    holder = _holder(loop, use)
    for node in _within(body):
        if isinstance(node, cst.Call) and chains.method(node) in WRITES and node is not use:
            if not _is_builtin_add(node):
                return False
        elif isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Attribute):
            if chains.dotted(node.target).partition(".")[0] in {holder, loop.target}:
                return False
        elif isinstance(node, cst.Try | cst.TryStar):
            return False
    return True


def writes(function: cst.CSTNode) -> bool:
    """Whether something in it writes rows or handles errors."""
    return any(
        isinstance(node, cst.Try | cst.TryStar)
        or (
            isinstance(node, cst.Call)
            and chains.method(node) in WRITES
            and not _is_builtin_add(node)
        )
        for node in _within(function)
    )


def plural(name: str) -> str:
    """`orders` for `order`, `order_items` for `OrderItem`."""
    snake = singular(name)
    if snake.endswith("y") and snake[-2:-1] not in "aeiou":
        return f"{snake[:-1]}ies"
    return snake if snake.endswith("s") else f"{snake}s"


def singular(name: str) -> str:
    """`order_item` for `OrderItem`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _holder(loop: Loop, use: cst.BaseExpression) -> str:
    """The name to which the loop assigns what the use reads, or ""."""
    for node in loop.module.ancestors(use):
        if isinstance(node, cst.Assign) and len(node.targets) == 1:
            return chains.dotted(node.targets[0].target)
        if isinstance(node, cst.BaseSuite | cst.SimpleStatementLine):
            return ""
    return ""


def _is_builtin_add(node: cst.Call) -> bool:
    """`seen.add(x)`, `totals.update({...})`: a name in lower case that holds no manager."""
    target = chains.receiver(node)
    return (
        isinstance(target, cst.Name)
        and target.value not in ("session", "db")
        and (chains.method(node) in ("add", "update"))
    )


def _is_list(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.List | cst.Tuple | cst.ListComp) or (
        isinstance(value, cst.Call) and chains.function(value) in LISTS
    )


def _is_rows(value: cst.BaseExpression) -> bool:
    """A queryset, also sliced: it keeps its rows."""
    steps = {chains.method(step) for step in chains.chain(value)}
    managed = any(
        isinstance(step, cst.Attribute) and step.attr.value == "objects"
        for step in chains.chain(value)
    )
    return managed and not steps & ONE_SHOT


def _within(node: cst.CSTNode) -> list[cst.CSTNode]:
    found: list[cst.CSTNode] = []
    stack = [node]
    while stack:
        item = stack.pop()
        found.append(item)
        stack.extend(item.children)
    return found
