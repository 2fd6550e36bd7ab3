"""Names at the top of a module: which there are, and where a new one is defined."""

import builtins
from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._module import Module
from unslow.model import TextEdit

BUILTINS = frozenset(dir(builtins))
BLOCKS = cst.BaseStatement | cst.BaseSuite | cst.Else | cst.Finally | cst.ExceptHandler


def top_names(module: Module, before: int | None = None) -> set[str]:
    """What assignments, imports, functions and classes bind, those in blocks included.

    With `before`, only what is bound by statements that end before that offset.
    """
    return {
        name
        for statement in module.tree.body
        if before is None or module.end(statement) <= before
        for name in bound_by(statement)
    }


def free_name(module: Module, *wanted: str) -> str:
    """The first name that the top has for nothing else, or ""; a `shared_` may lead it."""
    taken = top_names(module) | BUILTINS
    candidates = [*wanted, *(f"shared_{name}" for name in wanted)]
    return next((name for name in candidates if name not in taken), "")


def statement_around(module: Module, node: cst.CSTNode) -> cst.CSTNode:
    """The top-level statement that `node` is in."""
    top = node
    for outer in module.ancestors(node):
        if isinstance(outer, cst.Module):
            break
        top = outer
    return top


def start_of(module: Module, statement: cst.CSTNode) -> int:
    """Where a statement starts, its decorators included."""
    decorators = getattr(statement, "decorators", ())
    return min([module.start(statement), *(module.start(one) for one in decorators)])


def defined_before(module: Module, node: cst.CSTNode, name: str, value: str) -> TextEdit:
    """The assignment before the top-level statement that `node` is in."""
    start = start_of(module, statement_around(module, node))
    value = " ".join(line.strip() for line in value.split("\n")) if "\n" in value else value
    return module.insert(start, f"{name} = {value}\n\n\n")


def bound_by(statement: cst.CSTNode) -> Iterator[str]:
    """The names that a statement binds, once for each time that it does."""
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        yield statement.name.value
    elif isinstance(statement, cst.Assign):
        for target in statement.targets:
            yield from _targets(target.target)
    elif isinstance(statement, cst.AnnAssign):
        yield dotted(statement.target)
    elif isinstance(statement, cst.Import | cst.ImportFrom):
        if not isinstance(statement.names, cst.ImportStar):
            for alias in statement.names:
                bound = alias.evaluated_alias or alias.evaluated_name
                yield bound.partition(".")[0]
    elif isinstance(statement, BLOCKS):
        for child in statement.children:
            yield from bound_by(child)


def _targets(target: cst.CSTNode) -> Iterator[str]:
    if isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            yield from _targets(element.value)
    elif isinstance(target, cst.Name):
        yield target.value
