"""A database to clone, and a journal of the test's own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from unslow.demo.postgres import Postgres


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the journal, of this test alone."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder / "unslow" / "runs"


@pytest.fixture
def source(postgres: Postgres) -> Iterator[str]:
    """The dsn of a database with 100 items, of this test alone."""
    name = f"source_{uuid4().hex[:8]}"
    dsn = postgres.create(name)
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE item (id serial PRIMARY KEY, name text)")
        connection.execute("INSERT INTO item (name) SELECT 'n' || g FROM generate_series(1, 100) g")
    yield dsn
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
