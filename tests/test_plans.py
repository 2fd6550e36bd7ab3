from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict

from tests.builders import Queries, query, request, trace
from unslow.errors import UnslowError
from unslow.lab import plans
from unslow.lab.plans import collect
from unslow.model import PlanNode

SCHEMA = """
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int REFERENCES customer, status text NOT NULL, total int
);
CREATE INDEX orders_open ON orders (lower(status), total DESC) WHERE status = 'lost';
INSERT INTO customer SELECT n, 'c' || n FROM generate_series(1, 50) n;
INSERT INTO orders SELECT n, n % 50 + 1, CASE n % 100 WHEN 0 THEN 'open' ELSE 'done' END, n
FROM generate_series(1, 3000) n;
ANALYZE;
"""


@dataclass(frozen=True)
class Clone:
    engine: str
    dsn: str
    name: str = "plans"
    source: str = ""


@pytest.fixture(scope="module")
def database(postgres):
    dsn = postgres.create("plans")
    with psycopg.connect(dsn) as connection:
        connection.execute(SCHEMA)
    return Clone("postgresql", dsn)


def collected(database, *queries):
    return collect(trace(request("GET", "orders/", *queries)), [database])


def walk(node: PlanNode) -> Iterator[PlanNode]:
    yield node
    for child in node.children:
        yield from walk(child)


def test_nothing_is_asked_of_other_engines():
    before = trace(request("GET", "orders/", query("SELECT * FROM orders", parameters=())))
    assert collect(before, [Clone("sqlite", "/nowhere")]) == before


def test_a_database_that_does_not_answer_ends_the_command():
    gone = Clone("postgresql", "host=127.0.0.1 port=1 connect_timeout=2")
    with pytest.raises(UnslowError, match="plans of the clone plans failed"):
        collected(gone)


def test_tables_come_with_rows_columns_and_indexes(database):
    tables = {table.name: table for table in collected(database).tables}
    assert set(tables) == {"customer", "orders"}
    orders = tables["orders"]
    assert (orders.schema, orders.rows) == ("public", 3000)
    assert orders.bytes > 0
    assert [(c.name, c.type, c.null) for c in orders.columns] == [
        ("id", "integer", False),
        ("customer_id", "integer", True),
        ("status", "text", False),
        ("total", "integer", True),
    ]
    assert {c.name: c.distinct for c in orders.columns}["status"] == 2
    partial, primary = orders.indexes
    assert partial.columns == ("lower(status)", "total")
    assert partial.predicate == "(status = 'lost'::text)"
    assert "total DESC" in partial.definition
    assert (primary.name, primary.columns, primary.primary) == ("orders_pkey", ("id",), True)


def test_statistics_of_a_new_database_say_nothing_of_its_indexes(database):
    copied = Clone("postgresql", database.dsn, source=conninfo_to_dict(database.dsn)["dbname"])
    [orders] = [one for one in collected(copied).tables if one.name == "orders"]
    assert orders.scans is None
    assert {index.scans for index in orders.indexes} == {None}


def test_statistics_of_a_week_tell_how_often_a_table_was_scanned(database, monkeypatch):
    monkeypatch.setattr(plans, "STATISTICS_DAYS", 0)
    copied = Clone("postgresql", database.dsn, source=conninfo_to_dict(database.dsn)["dbname"])
    [orders] = [one for one in collected(copied).tables if one.name == "orders"]
    assert orders.scans is not None


def test_a_plan_counts_the_rows_that_a_scan_read_and_dropped(database):
    sql = "SELECT * FROM orders o WHERE o.status = %s"
    [plan] = collected(database, query(sql, parameters=("'open'",))).plans
    assert plan.sql == sql
    assert (plan.root.node, plan.root.table, plan.root.alias) == ("Seq Scan", "orders", "o")
    assert (plan.root.rows, plan.root.rows_removed) == (30, 2970)
    assert plan.root.filter == "(status = 'open'::text)"
    assert plan.total_ms > 0


def test_rows_and_times_are_totals_over_all_loops(database):
    sql = "SELECT c.id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) FROM customer c"
    [plan] = collected(database, query(sql, parameters=())).plans
    scan = next(node for node in walk(plan.root) if node.alias == "o")
    assert (scan.loops, scan.rows, scan.rows_removed) == (50, 3000, 147_000)
    assert plan.root.ms >= scan.ms


def test_the_slowest_execution_of_a_shape_is_explained(database):
    sql = "SELECT * FROM orders WHERE status = $1"
    fast = query(sql, parameters=("'done'",), ms=1.0)
    slow = query(sql, parameters=("'open'",), ms=5.0)
    [plan] = collected(database, fast, slow, fast).plans
    assert plan.root.rows == 30


def test_writes_and_what_fails_are_left_out(database):
    seen = collected(
        database,
        query("DELETE FROM orders", parameters=()),
        query("SELECT * FROM absent", parameters=()),
        query("SELECT * FROM orders WHERE id = %s", parameters=None),
        query("SELECT * FROM orders FOR UPDATE", parameters=()),
        query("SELECT 1 FROM customer", parameters=()),
    )
    assert [plan.sql for plan in seen.plans] == ["SELECT 1 FROM customer"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; COMMIT; DELETE FROM orders",
        "SELECT * FROM orders WHERE 1 / (total - total) = 1",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
    ],
)
def test_nothing_is_written(database, sql):
    hidden = replace(query(sql, parameters=()).all[0], kind="select")
    assert collected(database, Queries((hidden,))).plans == ()
    with psycopg.connect(database.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3000,)
