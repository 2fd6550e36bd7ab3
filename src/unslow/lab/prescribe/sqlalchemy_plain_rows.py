"""Loads the rows alone: `joinedload` and `selectinload` of what is never read go."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe._rows import combined, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._eager import unused_eager, without
from unslow.model import Finding, Patch

DETECTORS = frozenset({"unused-eager-load"})
FIXER = "sqlalchemy-plain-rows"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that takes every unread relation out of SQLAlchemy's statement."""
    found = rows_of(finding, source, "sqlalchemy")
    loads = unused_eager(found.rows, found.model) if found else ()
    if found is None or not loads:
        return
    names = ", ".join(one.relation for one in loads)
    edits = combined(without(found.rows, loads))
    yield Patch(FIXER, f"Do not load {names}, which nothing reads", "review", edits)
