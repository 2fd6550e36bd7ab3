"""Hard schemas in a SQLite file."""

import json
import sqlite3
from pathlib import Path

import pytest

from unslow.lab.seeding import Amount, Seeded, seed_clone, seed_named
from unslow.progress import Silent

SCHEMA = """
CREATE TABLE tenant (id integer PRIMARY KEY, slug varchar(12) UNIQUE NOT NULL);
CREATE TABLE person (
  id integer PRIMARY KEY AUTOINCREMENT, tenant_id int NOT NULL REFERENCES tenant,
  email varchar(60) NOT NULL, boss_id integer REFERENCES person (id), joined datetime NOT NULL,
  left_at datetime, age integer NOT NULL CHECK (age BETWEEN 18 AND 20), ok bool NOT NULL,
  kind text NOT NULL CHECK (kind IN ('x', 'y')), uid char(32) NOT NULL UNIQUE,
  price decimal(6, 2) NOT NULL CHECK (price > 0), extra text NOT NULL CHECK (JSON_VALID(extra)),
  code text CHECK (length(code) = 4 AND code <> ')'), -- a comment with ( in it
  lower_email text GENERATED ALWAYS AS (lower(email)) VIRTUAL,
  CONSTRAINT later CHECK (left_at > joined)
);
CREATE UNIQUE INDEX by_email ON person (lower(email));
CREATE UNIQUE INDEX main ON person (tenant_id) WHERE ok;
CREATE TABLE friend (a integer NOT NULL REFERENCES person, b integer NOT NULL REFERENCES person,
                     CHECK (a <> b), PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE a (id integer PRIMARY KEY, b_id integer NOT NULL REFERENCES b);
CREATE TABLE b (id integer PRIMARY KEY, a_id integer NOT NULL REFERENCES a);
CREATE TABLE never (id integer PRIMARY KEY, n int NOT NULL, CONSTRAINT absurd CHECK (n * n = 2));
CREATE TABLE needs (id integer PRIMARY KEY, never_id integer NOT NULL REFERENCES never);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.executescript(SCHEMA)
    return tmp_path / "app.db"


def rows(done: Seeded) -> dict[str, int]:
    return {one.table.name: one.rows for one in done.tables}


def asked(path: Path, query: str) -> list[tuple]:
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


def test_the_file_stays_as_it_is_without_apply(path) -> None:
    before = path.read_bytes()
    assert rows(seed_clone(str(path), (), Amount(50), None, Silent()))["person"] == 50
    assert path.read_bytes() == before


def test_every_table_that_can_be_is_filled(path) -> None:
    done = seed_named(f"sqlite:///{path}", (), Amount(50), Silent())
    assert rows(done) == {
        "tenant": 50,
        "person": 50,
        "friend": 50,
        "a": 50,
        "b": 50,
        "never": 0,
        "needs": 0,
    }
    why = {one.table.name: one.why for one in done.tables if one.why}
    assert why == {
        "never": "CHECK constraint failed: absurd",
        "needs": "needs never, which has no rows",
    }
    assert asked(path, "PRAGMA foreign_key_check") == []
    assert asked(path, "PRAGMA integrity_check") == [("ok",)]


def test_values_are_stored_as_the_frameworks_store_them(path) -> None:
    seed_named(str(path), (), Amount(50), Silent())
    uid, joined, ok, price, extra = asked(
        path, "SELECT uid, joined, ok, price, extra FROM person LIMIT 1"
    )[0]
    assert len(joined) == len("2025-01-01 00:00:00.000000")
    assert (ok in (0, 1), type(price) in (int, float)) == (True, True)
    assert isinstance(json.loads(extra), dict)
    assert len(uid) <= 32


def test_the_sql_makes_the_same_rows(path, tmp_path) -> None:
    seed_clone(str(path), (), Amount(50), tmp_path / "rows.sql", Silent())
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript((tmp_path / "rows.sql").read_text())
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.executescript(SCHEMA)
    seed_named(str(other), (), Amount(50), Silent())
    for table in ("person", "friend", "a"):
        query = f"SELECT * FROM {table} ORDER BY 1, 2"
        assert asked(path, query) == asked(other, query)
