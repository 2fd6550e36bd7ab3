"""Picks, sorts and cuts in SQL: `.filter(active=True)`, `.order_by("-total")[:10]`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from unslow.lab.prescribe import _chains as chains
from unslow.lab.prescribe._class_bodies import assigned, class_of, inner_class
from unslow.lab.prescribe._rows import Found, combined, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import _django as django
from unslow.lab.rows._filtering import Filtering, filtering
from unslow.lab.rows._moves import without_tests
from unslow.model import Finding, Model, Patch, TextEdit

DETECTORS = frozenset({"python-filter"})
FIXER = "django-filter"
SUMMARIES = {
    "pick": "Pick the rows in SQL",
    "sort": "Sort and cut the rows in SQL",
    "cut": "Cut the rows in SQL",
}


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch that lets the database leave out what Python would."""
    found = rows_of(finding, source, "django")
    work = filtering(found.rows, found.model) if found else None
    if found is None or work is None:
        return
    write = {"pick": _picked, "sort": _sorted, "cut": _cut}[work.work]
    edits = write(found, work, source)
    if edits:
        yield Patch(FIXER, SUMMARIES[work.work], "review", combined(edits))


def _picked(found: Found, work: Filtering, source: Source) -> list[TextEdit]:
    filters = [arg for verb, arg in (one.django for one in work.conditions) if verb == "filter"]
    excluded = [arg for verb, arg in (one.django for one in work.conditions) if verb != "filter"]
    calls = [("filter", tuple(filters))] if filters else []
    calls += [("exclude", (arg,)) for arg in excluded]
    target = _target(found, work)
    module = source.module(found.file.path)
    node = module.at(found.file.site(target)) if module and target is not None else None
    if module is None or node is None:
        return []
    edits = [chains.add_call(module, node, name, args) for name, args in calls]
    return [*edits, *without_tests(found.file, work)]


def _target(found: Found, work: Filtering) -> ast.expr | None:
    """The queryset to narrow: the chain, or the name that holds it where it is looped over."""
    if isinstance(work.use.node, ast.Name) and not found.rows.listed:
        return work.use.node
    return django.point(found.rows)


def _sorted(found: Found, work: Filtering, source: Source) -> list[TextEdit]:
    """`list(rows.order_by("-total", "pk")[:10])` for `sorted(rows, key=...)[:10]`."""
    order = django.ordering(found.rows)
    if order is None or (found.rows.name and found.rows.listed):
        return []
    before = order or _own_order(found.model, source)
    if before is None:
        return []
    wanted = [f"{'-' * down}{field.name}" for field, down in work.order]
    rest = [name for name in before or ("pk",) if name.lstrip("-") not in _bare(wanted)]
    names = ", ".join(f'"{name}"' for name in [*wanted, *rest])
    return _as_list(found, work, f".order_by({names})[:{work.limit}]")


def _bare(names: list[str]) -> set[str]:
    return {name.lstrip("-") for name in names}


def _cut(found: Found, work: Filtering, source: Source) -> list[TextEdit]:
    """`list(rows[:10])` for `list(rows)[:10]`."""
    file = found.file
    if found.rows.name:
        end = file.parenthesised(found.rows.query)[1]
        return [file.insert(end, f"[:{work.limit}]")] if work.limit.isdigit() else []
    return _as_list(found, work, f"[:{work.limit}]")


def _as_list(found: Found, work: Filtering, after: str) -> list[TextEdit]:
    """A list of the queryset in the place of the whole expression."""
    file = found.file
    query = work.use.node if found.rows.name else found.rows.query
    start, end = file.parenthesised(query)
    opening, closing = "list(", ")"
    if isinstance(file.parents[work.place], ast.For | ast.comprehension):
        opening = closing = ""
    if "\n" in file.content[start:end].decode() and start == file.start(query):
        opening, after = f"{opening}(", f"){after}"
    return [
        TextEdit(file.path, file.start(work.place), start, opening),
        TextEdit(file.path, end, file.end(work.place), f"{after}{closing}"),
    ]


def _own_order(model: Model, source: Source) -> tuple[str, ...] | None:
    """The order that the model's `Meta` gives, () without any, None where it is no constant."""
    found = class_of(model, source)
    meta = inner_class(found[1], "Meta") if found else None
    given = assigned(meta, "ordering") if meta else None
    value = given[0].value if given else None
    if value is None:
        return ()
    if not isinstance(value, cst.List | cst.Tuple):
        return None
    names = [chains.string(element.value) for element in value.elements]
    return tuple(name for name in names if name) if all(names) else None
