"""Loads the columns that are read: `.only("number", "total")`, `.defer("body")`."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._layout import quoted
from unslow.lab.prescribe._rows import rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._columns import HEAVY
from unslow.lab.rows._narrowing import Narrowing, narrowing
from unslow.model import Finding, Patch, Recommendation

DETECTORS = frozenset({"unused-column"})
FIXER = "django-only"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch that names the columns to load, or the heavy ones to leave."""
    found = rows_of(finding, source, "django")
    narrowed = narrowing(found.rows, found.model) if found else None
    module = source.module(found.file.path) if found else None
    if found is None or narrowed is None or module is None:
        return
    node = module.at(found.file.site(narrowed.point))
    if node is None:
        return
    name, columns = _columns(narrowed)
    call = f"{name}({', '.join(quoted(columns))})"
    edit = chains.add_call(module, node, name, quoted(columns))
    yield Patch(FIXER, f"Load the columns that are read: {call}", "safe", (edit,))


def _columns(narrowed: Narrowing) -> tuple[str, list[str]]:
    """`defer` is shorter where nearly all columns are read."""
    heavy = [field.name for field in narrowed.unused if field.type in HEAVY]
    if heavy and len(heavy) == len(narrowed.unused):
        return "defer", heavy
    return "only", [field.name for field in narrowed.reads.fields] or ["pk"]
