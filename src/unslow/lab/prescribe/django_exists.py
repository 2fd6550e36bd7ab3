"""Asks whether there is any row: `.exists()`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unslow.lab.prescribe._rows import combined, node_of, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import File
from unslow.lab.rows import _django as django
from unslow.lab.rows._existence import Asked, asked_of_count, asked_of_rows
from unslow.lab.rows._flow import method
from unslow.model import Finding, Patch, TextEdit

DETECTORS = frozenset({"count-for-existence"})
FIXER = "django-exists"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch for a test that needs no rows and no count."""
    counted = node_of(finding, source, "django")
    if counted is not None and method(counted[1]) in ("count", "acount"):
        asked = asked_of_count(*counted)
        edits = _instead_of_count(asked, counted[1]) if asked else None
    else:
        found = rows_of(finding, source, "django")
        asked = asked_of_rows(found.rows) if found else None
        plain = found is not None and django.is_queryset(found.rows)
        edits = _instead_of_rows(asked) if asked and plain else None
        if edits and found and found.rows.listed and found.rows.name:
            inner = found.file.parenthesised(found.rows.query)
            edits += [
                found.file.delete(found.file.start(found.rows.value), inner[0]),
                found.file.delete(inner[1], found.file.end(found.rows.value)),
            ]
    if edits:
        yield Patch(FIXER, "Ask whether there is any row: exists()", "safe", combined(edits))


def _instead_of_count(asked: Asked, count: ast.expr) -> list[TextEdit]:
    """`.exists()` for `.count()`, and the test without what it compares with."""
    assert isinstance(count, ast.Call)
    assert isinstance(count.func, ast.Attribute)
    file, name = asked.file, count.func.attr
    end = file.end(count.func)
    renamed = TextEdit(file.path, end - len(name), end, name.replace("count", "exists"))
    if asked.given is not None:
        test = f"{'' if asked.wanted else 'not '}{asked.given.id}"
        return [renamed, file.replace(asked.test, test)]
    return [renamed, *_bare(asked, file.parenthesised(asked.value))]


def _instead_of_rows(asked: Asked) -> list[TextEdit]:
    """`orders.exists()` for `orders` and for `len(orders) > 0`."""
    file = asked.file
    value, listed = asked.value, asked.value
    if isinstance(value, ast.Call) and not method(value) and value.args:
        listed = value.args[0]
    start, end = file.parenthesised(listed)
    opening = "" if asked.wanted else "not "
    closing = ".exists()"
    if "\n" in file.content[start:end].decode() and start == file.start(listed):
        opening, closing = f"{opening}(", f"{closing})"
    return [
        TextEdit(file.path, file.start(asked.test), start, opening),
        TextEdit(file.path, end, file.end(asked.test), closing),
    ]


def _bare(asked: Asked, value: tuple[int, int]) -> list[TextEdit]:
    """The value alone, negated where no rows are wanted."""
    file: File = asked.file
    opening = "" if asked.wanted else "not "
    return [
        TextEdit(file.path, file.start(asked.test), value[0], opening),
        TextEdit(file.path, value[1], file.end(asked.test), ""),
    ]
