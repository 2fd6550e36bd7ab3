"""Reads the schema of a SQLite database."""

import re
import sqlite3
from collections.abc import Iterator

from unslow.lab.seeding._postgres_schema import with_checks
from unslow.lab.seeding.schema import Check, Column, ForeignKey, Schema, Table, Type, Unique

HIDDEN_GENERATED = (2, 3)
# What a declared type is called, and PostgreSQL's name for what it holds; the first that fits.
TYPES = (
    (r"bool", "bool"),
    (r"timestamp|datetime", "timestamp"),
    (r"date", "date"),
    (r"time", "time"),
    (r"uuid", "uuid"),
    (r"json", "json"),
    (r"smallint|int2|tinyint", "int2"),
    (r"int(eger)?\b|int", "int8"),
    (r"dec|num", "numeric"),
    (r"real|float|double", "float8"),
    (r"^n?(var)?char|clob|string|text", "varchar"),
    (r"blob|binary|bytea|^$", "bytea"),
)


def read(connection: sqlite3.Connection) -> Schema:
    """All tables but SQLite's own. Raises `sqlite3.Error`."""
    names = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
        " ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    ).fetchall()
    tables = (with_checks(_table(connection, name, text)) for name, text in names)
    return Schema("sqlite", tuple(tables))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(connection: sqlite3.Connection, name: str, text: str) -> Table:
    info = connection.execute(f"PRAGMA table_xinfo({quoted(name)})").fetchall()
    primary = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
    columns = []
    for _, column, declared, not_null, default, key, hidden in info:
        is_rowid = primary == (column,) and declared.lower() == "integer"
        columns.append(
            Column(
                name=column,
                type=_type(declared),
                null=not not_null and not key,
                has_default=default is not None or is_rowid,
                generated="generated" if hidden in HIDDEN_GENERATED else "",
                sequence="rowid" if is_rowid else "",
            )
        )
    row = connection.execute(f"SELECT EXISTS (SELECT 1 FROM {quoted(name)})").fetchone()
    return Table(
        name=name,
        columns=tuple(columns),
        foreign=tuple(_foreign(connection, name)),
        unique=(
            *([Unique("its primary key", primary)] if primary else ()),
            *_unique(connection, name),
        ),
        primary=primary,
        checks=tuple(_checks(text)),
        has_rows=bool(row[0]),
    )


def _type(declared: str) -> Type:
    lower = declared.lower()
    name = next((ours for theirs, ours in TYPES if re.search(theirs, lower)), "text")
    numbers = [int(one) for one in re.findall(r"\d+", lower.partition("(")[2])]
    if name == "varchar":
        return Type(name, declared, length=numbers[0] if numbers else None)
    if name == "numeric" and numbers:
        return Type(name, declared, precision=numbers[0], scale=(numbers[1:] or [0])[0])
    return Type(name, declared)


def _foreign(connection: sqlite3.Connection, name: str) -> Iterator[ForeignKey]:
    found: dict[int, list[tuple[str, str, str | None]]] = {}
    for number, _, parent, own, theirs, *_ in connection.execute(
        f"PRAGMA foreign_key_list({quoted(name)})"
    ):
        found.setdefault(number, []).append((parent, own, theirs))
    for number, pairs in found.items():
        parent = pairs[0][0]
        theirs = [pair[2] for pair in pairs]
        if None in theirs:
            keys = connection.execute(f"PRAGMA table_info({quoted(parent)})").fetchall()
            theirs = [row[1] for row in sorted(keys, key=lambda row: row[5]) if row[5]]
        yield ForeignKey(
            f"{name}_{pairs[0][1]}_{number}",
            tuple(pair[1] for pair in pairs),
            _written(connection, parent),
            tuple(str(one) for one in theirs),
            deferrable=True,  # by PRAGMA defer_foreign_keys
        )


def _written(connection: sqlite3.Connection, name: str) -> str:
    """The name as the table was created with; SQLite compares without case."""
    row = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", [name]
    ).fetchone()
    return str(row[0]) if row else name


def _unique(connection: sqlite3.Connection, name: str) -> Iterator[Unique]:
    for _, index, is_unique, origin, is_partial in connection.execute(
        f"PRAGMA index_list({quoted(name)})"
    ).fetchall():
        columns = [row[2] for row in connection.execute(f"PRAGMA index_info({quoted(index)})")]
        if is_unique and not is_partial and origin != "pk" and None not in columns:
            yield Unique(index, tuple(columns))


def _checks(text: str) -> Iterator[Check]:
    """The conditions in a CREATE TABLE statement, strings and nested brackets respected."""
    tokens = list(re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|\w+|[()]|\S", text))
    name = ""
    for place, token in enumerate(tokens):
        word = token[0].upper()
        if word == "CONSTRAINT" and place + 1 < len(tokens):
            name = tokens[place + 1][0].strip('"')
        if word != "CHECK" or place + 1 >= len(tokens) or tokens[place + 1][0] != "(":
            continue
        depth = 0
        for end in tokens[place + 1 :]:
            depth += {"(": 1, ")": -1}.get(end[0], 0)
            if not depth:
                condition = text[tokens[place + 1].end() : end.start()]
                yield Check(name or condition.strip(), condition)
                break
        name = ""
