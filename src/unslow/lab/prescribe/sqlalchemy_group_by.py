"""Adds up by groups in the database: `select(Order.status, func.sum(...)).group_by(...)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unslow.lab.prescribe import _grouped as written
from unslow.lab.prescribe._rows import NameTaken, combined, imports_at, known, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._groups import Groups, grouped
from unslow.model import Finding, Patch, TextEdit

DETECTORS = frozenset({"python-aggregate"})
FIXER = "sqlalchemy-group-by"
DROPPED = ("options", "order_by")


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that asks for a row of each group, and leaves the rest of the loop as it is."""
    found = rows_of(finding, source, "sqlalchemy")
    database = source.trace.database if source.trace else "postgresql"
    if found is None:
        return
    groups = grouped(found.rows, found.model, database, found.evidence.example_sql)
    imports = imports_at(source, found.file)
    key = next((field.name for field in found.model.fields if field.primary_key), None)
    if groups is None or imports is None or key is None:
        return
    try:
        edits = _edits(groups, known(imports, "sqlalchemy", "func"), key)
    except NameTaken:
        return
    yield Patch(
        FIXER,
        f"Let the database group the rows of {found.model.name}",
        "review",
        combined(edits, imports.edits()),
    )


def _edits(groups: Groups, func: str, key: str) -> list[TextEdit]:
    statement, rows, file = groups.statement, groups.rows, groups.rows.file
    assert statement is not None
    by = f"{statement.name}.{groups.attribute}"
    totals = [
        f"{func}.sum({line.value.text})" if line.value else f"{func}.count({statement.name}.{key})"
        for line in written.columns(groups)
    ]
    asked = [one.sqlalchemy(statement.name) for one in groups.conditions]
    edits = [
        statement.select(", ".join([by, *totals])),
        *statement.without(*DROPPED),
        *statement.where(asked),
        statement.then(f".group_by({by})"),
        *statement.run_by("execute", rows),
    ]
    query = rows.uses[0].node if rows.name else rows.query
    start, end = file.parenthesised(query)
    if not written.is_loop(groups):
        awaited = isinstance(statement.whole, ast.Await) and not rows.name
        opening = "Counter(dict((" if awaited else "Counter(dict("
        closing = ").all()))" if awaited else ".all()))"
    else:
        opening, closing = written.loop(groups)
    return [
        *edits,
        TextEdit(file.path, file.start(groups.place), start, opening),
        TextEdit(file.path, end, file.end(groups.place), closing),
    ]
