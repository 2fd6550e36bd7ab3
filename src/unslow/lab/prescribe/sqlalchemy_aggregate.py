"""Adds up, counts and compares in the database: `select(func.sum(Order.total))`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from unslow.lab.prescribe._imports import Imports
from unslow.lab.prescribe._rows import NameTaken, combined, imports_at, known, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import File
from unslow.lab.rows._aggregate import Total, Totals, totalled
from unslow.lab.rows._groups import grouped
from unslow.lab.rows._places import free_name, is_free
from unslow.lab.rows._searched import searched
from unslow.lab.rows._select import Selected
from unslow.model import Finding, Model, Patch, Recommendation, TextEdit

DETECTORS = frozenset({"python-aggregate"})
HIDDEN = "where the totals are used, the rows are not plain to see"
FIXER = "sqlalchemy-aggregate"
DROPPED = ("options", "order_by")  # of no meaning where no rows are given


def fix(finding: Finding, source: Source) -> Iterator[Patch | Recommendation]:
    """One patch that asks the database for every total of the rows."""
    found = rows_of(finding, source, "sqlalchemy")
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
            "Let the database add up: select(func.sum(...)), select(func.count(...))",
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
    statement = totals.statement
    key = next((field.name for field in model.fields if field.primary_key), None)
    if statement is None or key is None or _differs(totals):
        return None
    try:
        func = known(imports, "sqlalchemy", "func")
    except NameTaken:
        return None
    written = [_column(total, func, f"{statement.name}.{key}") for total in totals.totals]
    asked = [one.sqlalchemy(statement.name) for one in totals.totals[0].conditions]
    edits = [
        statement.select(", ".join(dict.fromkeys(written))),
        *statement.without(*DROPPED),
        *statement.where(asked),
    ]
    if totals.rows.name:
        return [*edits, *_held(totals, statement, written)]
    return [*edits, *_at_once(totals, statement)]


def _differs(totals: Totals) -> bool:
    """Whether the totals are of different rows of the result."""
    return len({one.conditions for one in totals.totals}) > 1


def _column(total: Total, func: str, key: str) -> str:
    return f"{func}.{total.reduction.function}({total.value.text if total.value else key})"


def _held(totals: Totals, statement: Selected, written: Sequence[str]) -> list[TextEdit]:
    """The name that held the rows becomes one for each total; equal ones share it."""
    rows, file = totals.rows, totals.rows.file
    given: dict[str, str] = {}
    for total, column in zip(totals.totals, written, strict=True):
        name = f"{_what(totals, total)}_{total.reduction.function}"
        while name in given.values() and column not in given:
            name = f"{name}_too"
        given.setdefault(column, free_name(file, rows.value, name, f"{name}_of_all"))
    names = [given[column] for column in written]
    target = _target(file, rows.value)
    edits = [
        file.replace(target, ", ".join(given.values())),
        *_run(totals, statement, single=len(given) == 1),
    ]
    loops: dict[int, tuple[ast.For, list[str]]] = {}
    for total, name in zip(totals.totals, names, strict=True):
        place, value = total.reduction.place, f"{name}{_default(total)}"
        if isinstance(place, ast.For):
            lines = loops.setdefault(id(place), (place, []))[1]
            lines.append(f"{total.reduction.into} += {value}")
        else:
            free = value == name or is_free(file, place)
            edits.append(file.replace(place, value if free else f"({value})"))
    for loop, lines in loops.values():
        edits.append(file.replace(loop, f"\n{file.indent(loop)}".join(lines)))
    return edits


def _what(totals: Totals, total: Total) -> str:
    return total.value.fields[0].name if total.value else totals.rows.name


def _target(file: File, value: ast.expr) -> ast.expr:
    parent = file.parents[value]
    assert isinstance(parent, ast.Assign | ast.AnnAssign)
    return parent.targets[0] if isinstance(parent, ast.Assign) else parent.target


def _run(totals: Totals, statement: Selected, *, single: bool) -> list[TextEdit]:
    """One value by `scalar`; several as the only row of the result."""
    if single:
        return statement.run_by("scalar", totals.rows)
    rows, file = totals.rows, totals.rows.file
    edits = statement.run_by("execute", rows)
    _, stop = file.parenthesised(statement.whole)
    if isinstance(statement.whole, ast.Await) and stop == file.end(statement.whole):
        return [*edits, file.insert(file.start(statement.whole), "("), file.insert(stop, ").one()")]
    return [*edits, file.insert(stop, ".one()")]


def _at_once(totals: Totals, statement: Selected) -> list[TextEdit]:
    """The totals where the rows were looped over."""
    rows, file, first = totals.rows, totals.rows.file, totals.totals[0]
    place = first.reduction.place
    start, end = file.parenthesised(rows.query)
    if len(totals.totals) == 1:
        opening, closing = "", _default(first)
        if isinstance(place, ast.For):
            opening = f"{first.reduction.into} += "
        elif closing and not is_free(file, place):
            opening, closing = "(", f"{closing})"
        return [
            TextEdit(file.path, file.start(place), start, opening),
            *_run(totals, statement, single=True),
            TextEdit(file.path, end, file.end(place), closing),
        ]
    names = [
        free_name(file, place, f"{_what(totals, one) or 'row'}_{one.reduction.function}")
        for one in totals.totals
    ]
    lines = _added(totals.totals, names)
    indent = f"\n{file.indent(place)}"
    return [
        TextEdit(file.path, file.start(place), start, f"{', '.join(names)} = "),
        *_run(totals, statement, single=False),
        TextEdit(file.path, end, file.end(place), "".join(indent + line for line in lines)),
    ]


def _added(totals: Sequence[Total], names: Sequence[str]) -> list[str]:
    return [
        f"{total.reduction.into} += {name}{_default(total)}"
        for total, name in zip(totals, names, strict=True)
    ]


def _default(total: Total) -> str:
    """What no rows give in Python: the database gives NULL."""
    if total.reduction.function == "sum" or total.reduction.default == "0":
        return " or 0"
    return ""
