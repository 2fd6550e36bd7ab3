"""Makes a module of the standard library available by its own name: `import asyncio`."""

import libcst as cst

from unslow.lab.prescribe._chains import dotted
from unslow.lab.prescribe._module import Module
from unslow.model import TextEdit


def import_module(module: Module, name: str) -> list[TextEdit] | None:
    """The edits that make a standard module available by its own name; None where it is taken."""
    lines = [line for line in module.tree.body if isinstance(line, cst.SimpleStatementLine)]
    statements = [small for line in lines for small in line.body if isinstance(small, cst.Import)]
    if any(imports(statement, name) for statement in statements):
        return []
    taken = any(
        _bound(node) == name
        for kind in (cst.AssignTarget, cst.Param, cst.ImportAlias)
        for node in module.nodes(kind)
    )
    if taken:
        return None
    at, blank = _place(module)
    return [module.insert(at, f"import {name}\n{blank}")]


def _bound(node: cst.CSTNode) -> str:
    """The name that an assignment, a parameter or another name's import gives a meaning."""
    if isinstance(node, cst.AssignTarget):
        return dotted(node.target)
    if isinstance(node, cst.Param):
        return node.name.value
    if isinstance(node, cst.ImportAlias) and node.evaluated_alias != node.evaluated_name:
        return node.evaluated_alias or ""
    return ""


def imports(statement: cst.Import, name: str) -> bool:
    return any(alias.evaluated_name == name and alias.asname is None for alias in statement.names)


def _place(module: Module) -> tuple[int, str]:
    """Before the first import that is not of `__future__`, else at the top with a gap below."""
    body = list(module.tree.body)
    if module.tree.get_docstring() is not None:
        body = body[1:]
    for line in body:
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
        if isinstance(small, cst.Import) or (
            isinstance(small, cst.ImportFrom)
            and not (small.module and dotted(small.module) == "__future__")
        ):
            return module.start(line), ""
    after = next((line for line in body if not _is_future(line)), None)
    return (module.start(after), "\n\n") if after else (len(module.content), "")


def _is_future(line: cst.CSTNode) -> bool:
    small = line.body[0] if isinstance(line, cst.SimpleStatementLine) else None
    return isinstance(small, cst.ImportFrom)
