"""Adds up by groups in the database: `.values_list("status").annotate(Sum("total"))`."""

from __future__ import annotations

from collections.abc import Iterator

from unslow.lab.prescribe import _grouped as written
from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._rows import NameTaken, combined, imports_at, known, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows._groups import Groups, Line, grouped
from unslow.model import Finding, Patch, TextEdit

DETECTORS = frozenset({"python-aggregate"})
FIXER = "django-group-by"
MODELS = "django.db.models"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that asks for a row of each group, and leaves the rest of the loop as it is."""
    found = rows_of(finding, source, "django")
    database = source.trace.database if source.trace else "postgresql"
    if found is None:
        return
    groups = grouped(found.rows, found.model, database, found.evidence.example_sql)
    imports = imports_at(source, found.file)
    if groups is None or imports is None:
        return
    try:
        names = {field.name for field in found.model.fields}
        edits = _edits(groups, imports, names, found.evidence.example_sql)
    except NameTaken:
        return
    yield Patch(
        FIXER,
        f"Let the database group the rows of {found.model.name}",
        "review",
        combined(edits, imports.edits()),
    )


def _edits(groups: Groups, imports: Imports, fields: set[str], sql: str) -> list[TextEdit]:
    rows, file = groups.rows, groups.rows.file
    query = rows.uses[0].node if rows.name else rows.query
    start, end = file.parenthesised(query)
    totals = [_total(line, imports, fields) for line in written.columns(groups)]
    filters = "".join(f".{verb}({one})" for verb, one in (c.django for c in groups.conditions))
    order = ".order_by()" if "ORDER BY" in sql.upper() else ""
    chain = f'{filters}{order}.values_list("{groups.attribute}").annotate({", ".join(totals)})'
    opening, closing = "Counter(dict(", "))"
    if written.is_loop(groups):
        opening, closing = written.loop(groups)
    if "\n" in file.content[start:end].decode() and start == file.start(query):
        opening, closing = f"{opening}(", f"){closing}"
    return [
        *_unlisted(groups),
        TextEdit(file.path, file.start(groups.place), start, opening),
        TextEdit(file.path, end, file.end(groups.place), chain + closing),
    ]


def _total(line: Line, imports: Imports, fields: set[str]) -> str:
    if line.value is None:
        return f'{known(imports, MODELS, "Count")}("pk")'
    total = known(imports, MODELS, "Sum")
    name = line.value.fields[0].name
    if line.value.text == f'F("{name}")':
        return f'{total}("{name}")'
    alias = next(one for one in ("amount", "amount_sum", "group_amount") if one not in fields)
    value = line.value.text.replace("F(", f"{known(imports, MODELS, 'F')}(")
    return f"{alias}={total}({value})"


def _unlisted(groups: Groups) -> list[TextEdit]:
    """The queryset instead of a list of it, where a name holds it."""
    rows, file = groups.rows, groups.rows.file
    if not rows.listed or not rows.name:
        return []
    inner = file.parenthesised(rows.query)
    return [
        file.delete(file.start(rows.value), inner[0]),
        file.delete(inner[1], file.end(rows.value)),
    ]
