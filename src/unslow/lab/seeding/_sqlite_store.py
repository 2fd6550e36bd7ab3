"""Fills a SQLite database."""

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from unslow.lab.seeding._sqlite_schema import quoted
from unslow.lab.seeding._stores import Refused
from unslow.lab.seeding.schema import Column, ForeignKey, Table

HEX_DIGITS = 32
TRIED = 200  # refused rows that are looked at for the constraint


class SqliteStore:
    """A connection without implicit transactions (`isolation_level=None`)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._count = itertools.count()
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN")

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        name = f"unslow_{next(self._count)}"
        self._connection.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute(f"ROLLBACK TO {name}")
                self._connection.execute(f"RELEASE {name}")
            if isinstance(error, sqlite3.Error | OverflowError):
                raise Refused(str(error)) from error
            raise
        self._connection.execute(f"RELEASE {name}")

    def has_rows(self, table: Table) -> bool:
        query = f"SELECT EXISTS (SELECT 1 FROM {quoted(table.name)})"
        return bool(self._connection.execute(query).fetchone()[0])

    def copy(
        self, table: Table, columns: Sequence[Column], rows: Iterable[Sequence[object]]
    ) -> int:
        cursor = self._connection.executemany(
            _insert("INSERT", table, columns), _stored(columns, rows)
        )
        return max(cursor.rowcount, 0)

    def sieve(
        self, table: Table, columns: Sequence[Column], rows: Sequence[Sequence[object]], most: int
    ) -> int:
        count = 0
        statement = _insert("INSERT OR IGNORE", table, columns)
        for row in _stored(columns, rows):
            if count == most:
                break
            count += max(self._connection.execute(statement, row).rowcount, 0)
        return count

    def refusal(
        self, table: Table, columns: Sequence[Column], rows: Sequence[Sequence[object]]
    ) -> str:
        statement = _insert("INSERT", table, columns)
        counts: dict[str, int] = {}
        for row in _stored(columns, rows[:TRIED]):
            try:
                with self.savepoint():
                    self._connection.execute(statement, row)
            except Refused as refused:
                counts[str(refused)] = counts.get(str(refused), 0) + 1
        return max(counts, key=lambda text: counts[text]) if counts else ""

    def clear(self, table: Table) -> None:
        self._connection.execute(f"DELETE FROM {quoted(table.name)}")

    def defer(self, table: Table, key: ForeignKey) -> None:
        self._connection.execute("PRAGMA defer_foreign_keys = ON")

    def keys(self, table: Table, columns: Sequence[str]) -> list[tuple[object, ...]]:
        names = ", ".join(map(quoted, columns))
        present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in columns)
        query = f"SELECT {names} FROM {quoted(table.name)} WHERE {present} ORDER BY {names}"
        return [tuple(row) for row in self._connection.execute(query)]

    def refer(
        self, table: Table, key: ForeignKey, chosen: Iterator[tuple[object, ...] | None]
    ) -> None:
        order = ", ".join(map(quoted, table.primary)) or "rowid"
        places = order if table.primary else "rowid"
        query = f"SELECT {places} FROM {quoted(table.name)} ORDER BY {order}"
        rows = self._connection.execute(query).fetchall()
        sets = ", ".join(f"{quoted(name)} = ?" for name in key.columns)
        where = " AND ".join(f"{name} = ?" for name in places.split(", "))
        self._connection.executemany(
            f"UPDATE {quoted(table.name)} SET {sets} WHERE {where}",
            [
                (*parent, *row)
                for row, parent in zip(rows, chosen, strict=False)
                if parent is not None
            ],
        )

    def settle(self, tables: Sequence[Table]) -> None:
        broken = self._connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken:
            raise Refused(f"a row of {broken[0]} refers to no row of {broken[2]}")


def _insert(verb: str, table: Table, columns: Sequence[Column]) -> str:
    names = ", ".join(quoted(column.name) for column in columns)
    marks = ", ".join("?" * len(columns))
    if not columns:
        return f"{verb} INTO {quoted(table.name)} DEFAULT VALUES"
    return f"{verb} INTO {quoted(table.name)} ({names}) VALUES ({marks})"


def _stored(
    columns: Sequence[Column], rows: Iterable[Sequence[object]]
) -> Iterator[tuple[object, ...]]:
    short = [column.type.length == HEX_DIGITS for column in columns]
    for row in rows:
        yield tuple(
            (value.hex if is_short else str(value))
            if isinstance(value, UUID)
            else WRITERS.get(type(value), _same)(value)
            for value, is_short in zip(row, short, strict=True)
        )


def _same(value: Any) -> object:
    return value


# As Django and SQLAlchemy write them.
WRITERS: dict[type, Callable[[Any], object]] = {
    bool: int,
    Decimal: lambda value: float(value) if value % 1 else int(value),
    datetime: lambda value: value.replace(tzinfo=None).isoformat(" ", "microseconds"),
    date: date.isoformat,
    time: time.isoformat,
    timedelta: lambda value: int(value.total_seconds() * 1_000_000),
}
