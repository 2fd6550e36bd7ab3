"""Names the first row in which two clones differ, by two connections at once."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from typing import LiteralString

import psycopg
from psycopg import sql

from unslow.lab.prove import _kinds
from unslow.lab.target import Database

CONNECT_OPTIONS = "-c statement_timeout=20000 -c default_transaction_read_only=on"
MOST_S = 20.0
ROWS_PER_PART = 20_000  # a large table is compared in parts by a hash of the key
MOST_PARTS = 4096
MOST_WORDS = 12  # distinct values of a column whose values are shown
_WORD = re.compile(r"[a-z][a-z_-]{0,23}")
_PLAIN_KEY = re.compile(r"-?\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Cell = str | None
Row = tuple[Cell, ...]
Shown = Callable[[str], bool]  # whether a column's values are words that tell nothing of anyone


@dataclass(frozen=True)
class Layout:
    """A table's key, and the columns that are compared beside it."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class RowDifference:
    """`before` or `after` is None where only the other side has the row."""

    layout: Layout
    key: Row
    before: Row | None
    after: Row | None
    moving: bool = False  # whether what identical code leaves different by the clock counts too

    @property
    def columns(self) -> tuple[str, ...]:
        if self.before is None or self.after is None:
            return ()
        pairs = zip(self.layout.columns, self.before, self.after, strict=True)
        return tuple(name for name, one, other in pairs if one != other)

    def sentence(self, shown: Shown) -> str:
        """`orders id 17: status 'paid' -> 'new'`; values only where they are harmless."""
        place = self.layout.table
        if all(cell and _PLAIN_KEY.fullmatch(cell) for cell in self.key):
            named = zip(self.layout.key, self.key, strict=True)
            place += " " + ", ".join(f"{column} {cell}" for column, cell in named)
        if self.before is None or self.after is None:
            return f"{place}: {'a row more' if self.before is None else 'the row is missing'}"
        column = self.columns[0]
        one = self.before[self.layout.columns.index(column)]
        other = self.after[self.layout.columns.index(column)]
        told = _told(one, other, lambda: shown(column))
        return f"{place}: {column} {told}"


def first_difference(
    before: Sequence[Database],
    after: Sequence[Database],
    find: Callable[[Sequence[Database]], tuple[Database, str] | None],
    columns: Sequence[str] | None,
    *,
    moving: bool,
) -> str:
    """The sentence about the first row that differs; "" where none is found in time.

    `find` gives a table's database and its name there. `moving`: the table follows the clock, so
    times, tokens and counts that differ are left out.
    """
    one, other = find(before), find(after)
    if one is None or other is None or one[0].engine != other[0].engine:
        return ""
    try:
        if one[0].engine == "postgresql":
            return _postgresql(one[0].dsn, other[0].dsn, one[1], columns, moving)
        return _sqlite(one[0].dsn, other[0].dsn, one[1], columns, moving)
    except (psycopg.Error, sqlite3.Error):
        return ""


def _told(one: Cell, other: Cell, shown: Callable[[], bool]) -> str:
    values = (one, other)
    if all(value is None or value in ("true", "false", "t", "f") for value in values):
        return f"{_quoted(one)} -> {_quoted(other)}"
    if all(value is None or _WORD.fullmatch(value) for value in values) and shown():
        return f"{_quoted(one)} -> {_quoted(other)}"
    if one is None or other is None:
        return "NULL -> a value" if one is None else "a value -> NULL"
    return "differs"


def _quoted(value: Cell) -> str:
    if value is None:
        return "NULL"
    return {"t": "true", "f": "false"}.get(value, value) if len(value) == 1 else f"'{value}'"


def _counts(
    layout: Layout, before: Row | None, after: Row | None, moving: bool
) -> tuple[Row | None, Row | None] | None:
    """The pair of rows without what moves by itself; None where nothing else differs."""
    if before == after:
        return None
    if not moving:
        return before, after
    if before is None or after is None:
        return before, after
    kept = tuple(
        one if one is not None and other is not None and _moves(one, other) else other
        for one, other in zip(before, after, strict=True)
    )
    return None if kept == before else (before, kept)


def _moves(one: str, other: str) -> bool:
    return one == other or _kinds.common(one, other) not in ("text", "any time")


# PostgreSQL


def _postgresql(
    before: str, after: str, table: str, columns: Sequence[str] | None, moving: bool
) -> str:
    with (
        psycopg.connect(before, options=CONNECT_OPTIONS) as one,
        psycopg.connect(after, options=CONNECT_OPTIONS) as other,
    ):
        layout = _layout(one, table, columns)
        if layout is None:
            return _by_count(one, other, table)
        count = _number(one, sql.SQL("SELECT count(*) FROM {}").format(_name(table)))
        parts = max(1, min(MOST_PARTS, count // ROWS_PER_PART))
        for part in _different_parts(one, other, layout, parts):
            left, right = _part(one, layout, part, parts), _part(other, layout, part, parts)
            for key in dict.fromkeys((*left, *right)):
                pair = _counts(layout, left.get(key), right.get(key), moving)
                if pair is not None:
                    found = RowDifference(layout, key, *pair)
                    return found.sentence(lambda column: _is_word_column(one, layout, column))
    return ""


def _layout(
    connection: psycopg.Connection, table: str, columns: Sequence[str] | None
) -> Layout | None:
    query = """
        SELECT a.attname, coalesce(a.attnum = ANY (i.indkey), false)
        FROM pg_attribute a
        LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
        WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum
    """
    found = connection.execute(query, (_name(table).as_string(connection),)).fetchall()
    key = tuple(name for name, is_key in found if is_key)
    others = tuple(
        name for name, is_key in found if not is_key and (columns is None or name in columns)
    )
    return Layout(table.removeprefix("public."), key, others) if key else None


def _name(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split(".", 1))


def _table(layout: Layout) -> sql.Identifier:
    return sql.Identifier(*layout.table.split(".", 1))


def _row(names: Sequence[str]) -> sql.Composed:
    return sql.SQL("ROW({})").format(sql.SQL(", ").join(map(sql.Identifier, names)))


def _part_of(layout: Layout, parts: int) -> sql.Composed:
    return sql.SQL("abs(hashtextextended({}::text, 3) % {})").format(_row(layout.key), parts)


def _different_parts(
    one: psycopg.Connection, other: psycopg.Connection, layout: Layout, parts: int
) -> Iterator[int]:
    query = sql.SQL(
        "SELECT {}, count(*), sum(hashtextextended({}::text, 7)::numeric)::text FROM {} GROUP BY 1"
    ).format(_part_of(layout, parts), _row((*layout.key, *layout.columns)), _table(layout))
    found = [
        {part: (count, total) for part, count, total in connection.execute(query).fetchall()}
        for connection in (one, other)
    ]
    for part in sorted({*found[0], *found[1]}):
        if found[0].get(part) != found[1].get(part):
            yield part


def _part(connection: psycopg.Connection, layout: Layout, part: int, parts: int) -> dict[Row, Row]:
    as_text: LiteralString = "{}::text"
    names = (*layout.key, *layout.columns)
    query = sql.SQL("SELECT {} FROM {} WHERE {} = {} ORDER BY {} LIMIT {}").format(
        sql.SQL(", ").join(sql.SQL(as_text).format(sql.Identifier(name)) for name in names),
        _table(layout),
        _part_of(layout, parts),
        part,
        sql.SQL(", ").join(map(sql.Identifier, layout.key)),
        ROWS_PER_PART * 4,
    )
    width = len(layout.key)
    return {row[:width]: row[width:] for row in connection.execute(query).fetchall()}


def _by_count(one: psycopg.Connection, other: psycopg.Connection, table: str) -> str:
    query = sql.SQL("SELECT count(*) FROM {}").format(_name(table))
    counts = _number(one, query), _number(other, query)
    return _rows_of(table, *counts)


def _rows_of(table: str, before: int, after: int) -> str:
    name = table.removeprefix("public.")
    return f"{name}: {before} rows -> {after} rows" if before != after else ""


def _number(connection: psycopg.Connection, query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _is_word_column(connection: psycopg.Connection, layout: Layout, column: str) -> bool:
    query = sql.SQL(
        "SELECT count(*), count(DISTINCT c) FROM (SELECT {} AS c FROM {} LIMIT 5000) AS sample"
    ).format(sql.Identifier(column), _table(layout))
    row = connection.execute(query).fetchone() or (0, 0)
    return _few(*row)


def _few(rows: int, distinct: int) -> bool:
    """A state or a kind: a handful of words over many rows."""
    return distinct <= MOST_WORDS and rows >= 4 * distinct and rows >= 8


# SQLite


def _sqlite(
    before: str, after: str, table: str, columns: Sequence[str] | None, moving: bool
) -> str:
    with (
        closing(sqlite3.connect(f"file:{before}?mode=ro", uri=True)) as one,
        closing(sqlite3.connect(f"file:{after}?mode=ro", uri=True)) as other,
    ):
        info = one.execute(f"PRAGMA table_info({_sq(table)})").fetchall()
        key = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
        names = tuple(
            row[1] for row in info if not row[5] and (columns is None or row[1] in columns)
        )
        if not key:
            query = f"SELECT count(*) FROM {_sq(table)}"
            return _rows_of(table, *(c.execute(query).fetchone()[0] for c in (one, other)))
        layout = Layout(table, key, names)
        deadline = time.monotonic() + MOST_S
        for place, before_row, after_row in _merged(one, other, layout):
            pair = _counts(layout, before_row, after_row, moving)
            if pair is not None:
                found = RowDifference(layout, place, *pair)
                return found.sentence(lambda column: _is_word_column_here(one, layout, column))
            if time.monotonic() > deadline:
                return ""
    return ""


def _merged(
    one: sqlite3.Connection, other: sqlite3.Connection, layout: Layout
) -> Iterator[tuple[Row, Row | None, Row | None]]:
    """Rows of both in the order of the key, which both sides share."""
    names = ", ".join(f"CAST({_sq(name)} AS TEXT)" for name in (*layout.key, *layout.columns))
    order = ", ".join(f"CAST({_sq(name)} AS TEXT)" for name in layout.key)
    query = f"SELECT {names} FROM {_sq(layout.table)} ORDER BY {order}"
    width = len(layout.key)
    left, right = (iter(connection.execute(query)) for connection in (one, other))
    for pair in zip_longest(left, right):
        first, second = pair
        while first is not None or second is not None:
            if first is not None and second is not None and first[:width] == second[:width]:
                yield first[:width], first[width:], second[width:]
                break
            if second is None or (first is not None and _sorts(first, second, width)):
                assert first is not None
                yield first[:width], first[width:], None
                first = next(left, None)
            else:
                yield second[:width], None, second[width:]
                second = next(right, None)


def _sorts(first: Row, second: Row, width: int) -> bool:
    return tuple(cell or "" for cell in first[:width]) < tuple(
        cell or "" for cell in second[:width]
    )


def _is_word_column_here(connection: sqlite3.Connection, layout: Layout, column: str) -> bool:
    query = (
        f"SELECT count(*), count(DISTINCT c) FROM "
        f"(SELECT {_sq(column)} AS c FROM {_sq(layout.table)} LIMIT 5000)"
    )
    return _few(*connection.execute(query).fetchone())


def _sq(name: str) -> str:
    return '"' + name.rsplit(".", 1)[-1].replace('"', '""') + '"'
