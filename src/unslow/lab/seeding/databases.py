"""Fills a database that is named, or the clone of an application's."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from unslow.errors import UnslowError, UsageError
from unslow.lab._observation import connect
from unslow.lab.seeding import _export, _postgres_schema, _sqlite_schema
from unslow.lab.seeding._models import with_models
from unslow.lab.seeding._postgres_schema import quoted
from unslow.lab.seeding._postgres_store import PostgresStore
from unslow.lab.seeding._sqlite_store import SqliteStore
from unslow.lab.seeding._stores import Refused
from unslow.lab.seeding.schema import Schema
from unslow.lab.seeding.seeding import Filled, fill, is_bookkeeping
from unslow.lab.target import Database, Lab, Target
from unslow.lab.target._named import clone_of, named
from unslow.model import Model
from unslow.progress import Progress


@dataclass(frozen=True)
class Amount:
    """How many rows each table gets, and which ones."""

    rows: int
    seed: int = 0


@dataclass(frozen=True)
class Seeded:
    """What became of the tables of one database. `source` is its name for display."""

    source: str
    tables: tuple[Filled, ...]


def told(seeded: Seeded) -> str:
    """One sentence: how many rows, and which tables are left out and why."""
    made = [one for one in seeded.tables if one.rows]
    rows = f"{sum(one.rows for one in made):,}".replace(",", " ")
    left = [one for one in seeded.tables if one.why and not one.rows and not one.table.has_rows]
    text = f"{rows} rows were made for {len(made)} tables in a clone of {seeded.source}"
    if left:
        names = "; ".join(f"{one.table.name}: {one.why}" for one in left[:3])
        text += f", none for {len(left)} ({names})"
    return text


def seed_application(
    target: Target, amount: Amount, sql: Path | None, progress: Progress
) -> tuple[Seeded, ...]:
    """Fill clones of the databases that an application opens; write the rows to `sql`.

    Raises UnslowError when it opens none.
    """
    with Lab(target, progress) as lab:
        progress.stage("start the application on a clone of its data")
        app = lab.launch(lab.tree(), "seed", record="light")
        try:
            description = app.describe()
            connect(app, description)
            found = app.databases
            if not found:
                raise UnslowError(
                    "The application opened no database when it was started and called. Name "
                    "its database: --database postgresql://user@host/name"
                )
            return tuple(_seeded(one, description.models, amount, sql, progress) for one in found)
        finally:
            app.stop()


def models_of(target: Target, progress: Progress) -> tuple[Model, ...]:
    """What an application says of its tables; it runs on a clone of its own database."""
    with Lab(target, progress) as lab:
        progress.stage("start the application on a clone of its data")
        app = lab.launch(lab.tree(), "seed", record="light")
        try:
            return app.describe().models
        finally:
            app.stop()


def seed_clone(
    dsn: str, models: Sequence[Model], amount: Amount, sql: Path | None, progress: Progress
) -> Seeded:
    """Fill a clone of the database that `dsn` names; write the rows to `sql`."""
    with clone_of(dsn, progress) as database:
        return _seeded(database, models, amount, sql, progress)


def seed_named(dsn: str, models: Sequence[Model], amount: Amount, progress: Progress) -> Seeded:
    """Fill the database that `dsn` names itself, in one transaction.

    Raises UsageError when it has rows that no framework made.
    """
    database = named(dsn)
    filled = [one.name for one in schema_of(database).tables if one.has_rows]
    if own := [name for name in filled if not is_bookkeeping(name)]:
        raise UsageError(
            f"{database.source} has rows ({', '.join(own[:3])}); only an empty database is filled. "
            "Leave out --apply and write the rows with --sql FILE, to look at them first."
        )
    return Seeded(database.source, seed_database(database, models, amount, progress))


def seed_database(
    database: Database, models: Sequence[Model], amount: Amount, progress: Progress
) -> tuple[Filled, ...]:
    """Fill the empty tables of a database, and commit. Raises UnslowError."""
    try:
        if database.engine == "sqlite":
            return _seed_sqlite(database, models, amount, progress)
        return _seed_postgresql(database, models, amount, progress)
    except (psycopg.Error, sqlite3.Error) as error:
        raise UnslowError(f"The database {database.source} could not be filled: {error}") from error
    except Refused as error:
        raise UnslowError(
            f"The rows for {database.source} do not fit together: {error}. Nothing was written."
        ) from error


def schema_of(database: Database) -> Schema:
    """The tables of a database. Raises UnslowError when it cannot be read."""
    try:
        if database.engine == "sqlite":
            with closing(_open(database.dsn)) as file:
                return _sqlite_schema.read(file)
        with psycopg.connect(database.dsn) as connection:
            return _postgres_schema.read(connection)
    except (psycopg.Error, sqlite3.Error) as error:
        raise UnslowError(f"The database {database.source} cannot be read: {error}") from error


def statements(database: Database, tables: Sequence[Filled]) -> Iterator[str]:
    """SQL that writes the same rows into an empty database. Raises UnslowError."""
    try:
        if database.engine == "sqlite":
            with closing(_open(database.dsn)) as file:
                yield from _export.sqlite(file, tables)
        else:
            with psycopg.connect(database.dsn) as connection:
                yield from _export.postgresql(connection, tables)
    except (psycopg.Error, sqlite3.Error) as error:
        raise UnslowError(f"The rows of {database.source} cannot be read: {error}") from error


def _seeded(
    database: Database,
    models: Sequence[Model],
    amount: Amount,
    sql: Path | None,
    progress: Progress,
) -> Seeded:
    tables = seed_database(database, models, amount, progress)
    if sql:
        progress.stage("write SQL")
        with sql.open("a", encoding="utf-8") as file:
            file.write(f"-- {database.source or database.name}\n")
            file.writelines(f"{statement}\n" for statement in statements(database, tables))
    return Seeded(database.source or database.name, tables)


def _seed_postgresql(
    database: Database, models: Sequence[Model], amount: Amount, progress: Progress
) -> tuple[Filled, ...]:
    with psycopg.connect(database.dsn) as connection:
        schema = with_models(_postgres_schema.read(connection), models)
        tables = fill(PostgresStore(connection), schema, amount.rows, amount.seed, progress)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        for one in tables:
            if one.rows:
                connection.execute(f"VACUUM (ANALYZE) {quoted(one.table.name)}".encode())
    return tables


def _seed_sqlite(
    database: Database, models: Sequence[Model], amount: Amount, progress: Progress
) -> tuple[Filled, ...]:
    with closing(_open(database.dsn)) as file:
        schema = with_models(_sqlite_schema.read(file), models)
        tables = fill(SqliteStore(file), schema, amount.rows, amount.seed, progress)
        file.execute("COMMIT")
        file.execute("ANALYZE")
    return tables


def _open(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=30)
