"""Copies the rows of a PostgreSQL database."""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from unslow.lab.growth import _postgres_catalogue, _shifts
from unslow.lab.growth._copies import Attempt, Ground, selected
from unslow.lab.growth._growing import Places, Refused
from unslow.lab.growth._quoting import quoted, quoted_column
from unslow.lab.growth._shifts import Texts
from unslow.lab.growth.catalogue import ForeignKey, Table

SETTINGS = ("synchronous_commit = off", "work_mem = '64MB'", "row_security = off")
CONFLICTS = (errors.UniqueViolation, errors.ExclusionViolation)

SECONDS = "CASE WHEN isfinite({}) THEN extract(epoch FROM {})::numeric END"
DAYS = "CASE WHEN isfinite({}) THEN ({})::date - date '2000-01-01' END"
FORMS = {"time": SECONDS, "date": DAYS}
TEXTS = """
bool_and({} ~ '^[0-9]{1,30}$'), bool_and({} ~ '^[0-9a-f]{16,}$'),
bool_and({} ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'),
bool_and(position('@' IN {}) > 1), max(length({})),
max(CASE WHEN {} ~ '^[0-9]{1,30}$' THEN {}::numeric END)
"""


class PostgresStore:
    """One connection in autocommit."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Raises `psycopg.Error`."""
        self._connection = connection
        for setting in SETTINGS:
            connection.execute(f"SET {setting}".encode())
        self.is_free = self._tried("SET session_replication_role = replica")
        self.catalogue = _postgres_catalogue.read(connection)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        is_outermost = self._connection.info.transaction_status == TransactionStatus.IDLE
        with self._connection.transaction():
            if is_outermost:  # a refusal is named where it happens
                self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            yield

    @contextlib.contextmanager
    def quiet(self, table: Table) -> Iterator[None]:
        """Without the table's own triggers, where its owner may not switch off all."""
        name = quoted(table.name)
        is_off = not self.is_free and self._tried(f"ALTER TABLE {name} DISABLE TRIGGER USER")
        yield
        if is_off:
            self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            self._connection.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER".encode())

    def defer(self, table: Table, key: ForeignKey) -> None:
        schema = table.name.partition(".")[0]
        place = f"{quoted_column(schema)}.{quoted_column(key.name)}"
        self._connection.execute(f"SET CONSTRAINTS {place} DEFERRED".encode())

    def settle(self) -> None:
        try:
            with self._connection.transaction():
                self._connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg.Error as error:
            raise Refused(_said(error)) from error

    def insert(self, table: Table, ground: Ground, attempt: Attempt) -> int:
        only = "" if table.is_partitioned else "ONLY "
        numbers = (
            f"SELECT k, k + {ground.first - 1} AS n "
            f"FROM generate_series(1, {ground.factor - 1}) AS k"
        )
        source = (
            f"FROM {only}{quoted(table.name)} AS t CROSS JOIN ({numbers}) AS copies "
            "ORDER BY copies.k"
        )
        names, query = selected(table, ground, attempt, _shifts.postgresql, source)
        conflict = "ON CONFLICT DO NOTHING" if attempt.skip_conflicts else ""
        statement = (
            f"INSERT INTO {quoted(table.name)} ({names}) OVERRIDING SYSTEM VALUE {query} {conflict}"
        )
        try:
            return self._connection.execute(statement.encode()).rowcount
        except CONFLICTS as error:
            name = error.diag.constraint_name
            raise Refused(f"{name} allows no more rows", "conflict") from error
        except errors.CheckViolation as error:
            raise Refused(_said(error), "check") from error
        except errors.NumericValueOutOfRange as error:
            raise Refused(f"its numbers leave no room for more: {_said(error)}") from error
        except psycopg.Error as error:
            raise Refused(_said(error)) from error

    def holds(self, table: Table, key: ForeignKey) -> bool:
        """Whether each row has the row that it refers to."""
        parent = self.catalogue.table(key.parent)
        own = "" if table.is_partitioned else "ONLY "
        other = "" if parent is None or parent.is_partitioned else "ONLY "
        present = " AND ".join(f"c.{quoted_column(one)} IS NOT NULL" for one in key.columns)
        pairs = " AND ".join(
            f"p.{quoted_column(there)} = c.{quoted_column(here)}"
            for here, there in zip(key.columns, key.parent_columns, strict=True)
        )
        orphan = self._connection.execute(
            f"SELECT 1 FROM {own}{quoted(table.name)} AS c WHERE {present} AND NOT EXISTS "
            f"(SELECT 1 FROM {other}{quoted(key.parent)} AS p WHERE {pairs}) LIMIT 1".encode()
        ).fetchone()
        return orphan is None

    def ends(self, places: Places) -> list[int]:
        """The least and the greatest values of the columns: numbers, seconds or days."""
        found: list[int] = []
        for table, column in places:
            name = quoted_column(column.name)
            bounds = [f"lower({name})", f"upper({name})"] if column.kind == "range" else [name]
            form = FORMS.get(column.element or column.kind, "{}")
            for value in (form.replace("{}", bound) for bound in bounds):
                row = self._connection.execute(
                    f"SELECT floor(min({value})), ceil(max({value})) "
                    f"FROM {quoted(table.name)}".encode()
                ).fetchone()
                found += [int(one) for one in row or () if one is not None]
        return found

    def texts(self, places: Places) -> Texts:
        rows = []
        for table, column in places:
            query = TEXTS.replace("{}", f"{quoted_column(column.name)}::text")
            row = self._connection.execute(
                f"SELECT {query} FROM {quoted(table.name)}".encode()
            ).fetchone()
            if row and row[0] is not None:
                rows.append(row)
        return _shifts.texts(rows, [column for _, column in places])

    def move_sequences(self, table: Table) -> None:
        for column in table.columns:
            if not column.sequence:
                continue
            highest = self._one(
                f"SELECT max({quoted_column(column.name)}) FROM {quoted(table.name)}"
            )
            last = self._one(f"SELECT last_value FROM {column.sequence}")
            if isinstance(highest, int) and isinstance(last, int) and highest > last:
                self._tried(f"SELECT setval('{column.sequence.replace(chr(39), '')}', {highest})")

    def _one(self, query: str) -> object:
        row = self._connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def _tried(self, statement: str) -> bool:
        try:
            with self._connection.transaction():
                self._connection.execute(statement.encode())
        except psycopg.Error:
            return False
        return True


def _said(error: psycopg.Error) -> str:
    """The constraint that an error names, else its first line."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    name = error.diag.constraint_name
    return f"{name}: {first}" if name else first
