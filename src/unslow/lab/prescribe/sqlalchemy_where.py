"""Picks, sorts and cuts in SQL: `.where(Order.paid)`, `.order_by(Order.total.desc()).limit(10)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unslow.lab.prescribe._rows import Found, combined, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._filtering import Filtering, filtering
from unslow.lab.rows._flow import method
from unslow.lab.rows._moves import without_tests
from unslow.lab.rows._select import Selected, selected
from unslow.model import Finding, Patch, TextEdit

DETECTORS = frozenset({"python-filter"})
FIXER = "sqlalchemy-where"
SUMMARIES = {
    "pick": "Pick the rows in SQL",
    "sort": "Sort and cut the rows in SQL",
    "cut": "Cut the rows in SQL",
}


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that lets the database leave out what Python would."""
    found = rows_of(finding, source, "sqlalchemy")
    work = filtering(found.rows, found.model) if found else None
    statement = selected(found.rows) if found else None
    if found is None or work is None or statement is None:
        return
    if statement.name.rpartition(".")[2] != found.model.name:
        return
    if work.work == "pick":
        asked = [one.sqlalchemy(statement.name) for one in work.conditions]
        edits = [*statement.where(asked), *without_tests(found.file, work)]
    elif work.work == "sort":
        edits = _sorted(found, work, statement)
    else:
        edits = _cut(found, work, statement)
    if edits:
        yield Patch(FIXER, SUMMARIES[work.work], "review", combined(edits))


def _sorted(found: Found, work: Filtering, statement: Selected) -> list[TextEdit]:
    """The statement's own order decides between equal rows, else the key."""
    columns = [f"{statement.name}.{field.name}{'.desc()' * down}" for field, down in work.order]
    keys = [f"{statement.name}.{f.name}" for f in found.model.fields if f.primary_key]
    ordered = next((step for step in statement.steps if method(step) == "order_by"), None)
    if ordered is not None and ordered.args:
        file = found.file
        added = [file.insert(file.start(ordered.args[0]), f"{', '.join(columns)}, ")]
        last = f".limit({work.limit})"
    else:
        added = []
        last = f".order_by({', '.join([*columns, *keys])}).limit({work.limit})"
    return [*added, statement.then(last), *_as_list(found, work)]


def _cut(found: Found, work: Filtering, statement: Selected) -> list[TextEdit]:
    limit = statement.then(f".limit({work.limit})")
    if found.rows.name:
        return [limit] if work.limit.isdigit() else []
    return [limit, *_as_list(found, work)]


def _as_list(found: Found, work: Filtering) -> list[TextEdit]:
    """The rows' list in the place of what sorted or cut it."""
    file = found.file
    query = work.use.node if found.rows.name else found.rows.query
    start, end = file.parenthesised(query)
    opening, closing = "", ""
    looped = isinstance(file.parents[work.place], ast.For | ast.comprehension)
    if method(found.rows.query) != "all" and not looped:
        waits = isinstance(query, ast.Await)
        opening, closing = ("(", ").all()") if waits else ("", ".all()")
    return [
        TextEdit(file.path, file.start(work.place), start, opening),
        TextEdit(file.path, end, file.end(work.place), closing),
    ]
