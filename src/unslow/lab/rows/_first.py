"""Results of which a function uses the first rows alone."""

import ast
from dataclasses import dataclass

from unslow.lab.rows._flow import Rows, Use


@dataclass(frozen=True)
class First:
    """`limit` rows are enough; `use` is the place that shows it."""

    use: Use
    limit: int


def first_rows(rows: Rows) -> First | None:
    """None where more may be used, or where another step may follow the query."""
    wanted = [(use, limit) for use in rows.uses if (limit := _wanted(use)) is not None]
    if len(wanted) < len(rows.uses) or not any(limit for _, limit in wanted):
        return None
    if rows.name and _values(rows) != 1:
        return None
    use, limit = max(wanted, key=lambda pair: pair[1])
    return First(use, limit)


def _wanted(use: Use) -> int | None:
    """How many of the first rows the use needs: 0 where one tells it all."""
    if use.kind == "truth":
        return 0
    if use.kind == "slice" and isinstance(use.holder, ast.Subscript):
        index = use.holder.slice
        if isinstance(index, ast.Constant) and type(index.value) is int and index.value >= 0:
            return index.value + 1
    if use.kind == "loop" and isinstance(use.holder, ast.For) and _ends(use.holder):
        return 1
    return None


def _ends(loop: ast.For) -> bool:
    """Whether the loop's first pass is its last one."""
    skips = any(isinstance(node, ast.Continue | ast.Try) for node in ast.walk(loop))
    return isinstance(loop.body[-1], ast.Return | ast.Break | ast.Raise) and not skips


def _values(rows: Rows) -> int:
    """How often the name is given a value."""
    return sum(
        isinstance(node, ast.Name) and node.id == rows.name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(rows.file.scope(rows.value))
    )
