"""A real database with more rows than fit a glance, so that plans are PostgreSQL's own."""

from dataclasses import dataclass
from secrets import token_hex

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.builders import Queries, request, trace
from unslow.lab.plans import collect
from unslow.model import Field, Model, Trace

SCHEMA = """
CREATE TABLE customer (id int PRIMARY KEY, email text NOT NULL UNIQUE, region text NOT NULL);
CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, archived bool NOT NULL,
  channel text NOT NULL, created_at timestamptz NOT NULL, paid_at timestamptz, total int NOT NULL
);
CREATE TABLE note (id int PRIMARY KEY, order_id int NOT NULL, body text NOT NULL);
CREATE TABLE draft (id int PRIMARY KEY, order_id int NOT NULL);
CREATE TABLE tiny (id int PRIMARY KEY, status text NOT NULL);
CREATE INDEX orders_total ON orders (total);
CREATE TABLE log (line text NOT NULL);
CREATE INDEX log_upper ON log (upper(line));
INSERT INTO log SELECT 'line ' || n FROM generate_series(1, 20000) n;
INSERT INTO customer SELECT n, 'c' || n || '@x.org', 'r' || n % 4 FROM generate_series(1, 2000) n;
INSERT INTO orders
SELECT n, n * 7 % 2000 + 1, CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'done' END, n % 40 <> 0,
       'ch' || n % 3, timestamptz '2026-01-01' + n * 977 % 20000 * interval '1 minute',
       CASE WHEN n % 100 <> 0 THEN now() END, n * 31 % 20000
FROM generate_series(1, 20000) n;
INSERT INTO note SELECT n, n % 20000 + 1, repeat('x', 50) FROM generate_series(1, 20000) n;
INSERT INTO draft SELECT n, n FROM generate_series(1, 2000) n;
INSERT INTO tiny SELECT n, CASE WHEN n = 1 THEN 'pending' ELSE 'done' END
FROM generate_series(1, 300) n;
ANALYZE;
"""

MODELS = (
    Model("shop.Order", "django", "shop.models", "Order", "orders"),
    Model(
        "shop.Note",
        "django",
        "shop.models",
        "Note",
        "note",
        fields=(Field("order", "order_id", "ForeignKey"),),
    ),
)


@dataclass(frozen=True)
class Clone:
    dsn: str
    name: str
    engine: str = "postgresql"


@pytest.fixture(scope="session")
def shop(postgres):
    dsn = postgres.create(f"diagnose_{token_hex(3)}")  # two folders of tests make one each
    with psycopg.connect(dsn) as connection:
        connection.execute(SCHEMA)
    return Clone(dsn, str(conninfo_to_dict(dsn)["dbname"]))


@pytest.fixture
def planned(shop):
    """The trace of one endpoint that runs these queries, twice, with real plans and tables."""

    def make(*queries: Queries, path: str = "", times: int = 2) -> Trace:
        one = request("GET", "orders/", *queries, path=path)
        return collect(trace(*[one] * times, models=MODELS), [shop])

    return make
