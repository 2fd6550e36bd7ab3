"""`unslow indexes` from the command line, on a database that must stay as it is."""

import json

import psycopg
import pytest

from unslow.cli import main
from unslow.errors import UnslowError
from unslow.lab.indexing import Options, advise
from unslow.lab.indexing.workload import Executed
from unslow.progress import Silent

QUERIES = """
SELECT id FROM orders WHERE customer_id = 77 ORDER BY made DESC LIMIT 5;
SELECT id FROM orders WHERE customer_id = 78 ORDER BY made DESC LIMIT 5;
SELECT o.total FROM orders o JOIN customer c ON c.id = o.customer_id
WHERE c.email = 'e4@example.org';
SELECT pg_terminate_backend(pid) FROM pg_stat_activity;
DELETE FROM orders WHERE id = 5;
"""
STATE = """
SELECT md5(string_agg(o, ',' ORDER BY o)) FROM (
  SELECT c.oid::text || c.relname || c.relfilenode AS o FROM pg_class c
  UNION ALL SELECT extname FROM pg_extension
  UNION ALL SELECT xmin::text || id::text FROM orders) all_
"""


def state(dsn):
    with psycopg.connect(dsn) as connection:
        databases = connection.execute("SELECT array_agg(datname::text) FROM pg_database")
        names = sorted(databases.fetchone()[0])
        return connection.execute(STATE).fetchone()[0], [
            name for name in names if name.startswith("unslow_")
        ]


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["indexes", *map(str, arguments)])
    return ended.value.code or 0


@pytest.fixture
def queries(tmp_path):
    path = tmp_path / "queries.sql"
    path.write_text(QUERIES)
    return path


def test_without_a_database_it_says_how_to_name_one(monkeypatch, capsys):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert run() == 2
    assert "--database postgresql://" in capsys.readouterr().err


def test_two_sources_and_odd_sizes_are_refused(queries, capsys):
    dsn = "postgresql://localhost/none"
    assert run("--database", dsn, "--log", queries, "--queries", queries) == 2
    assert run("--database", dsn, "--log", queries, "--trace", queries) == 2
    assert run("--database", dsn, "--queries", queries, "--size", "much") == 2


def test_statements_that_no_index_helps_get_none(shop, tmp_path, capsys):
    path = tmp_path / "queries.sql"
    path.write_text("SELECT count(*) FROM orders; SELECT * FROM customer WHERE id = 3;")
    assert run("--database", shop, "--queries", path, "--time-budget", "20s") == 0
    assert "CREATE INDEX" not in capsys.readouterr().out


def test_indexes_are_advised_and_the_database_stays_as_it_is(shop, queries, tmp_path, capsys):
    before = state(shop)
    report = tmp_path / "advice.json"
    code = run(
        *("--database", shop.replace("postgresql://", "postgresql+psycopg://")),
        *("--queries", queries, "--json", report, "--time-budget", "30s"),
    )
    assert code == 0
    assert state(shop) == before
    assert before[1] == []
    text = capsys.readouterr().out
    assert "ON orders (customer_id" in text
    assert "ON customer (email" in text
    assert "it calls pg_terminate_backend(), which may do something" in text
    advice = json.loads(report.read_bytes())
    assert advice["flip"]["ms"]["after"] < advice["flip"]["ms"]["before"] / 2
    assert advice["cost"]["after"] < advice["cost"]["before"] / 2
    assert {one["table"] for one in advice["indexes"]} == {"orders", "customer"}


def test_an_index_that_its_writes_pay_for_is_not_advised(shop):
    insert = "INSERT INTO orders (id, status, made, late) VALUES (1, 'a', '2026-01-01', true)"
    read = Executed("SELECT id FROM orders WHERE customer_id = 77")
    advice = advise(shop, [read, Executed(insert, 1e6)], Options(budget_s=20.0), Silent())
    assert advice.indexes == ()


def test_where_cloning_is_refused_indexes_can_only_be_hypothetical(shop, postgres):
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    dsn = shop.replace(postgres.user + "@", "reader@", 1)
    with pytest.raises(UnslowError, match="CREATEDB") as raised:
        advise(dsn, [Executed("SELECT id FROM orders WHERE total = 3")], Options(), Silent())
    assert "CREATE EXTENSION hypopg" in str(raised.value)
