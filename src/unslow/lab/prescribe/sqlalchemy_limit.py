"""Reads the rows that are used: `.limit(1)`."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe._rows import rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._first import first_rows
from unslow.lab.rows._select import selected
from unslow.model import Finding, Patch

DETECTORS = frozenset({"unused-row"})
FIXER = "sqlalchemy-limit"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that limits the statement where the rest is of no use."""
    found = rows_of(finding, source, "sqlalchemy")
    first = first_rows(found.rows) if found else None
    statement = selected(found.rows) if found else None
    if first is not None and statement is not None:
        limit = f".limit({first.limit})"
        edit = statement.then(limit)
        yield Patch(FIXER, f"Read the rows that are used: {limit}", "review", (edit,))
