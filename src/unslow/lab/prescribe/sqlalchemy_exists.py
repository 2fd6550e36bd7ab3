"""Asks for one key instead of all rows or their number: `.limit(1)`, `is not None`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unslow.lab.prescribe._rows import combined, node_of, rows_of
from unslow.lab.prescribe._source import Source
from unslow.lab.rows import File
from unslow.lab.rows._existence import Asked, asked_of_count, asked_of_rows
from unslow.lab.rows._flow import chain, function, method
from unslow.lab.rows._places import free_name
from unslow.lab.rows._select import selected
from unslow.model import Finding, Model, Patch, RowsEvidence, TextEdit

DETECTORS = frozenset({"count-for-existence"})
FIXER = "sqlalchemy-exists"


def fix(finding: Finding, source: Source) -> Iterator[Patch]:
    """One patch for a test that needs no rows and no count."""
    evidence = finding.evidence
    model = source.model(evidence.model) if isinstance(evidence, RowsEvidence) else None
    key = next((field.name for field in model.fields if field.primary_key), "") if model else ""
    counted = node_of(finding, source, "sqlalchemy")
    if model is None or not key or counted is None:
        return
    if method(counted[1]) == "scalar":
        edits = _instead_of_count(*counted, model, key)
    else:
        edits = _instead_of_rows(finding, source, key)
    if edits:
        yield Patch(FIXER, "Ask for one key: limit(1), is not None", "safe", combined(edits))


def _instead_of_count(file: File, run: ast.expr, model: Model, key: str) -> list[TextEdit]:
    asked = asked_of_count(file, run)
    statement = run.args[0] if isinstance(run, ast.Call) and run.args else None
    if asked is None or statement is None:
        return []
    calls = [step for step in chain(statement) if isinstance(step, ast.Call)]
    root = calls[-1] if calls else None
    if root is None or function(root) != "select" or len(root.args) != 1:
        return []
    if {method(step) for step in calls[:-1]} - {"where", "filter", "select_from", "join"}:
        return []
    entity = _entity(file, root.args[0], calls, model, key)
    if not entity:
        return []
    return [
        file.replace(root.args[0], f"{entity}.{key}"),
        file.insert(file.end(statement), ".limit(1)"),
        *_compared(asked),
    ]


def _entity(file: File, count: ast.expr, calls: list[ast.Call], model: Model, key: str) -> str:
    """How the statement writes the class whose rows it counts, each of them once."""
    if not isinstance(count, ast.Call) or file.text(count.func) not in ("func.count", "count"):
        return ""
    if count.args:
        text = file.text(count.args[0])
        owner, _, column = text.rpartition(".")
        return owner if column == key and owner.rpartition(".")[2] == model.name else ""
    named = [one.args[0] for one in calls if method(one) == "select_from" and len(one.args) == 1]
    text = file.text(named[0]) if named else ""
    return text if text.rpartition(".")[2] == model.name else ""


def _instead_of_rows(finding: Finding, source: Source, key: str) -> list[TextEdit]:
    found = rows_of(finding, source, "sqlalchemy")
    asked = asked_of_rows(found.rows) if found else None
    statement = selected(found.rows) if found else None
    if found is None or asked is None or statement is None:
        return []
    if statement.name.rpartition(".")[2] != found.model.name:
        return []
    limit = [] if "limit" in statement.names else [statement.then(".limit(1)")]
    edits = [
        statement.select(f"{statement.name}.{key}"),
        *statement.without("options", "order_by"),
        *limit,
        *statement.run_by("scalar", found.rows),
    ]
    rows = found.rows
    if not rows.name:
        start, end = rows.file.parenthesised(rows.query)
        return [*edits, *_around(asked, start, end)]
    parent = rows.file.parents[rows.value]
    if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
        return []
    given = Asked(rows.file, rows.value, asked.test, asked.wanted, parent.targets[0])
    return [*edits, *_compared(given)]


def _compared(asked: Asked) -> list[TextEdit]:
    """The value compared with None; a name that held rows or a number gets another."""
    file, sign = asked.file, "is not" if asked.wanted else "is"
    if asked.given is not None:
        name = free_name(file, asked.value, "found", f"found_{asked.given.id}")
        text = f"{name} {sign} None"
        return [file.replace(asked.given, name), file.replace(asked.test, _safe(asked, text))]
    start, end = file.parenthesised(asked.value)
    return _around(asked, start, end)


def _around(asked: Asked, start: int, end: int) -> list[TextEdit]:
    file, sign = asked.file, "is not" if asked.wanted else "is"
    text = _safe(asked, "x")
    opening, closing = text.split("x")
    return [
        TextEdit(file.path, file.start(asked.test), start, opening),
        TextEdit(file.path, end, file.end(asked.test), f" {sign} None{closing}"),
    ]


def _safe(asked: Asked, text: str) -> str:
    """In parentheses where another operator is near."""
    parent = asked.file.parents[asked.test]
    return f"({text})" if isinstance(parent, ast.UnaryOp | ast.Compare | ast.BinOp) else text
