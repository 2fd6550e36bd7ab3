"""Empty databases with hard schemas, and a state folder of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from unslow.demo.postgres import Postgres
from unslow.lab.seeding import Amount, Filled, seed_database
from unslow.lab.target import Database
from unslow.model import Model
from unslow.progress import Silent


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


class Seeding:
    """A PostgreSQL database with a schema; `fill` seeds it, `all` asks it."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def fill(self, rows: int = 100, seed: int = 0, models: tuple[Model, ...] = ()) -> "Seeding":
        database = Database("postgresql", self.dsn, "seeding", "seeding")
        self.filled = seed_database(database, models, Amount(rows, seed), Silent())
        return self

    def of(self, table: str) -> Filled:
        return next(one for one in self.filled if one.table.name == f"public.{table}")

    def all(self, query: str) -> list[tuple]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode()).fetchall()

    def one(self, query: str) -> object:
        return self.all(query)[0][0]


@pytest.fixture
def schema(postgres: Postgres) -> Iterator[Callable[[str], Seeding]]:
    """Makes a new database with these tables."""
    names = []

    def make(statements: str) -> Seeding:
        names.append(f"seeding_{uuid4().hex[:8]}")
        dsn = postgres.create(names[-1])
        with psycopg.connect(dsn) as connection:
            connection.execute(statements.encode())
        return Seeding(dsn)

    yield make
    with closing(psycopg.connect(postgres.dsn(), autocommit=True)) as connection:
        for name in names:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
