"""Writes the rows of a filled database as SQL that any client runs."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import psycopg

from unslow.lab.seeding import _postgres_schema, _sqlite_schema
from unslow.lab.seeding.schema import Column, ForeignKey
from unslow.lab.seeding.seeding import Filled

ROWS_PER_STATEMENT = 500


def postgresql(connection: psycopg.Connection, filled: Sequence[Filled]) -> Iterator[str]:
    """Statements that write the rows of the filled tables, in one transaction."""
    yield "BEGIN;"
    yield "SET CONSTRAINTS ALL DEFERRED;"
    made = [one for one in filled if one.rows]
    for one in made:
        later = {name for key in _set_later(one) for name in key.columns}
        with connection.cursor() as cursor:
            cursor.execute(_select(one, later).encode())
            yield from _inserts(one, cursor, "OVERRIDING SYSTEM VALUE ")
    for one in made:
        for key in _set_later(one):
            yield from _updates(connection, one, key)
    for one in made:
        for column in one.table.columns:
            if column.sequence:
                table = _postgres_schema.quoted(one.table.name)
                sequence = column.sequence.replace("'", "''")
                yield f"SELECT setval('{sequence}', max({_quoted(column.name)})) FROM {table};"
    yield "COMMIT;"


def sqlite(connection: sqlite3.Connection, filled: Sequence[Filled]) -> Iterator[str]:
    """Statements that write the rows of the filled tables, in one transaction."""
    yield "BEGIN;"
    yield "PRAGMA defer_foreign_keys = ON;"
    for one in (one for one in filled if one.rows):
        parts = ", ".join(f"quote({_quoted(column.name)})" for column in one.columns)
        query = f"SELECT {parts} FROM {_sqlite_schema.quoted(one.table.name)}"
        yield from _inserts(one, connection.execute(query), "")
    yield "COMMIT;"


def _set_later(filled: Filled) -> list[ForeignKey]:
    """Keys of a cycle that are checked at once: null at first, set when all rows are there."""
    columns = filled.table.column
    return [
        key
        for key in filled.late
        if not key.deferrable and all(columns(name).null for name in key.columns)
    ]


def _select(filled: Filled, later: set[str]) -> str:
    parts = ", ".join("'NULL'" if one.name in later else _literal(one) for one in filled.columns)
    return f"SELECT {parts} FROM {_only(filled)}"


def _literal(column: Column) -> str:
    return f"quote_nullable({_quoted(column.name)}::text)"


def _only(filled: Filled) -> str:
    name = _postgres_schema.quoted(filled.table.name)
    return name if filled.table.is_partitioned else f"ONLY {name}"


def _inserts(filled: Filled, rows: Iterable[Sequence[object]], how: str) -> Iterator[str]:
    table = filled.table
    name = ".".join(_quoted(part) for part in table.name.split(".", 1))
    names = ", ".join(_quoted(column.name) for column in filled.columns)
    # Rows that refer to rows of their own table are checked when their statement ends.
    refers_to_itself = any(key.parent == table.name for key in table.foreign)
    lines: list[str] = []
    for row in rows:
        lines.append(f"({', '.join(map(str, row))})")
        if len(lines) == ROWS_PER_STATEMENT and not refers_to_itself:
            yield _insert(name, names, how, lines)
            lines = []
    if lines:
        yield _insert(name, names, how, lines)


def _insert(name: str, names: str, how: str, lines: Sequence[str]) -> str:
    return f"INSERT INTO {name} ({names}) {how}VALUES\n" + ",\n".join(lines) + ";"


def _updates(connection: psycopg.Connection, filled: Filled, key: ForeignKey) -> Iterator[str]:
    table = filled.table
    columns = [table.column(name) for name in (*key.columns, *table.primary)]
    present = " AND ".join(f"{_quoted(name)} IS NOT NULL" for name in key.columns)
    query = f"SELECT {', '.join(map(_literal, columns))} FROM {_only(filled)} WHERE {present}"
    count = len(key.columns)
    for row in connection.execute(query.encode()).fetchall() if table.primary else ():
        pairs = [f"{_quoted(one.name)} = {value}" for one, value in zip(columns, row, strict=True)]
        yield (
            f"UPDATE {_postgres_schema.quoted(table.name)} SET {', '.join(pairs[:count])} "
            f"WHERE {' AND '.join(pairs[count:])};"
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
