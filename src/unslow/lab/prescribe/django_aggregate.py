"""Adds up, counts and compares in the database: `.aggregate(Sum("total"))`, `.count()`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._rows import NameTaken, combined, imports_at, known, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import File, Rows
from unslow.lab.rows._aggregate import Total, Totals, totalled
from unslow.lab.rows._groups import grouped
from unslow.lab.rows._places import free_name, is_free, statement_before
from unslow.lab.rows._searched import searched
from unslow.model import Finding, Model, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"python-aggregate"})
HIDDEN = "where the totals are used, the rows are not plain to see"
FIXER = "django-aggregate"
FUNCTIONS = {"sum": "Sum", "max": "Max", "min": "Min", "count": "Count"}
MODELS = "django.db.models"


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch that asks the database for every total of the rows."""
    found = rows_of(finding, source, "django")
    if found is None:
        return
    database = source.trace.database if source.trace else "postgresql"
    totals = totalled(found.rows, found.model, database)
    imports = imports_at(source, found.file)
    edits = _edits(totals, found.model, imports) if totals and imports else None
    sql = found.evidence.example_sql
    if totals is None and grouped(found.rows, found.model, database, sql) is not None:
        return
    sought = searched(found.rows, found.model) if totals is None else None
    if totals is None or imports is None or edits is None:
        yield Recommendation(
            FIXER,
            "Let the database add up: .aggregate(Sum(...)), .count()",
            sought.reason if sought else HIDDEN,
        )
        return
    exact = all(one.value is None or one.value.kind == "integer" for one in totals.totals)
    yield Patch(
        FIXER,
        f"Ask the database for the totals of {found.model.name}",
        "safe" if exact else "review",
        combined(edits, imports.edits()),
    )


def _edits(totals: Totals, model: Model, imports: Imports) -> list[TextEdit] | None:
    try:
        return _written(totals, model, imports)
    except NameTaken:
        return None


def _written(totals: Totals, model: Model, imports: Imports) -> list[TextEdit] | None:
    if len(totals.totals) == 1:
        return _single(totals.rows, totals.totals[0], imports)
    if all(isinstance(one.reduction.place, ast.For) for one in totals.totals):
        places = {id(one.reduction.place) for one in totals.totals}
        if len(places) == 1 and not totals.rows.name:
            return _loop(totals, model, imports)
    return _several(totals, model, imports)


def _single(rows: Rows, total: Total, imports: Imports) -> list[TextEdit] | None:
    """Where the total is made, `rows.aggregate(...)` stands instead."""
    one, file = total.reduction, rows.file
    call = f"{_filters(total)}{_read_alone(total, imports)}"
    query = one.rows if rows.name else rows.query
    edits = _unlisted(rows) if rows.name else []
    start, end = file.parenthesised(query)
    opening, closing = "", _default(total)
    if isinstance(one.place, ast.For):
        opening = f"{one.into} += "
    elif closing and not is_free(file, one.place):
        opening, closing = "(", f"{closing})"
    place_start, place_end = _extent(file, one.place)
    if "\n" in file.content[start:end].decode() and start == file.start(query):
        opening, call = f"{opening}(", f"{call}"
        closing = f"{closing})"
    return [
        *edits,
        TextEdit(file.path, place_start, start, opening),
        TextEdit(file.path, end, place_end, f"{call}{closing}"),
    ]


def _read_alone(total: Total, imports: Imports) -> str:
    if total.reduction.function == "count":
        return ".count()"
    written = _aggregate(total, imports)
    name = _default_alias(total)
    if name:
        return f'.aggregate({written})["{name}"]'
    return f'.aggregate(value={written})["value"]'


def _several(totals: Totals, model: Model, imports: Imports) -> list[TextEdit] | None:
    """One `aggregate` before the first use, whose values stand where each total was made."""
    rows = totals.rows
    places = [one.reduction.place for one in totals.totals]
    before = statement_before(rows, places) if rows.name else None
    if before is None:
        return None
    file = rows.file
    name = free_name(file, before, "totals", f"{rows.name}_totals")
    call, aliases = _all_at_once(totals, model, imports)
    indent = file.indent(before)
    first = file.start(before)
    edits = [*_unlisted(rows), file.insert(first, f"{name} = {rows.name}{call}\n{indent}")]
    loops: dict[int, list[str]] = {}
    for total, alias in zip(totals.totals, aliases, strict=True):
        place, default = total.reduction.place, _default(total)
        value = f'{name}["{alias}"]{default}'
        if isinstance(place, ast.For):
            loops.setdefault(id(place), []).append(f"{total.reduction.into} += {value}")
        else:
            free = not default or is_free(file, place)
            edits.append(file.replace(place, value if free else f"({value})"))
    edits += _loops(file, places, loops)
    return edits


def _loop(totals: Totals, model: Model, imports: Imports) -> list[TextEdit]:
    """A loop that adds to several names: one query, and a line for each name."""
    rows, place = totals.rows, totals.totals[0].reduction.place
    file = rows.file
    name = free_name(file, place, "totals", "all_totals")
    call, aliases = _all_at_once(totals, model, imports)
    indent = file.indent(place)
    lines = [
        f'{total.reduction.into} += {name}["{alias}"]{_default(total)}'
        for total, alias in zip(totals.totals, aliases, strict=True)
    ]
    start, end = file.parenthesised(rows.query)
    after = "".join(f"\n{indent}{line}" for line in lines)
    return [
        TextEdit(file.path, file.start(place), start, f"{name} = "),
        TextEdit(file.path, end, file.end(place), call + after),
    ]


def _loops(
    file: File, places: Sequence[ast.expr | ast.For], lines: dict[int, list[str]]
) -> list[TextEdit]:
    loops = {id(one): one for one in places if isinstance(one, ast.For)}
    return [
        file.replace(loop, f"\n{file.indent(loop)}".join(lines[key])) for key, loop in loops.items()
    ]


def _all_at_once(totals: Totals, model: Model, imports: Imports) -> tuple[str, list[str]]:
    """The call of `aggregate`, and the name of each value in what it gives."""
    made: dict[str, str] = {}
    aliases: list[str] = []
    fields = {field.name for field in model.fields}
    for total in totals.totals:
        written = _aggregate(total, imports, filtered=True)
        if written in made:
            aliases.append(made[written])
            continue
        wanted = total.reduction.into or _held(totals.rows.file, total)
        kind = total.reduction.function
        plain = f"{total.value.fields[0].name}_{kind}" if total.value else kind
        names = [one for one in (wanted, plain) if one and one not in fields]
        alias = next((one for one in names if one not in aliases), f"{plain}_{len(aliases) + 1}")
        aliases.append(alias)
        made[written] = alias
    args = ", ".join(f"{alias}={written}" for written, alias in made.items())
    return f".aggregate({args})", aliases


def _held(file: File, total: Total) -> str:
    """The name that is given the total."""
    parent = file.parents[total.reduction.place]
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        return parent.targets[0].id
    return ""


def _aggregate(total: Total, imports: Imports, *, filtered: bool = False) -> str:
    function = known(imports, MODELS, FUNCTIONS[total.reduction.function])
    value = '"pk"'
    if total.value is not None:
        value = (
            f'"{total.value.fields[0].name}"' if _is_column(total) else _expression(total, imports)
        )
    if not (filtered and total.conditions):
        return f"{function}({value})"
    return f"{function}({value}, filter={_condition(total, imports)})"


def _expression(total: Total, imports: Imports) -> str:
    assert total.value is not None
    written = known(imports, MODELS, "F")
    return total.value.text.replace("F(", f"{written}(")


def _condition(total: Total, imports: Imports) -> str:
    q = known(imports, MODELS, "Q")
    parts = [
        f"{'~' if verb == 'exclude' else ''}{q}({argument})"
        for verb, argument in (one.django for one in total.conditions)
    ]
    return " & ".join(parts)


def _filters(total: Total) -> str:
    return "".join(f".{verb}({argument})" for verb, argument in _grouped(total))


def _grouped(total: Total) -> Iterator[tuple[str, str]]:
    """Conditions that one `filter` can hold, together."""
    filters = [arg for verb, arg in (one.django for one in total.conditions) if verb == "filter"]
    if filters:
        yield "filter", ", ".join(filters)
    yield from (one.django for one in total.conditions if one.django[0] == "exclude")


def _default_alias(total: Total) -> str:
    if total.value is None or not _is_column(total):
        return ""
    return f"{total.value.fields[0].name}__{total.reduction.function}"


def _is_column(total: Total) -> bool:
    return total.value is not None and total.value.text == f'F("{total.value.fields[0].name}")'


def _default(total: Total) -> str:
    """What no rows give in Python: the database gives NULL."""
    if total.reduction.function == "sum" or total.reduction.default == "0":
        return " or 0"
    return ""


def _unlisted(rows: Rows) -> list[TextEdit]:
    """The queryset instead of a list of it."""
    if not rows.listed:
        return []
    file = rows.file
    inner = file.parenthesised(rows.query)
    return [
        file.delete(file.start(rows.value), inner[0]),
        file.delete(inner[1], file.end(rows.value)),
    ]


def _extent(file: File, place: ast.expr | ast.For) -> tuple[int, int]:
    return file.start(place), file.end(place)
