"""Loads the rows alone: `select_related` and `prefetch_related` of what is never read go."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe._rows import combined, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._eager import unused_eager, without
from unslow.model import Finding, Patch

DETECTORS = frozenset({"unused-eager-load"})
FIXER = "django-plain-rows"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that takes every unread relation out of Django's chain."""
    found = rows_of(finding, source, "django")
    loads = unused_eager(found.rows, found.model) if found else ()
    if found is None or not loads:
        return
    names = ", ".join(one.relation for one in loads)
    edits = combined(without(found.rows, loads))
    yield Patch(FIXER, f"Do not load {names}, which nothing reads", "safe", edits)
