"""Databases with hard schemas that are grown, and a state folder of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from unslow.demo.postgres import Postgres
from unslow.lab.growth.amplify import Amplified, amplify
from unslow.lab.target import Database


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


class Growing:
    """A PostgreSQL database with a schema and rows; `grow` amplifies it, `all` asks it."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.multiple = 1

    def grow(self, factor: int = 4, dsn: str = "") -> Amplified:
        database = Database("postgresql", dsn or self.dsn, "growing", "growing")
        self.grown = amplify(database, factor, self.multiple)
        self.multiple *= factor
        return self.grown

    def why(self, table: str) -> str:
        return next(one.why for one in self.grown.tables if one.table == f"public.{table}")

    def count(self, table: str) -> object:
        return self.one(f"SELECT count(*) FROM {table}")

    def all(self, query: str) -> list[tuple]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode()).fetchall()

    def one(self, query: str) -> object:
        return self.all(query)[0][0]


@pytest.fixture
def schema(postgres: Postgres) -> Iterator[Callable[[str], Growing]]:
    """Makes a new database with these tables and rows."""
    names = []

    def make(statements: str) -> Growing:
        names.append(f"growing_{uuid4().hex[:8]}")
        dsn = postgres.create(names[-1])
        with psycopg.connect(dsn) as connection:
            connection.execute(statements.encode())
        return Growing(dsn)

    yield make
    with closing(psycopg.connect(postgres.dsn(), autocommit=True)) as connection:
        for name in names:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
