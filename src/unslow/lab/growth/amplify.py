"""Multiplies the rows of a database by SQL alone; what a constraint refuses is named."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import psycopg

from unslow.errors import UnslowError, UsageError
from unslow.lab.growth import _growing
from unslow.lab.growth._growing import Store
from unslow.lab.growth._grown import Grown
from unslow.lab.growth._postgres import PostgresStore
from unslow.lab.growth._sqlite import SqliteStore
from unslow.lab.target import Database

MOST_ROWS = 20_000_000  # new ones; more would rather fill the disk than tell anything


@dataclass(frozen=True)
class Amplified:
    """What became of the tables of one database."""

    source: str
    factor: int
    tables: tuple[Grown, ...]

    @property
    def before(self) -> int:
        return sum(one.before for one in self.tables)

    @property
    def rows(self) -> int:
        """The new ones."""
        return sum(one.after - one.before for one in self.tables)

    @property
    def ungrown(self) -> tuple[Grown, ...]:
        """The tables that have rows, and not as many as they should."""
        return tuple(one for one in self.tables if one.why and one.before)


def amplify(database: Database, factor: int, first: int = 1) -> Amplified:
    """Make every table `factor` times as long, and commit.

    Copies are numbered on from `first`. Raises UnslowError when the database cannot be read,
    UsageError when it would get too large.
    """
    step = _sqlite if database.engine == "sqlite" else _postgresql
    try:
        tables = step(database.dsn, factor, first)
    except (psycopg.Error, sqlite3.Error) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnslowError(
            f"The clone of {database.source or database.name} could not be grown: {said}"
        ) from error
    return Amplified(database.source or database.name, factor, tables)


def _postgresql(dsn: str, factor: int, first: int) -> tuple[Grown, ...]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        store = PostgresStore(connection)
        _refuse_too_many(store, factor)
        grown = _growing.grow(store, factor, first)
        connection.execute("VACUUM (ANALYZE)")
    return grown


def _sqlite(path: str, factor: int, first: int) -> tuple[Grown, ...]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        store = SqliteStore(connection)
        _refuse_too_many(store, factor)
        with store.without_triggers():
            grown = _growing.grow(store, factor, first)
        connection.execute("ANALYZE")
    return grown


def _refuse_too_many(store: Store, factor: int) -> None:
    rows = sum(one.rows for one in store.catalogue.tables) * (factor - 1)
    if rows > MOST_ROWS:
        raise UsageError(
            f"--grow would make {rows:,} rows, more than {MOST_ROWS:,}; name smaller sizes: "
            "--grow 1,2,4"
        )


def told(amplified: Amplified) -> str:
    """One sentence: how many rows, and which tables have not grown, and why."""
    count = f"{amplified.rows:,}".replace(",", " ")
    text = f"{amplified.source} ×{amplified.factor}: {count} new rows"
    if left := amplified.ungrown:
        text += "; " + "; ".join(f"{one.table}: {one.why}" for one in left)
    return text
