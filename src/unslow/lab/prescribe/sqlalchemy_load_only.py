"""Loads the columns that are read: `.options(load_only(Order.number))`, `defer(Order.note)`."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe._rows import NameTaken, combined, imports_at, known, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._columns import HEAVY
from unslow.lab.rows._narrowing import narrowing
from unslow.model import Finding, Patch, Recommendation

DETECTORS = frozenset({"unused-column"})
FIXER = "sqlalchemy-load-only"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch that names the columns to load, or the heavy ones to leave."""
    found = rows_of(finding, source, "sqlalchemy")
    narrowed = narrowing(found.rows, found.model) if found else None
    imports = imports_at(source, found.file) if found else None
    if narrowed is None or imports is None or narrowed.statement is None:
        return
    entity = narrowed.statement.name
    heavy = [field.name for field in narrowed.unused if field.type in HEAVY]
    try:
        if heavy and len(heavy) == len(narrowed.unused):
            loader = known(imports, "sqlalchemy.orm", "defer")
            options = ", ".join(f"{loader}({entity}.{name})" for name in heavy)
        else:
            loader = known(imports, "sqlalchemy.orm", "load_only")
            read = [field.name for field in narrowed.reads.fields]
            columns = read or [f.name for f in narrowed.unused[:1]]
            options = f"{loader}({', '.join(f'{entity}.{name}' for name in columns)})"
    except NameTaken:
        return
    edit = narrowed.statement.then(f".options({options})")
    summary = f"Load the columns that are read: {options}"
    yield Patch(FIXER, summary, "safe", combined([edit], imports.edits()))
