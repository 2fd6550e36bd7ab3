"""Reads the rows that are used: `[:1]`."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe._rows import rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._first import first_rows
from unslow.model import Finding, Patch

DETECTORS = frozenset({"unused-row"})
FIXER = "django-slice"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that cuts the queryset where the rest is of no use."""
    found = rows_of(finding, source, "django")
    first = first_rows(found.rows) if found else None
    if found is not None and first is not None:
        cut = f"[:{first.limit}]"
        edit = found.file.insert(found.file.end(found.rows.query), cut)
        yield Patch(FIXER, f"Read the rows that are used: {cut}", "review", (edit,))
