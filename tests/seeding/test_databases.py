"""The clone of an application's database, a named database, and SQL for one."""

import os
import sys
from pathlib import Path

import psycopg
import pytest

from tests.target.applications import Notes
from unslow.errors import UsageError
from unslow.lab.pipeline import Options, audit
from unslow.lab.seeding import Amount, seed_application, seed_clone, seed_named
from unslow.lab.target import Target
from unslow.lab.target._named import named
from unslow.progress import Silent

SHOP = """
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers,
                     parent_id int REFERENCES orders, note text);
CREATE TABLE c (id serial PRIMARY KEY, d_id int);
CREATE TABLE d (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, c_id int NOT NULL REFERENCES c,
                twice int GENERATED ALWAYS AS (c_id * 2) STORED, "odd ' name" text[]);
ALTER TABLE c ADD FOREIGN KEY (d_id) REFERENCES d;
"""
APPLICATION = """
import os
import psycopg
from flask import Flask

application = Flask(__name__)

@application.get("/customers")
def customers():
    with psycopg.connect(os.environ["DSN"]) as connection:
        rows = connection.execute("SELECT id, name FROM customers ORDER BY id").fetchall()
    return [{"id": row[0], "name": row[1]} for row in rows]
"""


@pytest.fixture
def application(tmp_path: Path, schema):
    seeding = schema(SHOP)
    (tmp_path / "app.py").write_text(APPLICATION)
    target = Target(
        root=tmp_path,
        command=("gunicorn", "app:application"),
        python=Path(sys.executable),
        env={"DSN": seeding.dsn},
    )
    return target, seeding


def count(seeding) -> object:
    return seeding.one("SELECT count(*) FROM customers")


def unslow_databases(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^unslow_'")
        return {name for (name,) in rows}


def test_the_applications_own_database_stays_empty(application) -> None:
    target, seeding = application
    before = unslow_databases(seeding.dsn)
    (done,) = seed_application(target, Amount(20), None, Silent())
    assert {one.table.name: one.rows for one in done.tables} == {
        f"public.{name}": 20 for name in ("customers", "orders", "c", "d")
    }
    assert count(seeding) == 0
    assert unslow_databases(seeding.dsn) == before


def test_a_named_database_stays_empty_until_it_is_applied(schema, state) -> None:
    seeding = schema(SHOP)
    before = unslow_databases(seeding.dsn)
    seed_clone(seeding.dsn, (), Amount(20), None, Silent())
    assert count(seeding) == 0
    assert unslow_databases(seeding.dsn) == before
    assert not list(state.rglob("*.jsonl"))
    seed_named(seeding.dsn, (), Amount(20), Silent())
    assert count(seeding) == 20


def test_a_database_with_rows_is_not_written(schema) -> None:
    seeding = schema(SHOP + "INSERT INTO customers (name) VALUES ('mine');")
    with pytest.raises(UsageError, match=r"has rows \(public\.customers\)"):
        seed_named(seeding.dsn, (), Amount(20), Silent())
    assert seeding.one("SELECT count(*) FROM orders") == 0


def test_the_sql_makes_the_rows_of_the_clone(schema, tmp_path) -> None:
    seeding, applied = schema(SHOP), schema(SHOP)
    seed_clone(seeding.dsn, (), Amount(1200), tmp_path / "rows.sql", Silent())
    with psycopg.connect(seeding.dsn, autocommit=True) as connection:
        connection.execute((tmp_path / "rows.sql").read_bytes())
    seed_named(applied.dsn, (), Amount(1200), Silent())
    for table in ("customers", "orders", "c", "d"):
        query = f"SELECT t::text FROM {table} t ORDER BY id"
        assert seeding.all(query) == applied.all(query)
    assert seeding.one("SELECT nextval('orders_id_seq')") == 1201
    assert seeding.one("SELECT count(d_id) FROM c") > 600


@pytest.mark.parametrize("dsn", ["postgresql://a:secret@[", "no/such.db", "sqlite:///nothing.db"])
def test_a_database_that_is_not_understood_is_told_without_its_password(dsn) -> None:
    with pytest.raises(UsageError) as told:
        named(dsn)
    assert "secret" not in str(told.value)


def test_the_drivers_name_in_an_address_is_left_out(schema) -> None:
    dsn = schema("").dsn
    database = named(dsn.replace("postgresql://", "postgresql+asyncpg://"))
    assert psycopg.connect(database.dsn).info.dbname == dsn.rpartition("/")[2]


def test_an_audit_of_an_empty_database_runs_on_seeded_clones(application) -> None:
    target, seeding = application
    notes = Notes()
    audited = audit(target, Options(prove=False, seed_rows=30), notes)
    assert audited.trace.requests
    rows = {table.name: table.rows for table in audited.trace.tables}
    assert rows["customers"] == 30
    assert any("120 rows were made for 4 tables in a clone" in note for note in notes.notes)
    assert count(seeding) == 0
    assert "DSN" not in os.environ
