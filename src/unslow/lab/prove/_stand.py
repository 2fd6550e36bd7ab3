"""A session on a private clone: builds a union of indexes, and takes it away again."""

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors

from unslow.errors import UnslowError

Connection = psycopg.Connection[Any]
Index = tuple[str, str, str, int]  # quoted name, quoted table, plain table, bytes

STATEMENT_TIMEOUT_MS = 20_000
LOCK_TIMEOUT_MS = 5_000  # clones are private: who waits longer waits for somebody forgotten
OPTIONS = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"


@dataclass(frozen=True)
class Alternative:
    """A state of the database to try. `ddl` runs inside the transaction (`DROP INDEX ...`),
    `settings` by SET LOCAL."""

    name: str
    ddl: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Built:
    """An index of the union, as it stands on the clone; names are quoted, `relation` is plain."""

    name: str
    table: str
    relation: str
    bytes: int
    seconds: float

    @property
    def drop(self) -> str:
        return f"DROP INDEX {self.name}"


@dataclass
class Stand:
    """A session on a clone that holds the union. `built` is by the statement that built it,
    `refused` tells why the database did not take others, `prepared` what writes were prepared."""

    connection: Connection
    built: dict[str, Built] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    prepared: dict[str, Any] = field(default_factory=dict)

    def without(self, *kept: Built, relations: Collection[str] | None = None) -> tuple[str, ...]:
        """The DDL that leaves only the `kept` ones of the union, on all tables or on some."""
        drops = [
            one.drop
            for one in self.built.values()
            if one not in kept and (relations is None or one.relation in relations)
        ]
        return tuple(dict.fromkeys(drops))


@contextlib.contextmanager
def standing(dsn: str, union: Sequence[str] = (), build_s: float = 600.0) -> Iterator[Stand]:
    """Build every index of `union` (CREATE INDEX statements) and drop what was built at the end,
    however it comes. What is not built after `build_s` seconds is refused. Raises UnslowError when
    the clone does not answer."""
    try:
        connection = psycopg.connect(dsn, autocommit=True, options=OPTIONS)
    except psycopg.Error as error:
        raise UnslowError(f"the clone does not answer: {error}; is the server running?") from error
    before = _indexes(connection)
    try:
        stand = Stand(connection)
        end = time.monotonic() + build_s
        for statement in dict.fromkeys(union):
            _build(stand, statement, end - time.monotonic())
        for table in dict.fromkeys(built.table for built in stand.built.values()):
            _analyze(connection, table)
        yield stand
    finally:
        connection.close()
        _drop_all_but(dsn, before)


@contextlib.contextmanager
def in_state(
    connection: Connection, alternative: Alternative, *, writes: bool = False
) -> Iterator[None]:
    """A transaction in the state of an alternative, rolled back; read-only unless it `writes`."""
    with connection.transaction(force_rollback=True):
        for statement in alternative.ddl:
            connection.execute(statement.encode())
        for name, value in alternative.settings:
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        if not writes:
            connection.execute("SET TRANSACTION READ ONLY")
        yield


def raise_if_ended(connection: Connection, error: psycopg.Error) -> None:
    """A statement may fail or time out; a lost session or somebody's cancel ends the work."""
    cancelled = isinstance(error, errors.QueryCanceled) and "user request" in str(error)
    if connection.closed or cancelled:
        raise error


def _build(stand: Stand, statement: str, seconds: float) -> None:
    connection, before = stand.connection, _indexes(stand.connection)
    started = time.monotonic()
    milliseconds = max(1, round(seconds * 1e3))
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = {milliseconds}".encode())
            connection.execute(statement.encode())
    except psycopg.Error as error:
        raise_if_ended(connection, error)
        stand.refused[statement] = first_line(error)
        return
    seconds = round(time.monotonic() - started, 3)
    new = {oid: one for oid, one in _indexes(connection).items() if oid not in before}
    if not new:
        stand.refused[statement] = "an index of this name exists"
        return
    stand.built[statement] = Built(*next(iter(new.values())), seconds)


def _analyze(connection: Connection, table: str) -> None:
    try:
        connection.execute(f"ANALYZE {table}".encode())
    except psycopg.Error as error:
        raise_if_ended(connection, error)  # else the clone's own statistics must do


def _drop_all_but(dsn: str, before: Mapping[int, Index]) -> None:
    """In a session of its own: the one that built them may be broken, or gone."""
    with (
        contextlib.suppress(psycopg.OperationalError),  # the clone itself is gone
        psycopg.connect(dsn, autocommit=True, options=OPTIONS) as connection,
    ):
        for oid, (name, *_) in _indexes(connection).items():
            if oid not in before:
                connection.execute(f"DROP INDEX IF EXISTS {name}".encode())


def _indexes(connection: Connection) -> dict[int, Index]:
    """The indexes of the database by oid, without those of partitions."""
    return {oid: tuple(index) for oid, *index in connection.execute(INDEXES).fetchall()}


INDEXES = """
SELECT i.indexrelid::bigint,
       format('%I.%I', n.nspname, x.relname), format('%I.%I', t.nspname, c.relname), c.relname,
       pg_relation_size(i.indexrelid)
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace t ON t.oid = c.relnamespace
WHERE NOT EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY i.indexrelid
"""


def first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
