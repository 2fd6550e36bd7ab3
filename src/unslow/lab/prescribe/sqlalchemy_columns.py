"""Reads columns instead of instances: `select(Order.number, Order.total)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unslow.lab.prescribe._rows import combined, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import Rows
from unslow.lab.rows._flow import method
from unslow.lab.rows._narrowing import Narrowing, narrowing
from unslow.lab.rows._reads import Comprehension
from unslow.model import Finding, Patch, Recommendation, TextEdit
from unslow.model.patch import Safety

DETECTORS = frozenset({"unused-column"})
FIXER = "sqlalchemy-columns"
UNNAMED = frozenset({"count", "index", "t", "tuple"})  # attributes of a row of a result


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch, where columns are all that is read of the rows."""
    found = rows_of(finding, source, "sqlalchemy")
    narrowed = narrowing(found.rows, found.model) if found else None
    if found is None or narrowed is None or narrowed.statement is None or not narrowed.valued:
        return
    names = narrowed.reads.names
    if not names or UNNAMED & set(names) or "options" in narrowed.statement.names:
        return
    columns = ", ".join(f"{narrowed.statement.name}.{name}" for name in names)
    flat = narrowed.reads.flat
    if flat is not None and not found.rows.name:
        edits = _flat(found.rows, flat)
    else:
        edits = _rows(found.rows, narrowed)
    safety: Safety = "safe" if flat is not None else "review"
    yield Patch(
        FIXER,
        f"Read columns instead of instances: select({columns})",
        safety,
        combined(edits, [narrowed.statement.select(columns)]),
    )


def _rows(rows: Rows, narrowed: Narrowing) -> list[TextEdit]:
    """Rows with the columns' names: what `execute` gives, without a step that takes the first."""
    statement, file = narrowed.statement, rows.file
    assert statement is not None
    assert isinstance(statement.run.func, ast.Attribute)
    end = file.end(statement.run.func)
    name = statement.run.func.attr
    edits = [TextEdit(file.path, end - len(name), end, "execute")] if name != "execute" else []
    after: ast.expr = rows.query
    while after is not statement.whole and after is not statement.run:
        call = after
        before = (
            call.func.value
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
            else None
        )
        if before is None:
            break
        if method(call) == "scalars":
            edits.append(file.delete(file.parenthesised(before)[1], file.end(call)))
        after = before
    return edits


def _flat(rows: Rows, flat: Comprehension) -> list[TextEdit]:
    """The only column's values instead of a comprehension over the rows."""
    file = rows.file
    start, end = file.parenthesised(rows.query)
    listed = method(rows.query) == "all"
    opening = closing = ""
    if isinstance(flat, ast.SetComp):
        opening, closing = "set(", ")"
    elif isinstance(flat, ast.GeneratorExp):
        opening, closing = "(", ")"
    elif not listed:
        opening, closing = "(", ").all()"
    return [
        TextEdit(file.path, file.start(flat), start, opening),
        TextEdit(file.path, end, file.end(flat), closing),
    ]
