"""A small shop's database, and statements that are read with its catalogue."""

import psycopg
import pytest
from pglast import parse_sql

from unslow.lab.indexing import catalogue
from unslow.lab.indexing.wants import asked

SCHEMA = """
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, email text, notes json);
CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int REFERENCES customer, status text NOT NULL, total int,
  made date NOT NULL, shipped date, late boolean NOT NULL
);
CREATE INDEX orders_status_total ON orders (status, total);
CREATE VIEW shipped AS SELECT customer_id, total FROM orders WHERE shipped IS NOT NULL;
INSERT INTO customer SELECT n, 'c' || n, 'e' || n || '@example.org' FROM generate_series(1, 4000) n;
INSERT INTO orders
SELECT n, n % 4000 + 1, CASE n % 100 WHEN 0 THEN 'open' ELSE 'done' END, n,
       date '2026-01-01' + n % 300, CASE WHEN n % 50 > 0 THEN date '2026-12-01' END, n % 500 = 0
FROM generate_series(1, 40000) n;
"""


@pytest.fixture(scope="session")
def shop(postgres):
    dsn = postgres.create("indexing")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("VACUUM ANALYZE")
    return dsn


@pytest.fixture(scope="session")
def connection(shop):
    with psycopg.connect(
        shop, autocommit=True, options="-c default_transaction_read_only=on"
    ) as connection:
        yield connection


@pytest.fixture(scope="session")
def known(connection):
    return catalogue.read(connection)


@pytest.fixture
def wants(known):
    """What a statement wants of each of its tables, in their order."""
    return lambda sql: asked(parse_sql(sql)[0].stmt, known).wants
