"""Compares what the databases hold at the end, column by column where identical code differs."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from unslow.lab.prove import _kinds, _rows
from unslow.lab.target import Database, Running

CONNECT_OPTIONS = "-c statement_timeout=30000"

Table = dict[str, str]  # column -> a hash of its values; ROWS -> a hash of the quiet columns' rows

ROWS = ""
SAMPLE_ROWS = 50

Sample = tuple[Sequence[str], Sequence[Sequence[object]]]  # names of columns, rows


@dataclass(frozen=True)
class EndState:
    """What the unpatched application leaves behind, without what it leaves different each time.

    `noisy` holds, for each table that two runs leave different, the hashes of its quiet columns.
    """

    tables: Mapping[str, str]
    noisy: Mapping[str, Table]
    masked: tuple[str, ...]


@dataclass(frozen=True)
class TableDifference:
    """A table that a patch leaves different. `columns` are the ones to look at, None for all."""

    table: str
    columns: tuple[str, ...] | None
    sentence: str


def learn(before: Running, again: Running) -> EndState:
    """The end state of A, with the noise learned from A'."""
    tables, others = before.end_state(), again.end_state()
    noisy, masked = {}, []
    for name in sorted({*tables, *others}):
        if tables.get(name) != others.get(name):
            one, other = _hashes(before.databases, name), _hashes(again.databases, name)
            quiet = [column for column in one if one[column] == other.get(column) and column]
            signed = _signed(before.databases, name) if quiet else set()
            quiet = [column for column in quiet if column not in signed]
            masked += [f"end state: {name}.{column}" for column in one if column not in quiet]
            noisy[name] = _hashes(before.databases, name, quiet)
    return EndState(tables, noisy, tuple(one for one in masked if not one.endswith(".")))


def differences(
    state: EndState, after: Running, apart: frozenset[str] = frozenset()
) -> Iterator[TableDifference]:
    """The tables that the patch leaves different, beyond the noise of A and A'.

    Tables in `apart` are not compared: migrations made them different before the first request.
    """
    tables = after.end_state()
    for name in sorted({*state.tables, *tables} - apart):
        if state.tables.get(name) == tables.get(name):
            continue
        quiet = state.noisy.get(name)
        if quiet is None:
            yield TableDifference(name, None, f"the rows of {name} differ at the end")
        else:
            yield from _column_differences(name, quiet, after)


def explained(
    state: EndState, differences: Sequence[TableDifference], again: Running, after: Running
) -> Iterator[str]:
    """A sentence per difference that is still there against the original, run once more.

    `again` has run the same calls just now. A table that it leaves unlike the first run follows
    the clock: times and tokens in it are noise.
    """
    now = again.end_state()
    for one in differences:
        moving = now.get(one.table) != state.tables.get(one.table)
        named = _rows.first_difference(
            again.databases,
            after.databases,
            lambda databases, table=one.table: _found(databases, table),  # type: ignore[misc]
            one.columns,
            moving=moving,
        )
        if named:
            yield f"end state: {named}"
        elif not moving:
            yield one.sentence


def _column_differences(name: str, quiet: Table, after: Running) -> Iterator[TableDifference]:
    columns = tuple(column for column in quiet if column != ROWS)
    found = _hashes(after.databases, name, columns)
    different = [column for column in columns if quiet[column] != found.get(column)]
    if different:
        yield TableDifference(name, columns, f"{name}.{different[0]} differs at the end")
    elif quiet.get(ROWS) != found.get(ROWS):
        yield TableDifference(name, columns, f"the rows of {name} differ at the end")


def _hashes(
    databases: Sequence[Database], table: str, columns: Sequence[str] | None = None
) -> Table:
    """Hashes of `columns` (None: all). `table` is named as in `Running.end_state`."""
    found = _found(databases, table)
    if found is None:
        return {}
    database, name = found
    hashed = _sqlite if database.engine == "sqlite" else _postgresql
    return hashed(database.dsn, name, columns)


def _signed(databases: Sequence[Database], table: str) -> set[str]:
    """Columns that hold values signed together with the time: equal within one second alone."""
    found = _found(databases, table)
    if found is None:
        return set()
    database, name = found
    sample = _sqlite_sample if database.engine == "sqlite" else _postgresql_sample
    names, rows = sample(database.dsn, name)
    return {
        column
        for row in rows
        for column, value in zip(names, row, strict=True)
        if isinstance(value, str) and _kinds.unsigned(value) is not None
    }


def _postgresql_sample(dsn: str, table: str) -> Sample:
    query = sql.SQL("SELECT * FROM {} LIMIT {}").format(
        sql.Identifier(*table.split(".")), SAMPLE_ROWS
    )
    with psycopg.connect(dsn, options=CONNECT_OPTIONS) as connection:
        cursor = connection.execute(query)
        return [column.name for column in cursor.description or ()], cursor.fetchall()


def _sqlite_sample(path: str, table: str) -> Sample:
    with closing(_opened(path)) as connection:
        cursor = connection.execute(f"SELECT * FROM {_quoted(table)} LIMIT {SAMPLE_ROWS}")
        return [column[0] for column in cursor.description], cursor.fetchall()


def _found(databases: Sequence[Database], table: str) -> tuple[Database, str] | None:
    """The database that holds a table of the end state, and the table's name there."""
    for database in databases:
        for start in (f"{Path(database.source).name}.", f"{database.name}."):
            if start != "." and table.startswith(start):
                return database, table.removeprefix(start)
    return None


def _postgresql(dsn: str, table: str, columns: Sequence[str] | None) -> Table:
    name = sql.Identifier(*table.split("."))
    with psycopg.connect(dsn, options=CONNECT_OPTIONS) as connection:
        if columns is None:
            cursor = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(name))
            columns = [column.name for column in cursor.description or ()]
        names = [sql.Identifier(column) for column in columns]
        values = [sql.SQL("ROW({})").format(sql.SQL(", ").join(names)), *names]
        # A sum of hashes is the same in any order and needs no sort.
        hashed = [
            sql.SQL("coalesce(sum(hashtextextended({}::text, 7)::numeric), 0)::text").format(value)
            for value in values
        ]
        query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(hashed), name)
        row: Sequence[str] = connection.execute(query).fetchone() or ()
    return dict(zip((ROWS, *columns), row, strict=True))


def _sqlite(path: str, table: str, columns: Sequence[str] | None) -> Table:
    with closing(_opened(path)) as connection:
        cursor = connection.execute(f"SELECT * FROM {_quoted(table)}")
        names = [column[0] for column in cursor.description]
        wanted = [name for name in names if columns is None or name in columns]
        hashes = dict.fromkeys((ROWS, *wanted), 0)
        for row in cursor:
            values = dict(zip(names, row, strict=True))
            hashes[ROWS] += hash(tuple(values[name] for name in wanted))
            for name in wanted:
                hashes[name] += hash(values[name])
    return {name: str(value) for name, value in hashes.items()}


def _opened(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def _quoted(table: str) -> str:
    return '"' + table.rsplit(".", 1)[-1].replace('"', '""') + '"'
