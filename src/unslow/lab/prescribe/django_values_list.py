"""Reads values instead of instances: `.values_list("number", flat=True)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._layout import quoted
from unslow.lab.prescribe._rows import combined, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import File
from unslow.lab.rows._narrowing import narrowing
from unslow.lab.rows._reads import Comprehension
from unslow.model import Finding, Patch, Recommendation, TextEdit
from unslow.model.patch import Safety

DETECTORS = frozenset({"unused-column"})
FIXER = "django-values-list"
UNNAMED = frozenset({"count", "index"})  # methods of a tuple


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch, where columns are all that is read of the rows."""
    found = rows_of(finding, source, "django")
    narrowed = narrowing(found.rows, found.model) if found else None
    module = source.module(found.file.path) if found else None
    if found is None or narrowed is None or module is None or not narrowed.valued:
        return
    names = narrowed.reads.names
    node = module.at(found.file.site(narrowed.point))
    if node is None or not names or UNNAMED & set(names):
        return
    flat = narrowed.reads.flat
    last = "flat=True" if flat is not None else "named=True"
    args = (*quoted(names), last)
    edits = _unwrapped(found.file, flat) if flat is not None else []
    added = chains.add_call(module, node, "values_list", args)
    summary = f"Read values instead of instances: values_list({', '.join(args)})"
    safety: Safety = "safe" if flat is not None else "review"
    yield Patch(FIXER, summary, safety, combined(edits, [added]))


def _unwrapped(file: File, flat: Comprehension) -> list[TextEdit]:
    """The values themselves instead of a comprehension over the rows."""
    start, end = file.parenthesised(flat.generators[0].iter)
    opening = {ast.ListComp: "list(", ast.SetComp: "set("}.get(type(flat), "(")
    return [
        TextEdit(file.path, file.start(flat), start, opening),
        TextEdit(file.path, end, file.end(flat), ")"),
    ]
