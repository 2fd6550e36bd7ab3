"""Where new statements go in a function, and names that it leaves free."""

import ast
import builtins
import keyword
from collections.abc import Iterable, Sequence

from unslow.lab.rows._file import File
from unslow.lab.rows._flow import Rows

FREE = (ast.Assign, ast.AnnAssign, ast.Return, ast.keyword, ast.Expr, ast.AugAssign)


def is_free(file: File, node: ast.expr) -> bool:
    """Whether `a or b` may stand in the place of `node` without parentheses."""
    parent = file.parents[node]
    if isinstance(parent, ast.Dict):
        return True
    if isinstance(parent, ast.Call):
        return node in parent.args
    return isinstance(parent, FREE)


def free_name(file: File, near: ast.AST, *wanted: str) -> str:
    """The first of the names that the function leaves free; numbered when none is."""
    used = {n.id for n in ast.walk(file.scope(near)) if isinstance(n, ast.Name)}
    used |= {n.arg for n in ast.walk(file.scope(near)) if isinstance(n, ast.arg)}
    used |= set(keyword.kwlist) | set(dir(builtins))
    numbered = (f"{wanted[-1]}_{n}" for n in range(2, 100))
    return next(name for name in (*wanted, *numbered) if name not in used)


def statement_before(rows: Rows, nodes: Sequence[ast.AST]) -> ast.stmt | None:
    """The statement before which a value can be made that all of `nodes` read.

    It stands in the block that holds them all, after everything that gives the rows their name.
    """
    file = rows.file
    paths = [_blocks(file, node) for node in nodes]
    shared = [pair for pair in paths[0] if all(_has(path, pair) for path in paths[1:])]
    if not shared:
        return None
    block, first = shared[0]
    if not any(one is first for one in block):
        return None
    earliest = min((_statement_in(block, path) for path in paths), key=lambda one: one.lineno)
    given = [
        node
        for node in ast.walk(file.scope(rows.value))
        if isinstance(node, ast.Name) and node.id == rows.name and isinstance(node.ctx, ast.Store)
    ]
    fits = all((node.end_lineno or node.lineno) < earliest.lineno for node in given)
    return earliest if fits else None


Block = list[ast.stmt]


def _blocks(file: File, node: ast.AST) -> list[tuple[Block, ast.stmt]]:
    """The lists of statements around the node within its function, innermost first."""
    found: list[tuple[Block, ast.stmt]] = []
    inner = node
    for outer in (node, *file.around(node)):
        if isinstance(inner, ast.stmt) and outer is not inner:
            for value in ast.iter_fields(outer):
                if isinstance(value[1], list) and any(one is inner for one in value[1]):
                    found.append((value[1], inner))
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) and outer is not node:
            break
        inner = outer
    return found


def _has(path: Iterable[tuple[Block, ast.stmt]], pair: tuple[Block, ast.stmt]) -> bool:
    return any(block is pair[0] for block, _ in path)


def _statement_in(block: Block, path: Iterable[tuple[Block, ast.stmt]]) -> ast.stmt:
    return next(statement for one, statement in path if one is block)
