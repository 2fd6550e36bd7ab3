"""Fills a PostgreSQL database: by COPY, or through a temporary table when checks refuse rows."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import psycopg

from unslow.lab.seeding import _copy
from unslow.lab.seeding._postgres_schema import quoted
from unslow.lab.seeding._stores import Refused
from unslow.lab.seeding.schema import Check, Column, ForeignKey, Table

STAGE = "unslow_seed"
_VALUE = re.compile(r"'(?:[^']|'')*'|\bVALUE\b")


class PostgresStore:
    """One connection in a transaction that its owner commits."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Raises `psycopg.Error`."""
        self._connection = connection
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a refusal is named where it happens

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        try:
            with self._connection.transaction():
                yield
        except psycopg.Error as error:
            raise Refused(_said(error)) from error

    def has_rows(self, table: Table) -> bool:
        return bool(self._one(f"SELECT EXISTS (SELECT 1 FROM {quoted(table.name)})"))

    def copy(
        self, table: Table, columns: Sequence[Column], rows: Iterable[Sequence[object]]
    ) -> int:
        return self._copy(quoted(table.name), columns, rows)

    def sieve(
        self, table: Table, columns: Sequence[Column], rows: Sequence[Sequence[object]], most: int
    ) -> int:
        self._stage(columns, rows)
        conditions = [f"coalesce(({check.sql})::bool, true)" for check in _checks(table, columns)]
        where = " AND ".join(conditions) or "true"
        names = _names(columns)
        conflict = "ON CONFLICT DO NOTHING" if table.arbiters else ""
        done = self._connection.execute(
            f"INSERT INTO {quoted(table.name)} ({names}) OVERRIDING SYSTEM VALUE "
            f"SELECT {names} FROM {_computed(table, columns)} AS s WHERE {where} "
            f"ORDER BY unslow_place LIMIT {most} {conflict}".encode()
        )
        return done.rowcount

    def refusal(
        self, table: Table, columns: Sequence[Column], rows: Sequence[Sequence[object]]
    ) -> str:
        self._stage(columns, rows)
        worst = (0, "")
        for check in _checks(table, columns):
            refused = self._one(
                f"SELECT count(*) FROM {_computed(table, columns)} AS s "
                f"WHERE NOT coalesce(({check.sql})::bool, true)"
            )
            worst = max(worst, (int(str(refused)), check.name))
        return f"its check {worst[1]} cannot be satisfied" if worst[0] else ""

    def keys(self, table: Table, columns: Sequence[str]) -> list[tuple[object, ...]]:
        texts = [f"{_quoted(name)}::text" for name in columns]
        present = " AND ".join(f"{_quoted(name)} IS NOT NULL" for name in columns)
        order = ", ".join(_quoted(name) for name in columns)
        query = f"SELECT {', '.join(texts)} FROM {_only(table)} WHERE {present} ORDER BY {order}"
        return [tuple(row) for row in self._connection.execute(query.encode()).fetchall()]

    def refer(
        self, table: Table, key: ForeignKey, chosen: Iterator[tuple[object, ...] | None]
    ) -> None:
        order = ", ".join(_quoted(name) for name in table.primary) or "ctid"
        query = f"SELECT ctid::text, tableoid::text FROM {_only(table)} ORDER BY {order}"
        rows = self._connection.execute(query.encode()).fetchall()
        columns = [table.column(name) for name in key.columns]
        self._make_stage(columns)
        self._connection.execute(f"ALTER TABLE {STAGE} ADD place tid, ADD part oid".encode())
        filled = (
            (*parent, place, part)
            for (place, part), parent in zip(rows, chosen, strict=False)
            if parent is not None
        )
        names = [*(_quoted(one.name) for one in columns), "place", "part"]
        self._write(f"COPY {STAGE} ({', '.join(names)}) FROM STDIN", filled)
        sets = ", ".join(f"{_quoted(one.name)} = s.{_quoted(one.name)}" for one in columns)
        self._connection.execute(
            f"UPDATE {_only(table)} AS t SET {sets} FROM {STAGE} AS s "
            "WHERE t.ctid = s.place AND t.tableoid = s.part".encode()
        )

    def clear(self, table: Table) -> None:
        self._connection.execute(f"DELETE FROM {_only(table)}".encode())

    def defer(self, table: Table, key: ForeignKey) -> None:
        schema = table.name.partition(".")[0]
        name = f"{_quoted(schema)}.{_quoted(key.name)}"
        self._connection.execute(f"SET CONSTRAINTS {name} DEFERRED".encode())

    def settle(self, tables: Sequence[Table]) -> None:
        self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            for column in table.columns:
                if column.sequence:
                    self._move_on(table, column)
            self._connection.execute(f"ANALYZE {quoted(table.name)}".encode())

    def _move_on(self, table: Table, column: Column) -> None:
        last = self._one(f"SELECT max({_quoted(column.name)}) FROM {quoted(table.name)}")
        if isinstance(last, int) and last > 0:
            self._connection.execute("SELECT setval(%s::regclass, %s)", [column.sequence, last])

    def _one(self, query: str) -> object:
        row = self._connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def _copy(self, place: str, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> int:
        return self._write(f"COPY {place} ({_names(columns)}) FROM STDIN", rows)

    def _write(self, statement: str, rows: Iterable[Sequence[object]]) -> int:
        with self._connection.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                for block in _copy.blocks(rows):
                    copy.write(block)
            return cursor.rowcount

    def _make_stage(self, columns: Sequence[Column]) -> None:
        """A table without constraints: its columns have the types below their domains."""
        self._connection.execute(f"DROP TABLE IF EXISTS pg_temp.{STAGE}".encode())
        definitions = [f"{_quoted(one.name)} {one.type.sql}" for one in columns]
        self._connection.execute(
            f"CREATE TEMP TABLE {STAGE} ({', '.join(definitions)}) ON COMMIT DROP".encode()
        )

    def _stage(self, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
        self._make_stage(columns)
        self._connection.execute(f"ALTER TABLE {STAGE} ADD unslow_place serial".encode())
        self._copy(STAGE, columns, rows)


def _checks(table: Table, columns: Sequence[Column]) -> list[Check]:
    """The table's checks, and those of its columns' domains."""
    found = list(table.checks)
    for column in columns:
        for condition in column.domains:
            name = _quoted(column.name)
            found.append(Check(f"of the domain of {column.name}", _about(condition, name)))
    return found


def _about(condition: str, name: str) -> str:
    """A domain's condition as one on a column."""
    return _VALUE.sub(lambda found: name if found[0] == "VALUE" else found[0], condition)


def _computed(table: Table, columns: Sequence[Column]) -> str:
    """The staged rows, with the columns that others compute."""
    computed: Mapping[str, str] = table.computed
    parts = [
        f"{computed[one.name]} AS {_quoted(one.name)}"
        if one.name in computed and one.name not in table.primary
        else _quoted(one.name)
        for one in columns
    ]
    parts += [f"{one.generated} AS {_quoted(one.name)}" for one in table.columns if one.generated]
    return f"(SELECT unslow_place, {', '.join(parts)} FROM {STAGE})"


def _only(table: Table) -> str:
    """Without the rows of tables that inherit from it, which no foreign key sees."""
    return quoted(table.name) if table.is_partitioned else f"ONLY {quoted(table.name)}"


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(_quoted(column.name) for column in columns)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _said(error: psycopg.Error) -> str:
    """The constraint that an error names, else its first line."""
    diagnosis = error.diag
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if diagnosis.constraint_name:
        return f"{diagnosis.constraint_name} refuses its rows: {first}"
    return first
