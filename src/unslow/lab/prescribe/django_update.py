"""Lets one `UPDATE` change the rows that a loop reads, changes and saves one by one."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe._django_saves import saves
from unslow.lab.prescribe._one_update import ROUNDED, one_update
from unslow.lab.prescribe._row_writes import written
from unslow.lab.prescribe._source import Source
from unslow.model import Finding, Patch, Recommendation

DETECTORS = frozenset({"row-by-row-write", "read-modify-write"})
FIXER = "django-update"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch for a loop of nothing but changes and a save.

    Where the rows cannot be saved together at all, the advice on `bulk_update` tells why.
    """
    found = written(finding, source, "django", "update")
    saved = saves(*found, source) if found is not None else ""
    if isinstance(saved, str):
        return
    edits = one_update(saved, source)
    name = saved.write.model.name
    if not isinstance(edits, str):
        summary = f"Change all rows of {name} in one statement: update"
        yield Patch(FIXER, summary, "review", edits)
    elif edits == ROUNDED:
        summary = f"Let the database change the rows of {name}: update() with F()"
        yield Recommendation(FIXER, summary, edits)
