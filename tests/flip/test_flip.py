import threading
import time
from random import Random

import psycopg
import pytest

from unslow.errors import UnslowError
from unslow.lab.prove._stand import Alternative, standing
from unslow.lab.prove.flip import Statement, measure

SCHEMA = """
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
  id int PRIMARY KEY, customer_id int REFERENCES customer, status text NOT NULL, total int
);
CREATE INDEX orders_customer_total ON orders (customer_id, total);
INSERT INTO customer SELECT n, 'c' || n FROM generate_series(1, 500) n;
INSERT INTO orders SELECT n, n % 500 + 1, CASE n % 400 WHEN 0 THEN 'open' ELSE 'done' END, n
FROM generate_series(1, 40000) n;
"""
TOTAL = "CREATE INDEX orders_total ON orders (total)"
STATUS = "CREATE INDEX orders_status ON orders (status)"
OPEN = "CREATE INDEX orders_open ON orders (total) WHERE status = 'open'"
PREFIX = "CREATE INDEX orders_customer ON orders (customer_id)"

BY_TOTAL = Statement("total", "SELECT * FROM orders WHERE total = 77")
BY_KEY = Statement("key", "SELECT * FROM orders WHERE id = 77")
ALL_OPEN = Statement("open", "SELECT total FROM orders WHERE status = 'open' ORDER BY total")
OF_CUSTOMER = Statement("customer", "SELECT * FROM orders WHERE customer_id = 7")

CATALOGUE = """
SELECT array_agg(o ORDER BY o) FROM (
  SELECT relname::text || relkind::text || reloptions::text AS o FROM pg_class
  UNION ALL SELECT relname || relkind::text FROM pg_class WHERE relname !~ '^pg_toast'
  UNION ALL SELECT indexrelid::text || indisvalid::text FROM pg_index
  UNION ALL SELECT setconfig::text FROM pg_db_role_setting
  UNION ALL SELECT name || setting FROM pg_settings WHERE source = 'database') all_
"""


@pytest.fixture(scope="module")
def dsn(postgres):
    dsn = postgres.create("flip")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA)
        connection.execute("VACUUM ANALYZE")
    return dsn


def one(dsn, query):
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query).fetchone()[0]


def flipped(dsn, union, reads, *, alternatives=(), blocks=20):
    """Each index of `union` alone, and the given alternatives, against none, for `reads`."""
    with standing(dsn, union) as stand:
        alone = [Alternative(one.name, stand.without(one)) for one in stand.built.values()]
        found = measure(
            stand.connection,
            Alternative("before", stand.without()),
            dict.fromkeys((*alone, *alternatives), reads),
            random=Random(7),
            seconds_left=lambda: 60.0,
            most_blocks=blocks,
        )
    return found, *alone, *alternatives


def test_the_catalogue_is_the_same_before_and_after(dsn):
    before = one(dsn, CATALOGUE)
    flipped(dsn, [TOTAL, STATUS, OPEN], [BY_TOTAL, ALL_OPEN], blocks=1)
    assert one(dsn, CATALOGUE) == before


def test_an_index_that_no_plan_uses_is_no_gain_without_a_clock(dsn):
    found, index = flipped(dsn, [TOTAL], [BY_KEY])
    assert found.judgement(index).kind == "no-gain"
    assert "the planner uses it for none" in found.judgement(index).reason
    assert not found.runs


def test_a_prefix_of_an_existing_index_is_measured_against_it(dsn):
    found, index = flipped(dsn, [PREFIX], [OF_CUSTOMER])
    flip = found.flip(index)
    [row] = flip.statements
    assert row.rows_removed.before == row.rows_removed.after == 0


def test_a_useful_index_reads_fewer_blocks_and_throws_no_row_away(dsn):
    found, index = flipped(dsn, [TOTAL], [BY_TOTAL])
    flip = found.flip(index)
    [row] = flip.statements
    assert (row.rows_removed.before, row.rows_removed.after) == (39_999, 0)
    assert row.blocks.before > 100 > 10 > row.blocks.after
    assert found.judgement(index).kind == "proven"
    assert flip.repeats >= 4
    assert flip.speedup.low > 1


def test_a_partial_index_serves_its_condition_alone(dsn):
    found, index = flipped(dsn, [OPEN], [ALL_OPEN, BY_TOTAL])
    in_open, by_total = found.flip(index).statements
    assert not in_open.same_plan
    assert by_total.same_plan
    assert by_total.ms.before == by_total.ms.after
    assert in_open.rows_removed.before == 39_900
    assert in_open.rows_removed.after == 0


def test_rivals_are_compared_with_each_other_in_the_same_blocks(dsn):
    found, total, status = flipped(dsn, [TOTAL, STATUS], [BY_TOTAL])
    assert found.judgement(status).kind == "no-gain"
    assert found.judgement(total).kind == "proven"
    assert all(value < 0 for value in found.values(total, status))


def test_a_setting_holds_for_its_own_transaction(dsn):
    slow = Alternative(
        "no index scans", settings=(("enable_indexscan", "off"), ("enable_bitmapscan", "off"))
    )
    found, setting = flipped(dsn, [], [BY_KEY], alternatives=[slow])
    [row] = found.flip(setting).statements
    assert row.rows_removed.before == 0
    assert row.rows_removed.after == 39_999
    assert found.judgement(setting).kind == "slower"
    assert one(dsn, "SHOW enable_indexscan") == "on"


def test_a_setting_is_timed_even_where_the_plan_stays_the_same(dsn):
    off = Alternative("jit off", settings=(("jit", "off"),))
    found, setting = flipped(dsn, [], [BY_KEY], alternatives=[off], blocks=3)
    [row] = found.flip(setting).statements
    assert not row.same_plan
    assert row.blocks.before == row.blocks.after
    assert found.flip(setting).repeats == 3


def test_an_unknown_setting_is_refused_and_harms_no_other(dsn):
    bad = Alternative("bad", settings=(("no_such_setting", "1"),))
    found, index, setting = flipped(dsn, [TOTAL], [BY_TOTAL], alternatives=[bad])
    assert found.judgement(setting).kind == "failed"
    assert "no_such_setting" in found.judgement(setting).reason
    assert found.judgement(index).kind == "proven"


def test_what_writes_or_fails_is_left_out(dsn):
    hidden = Statement("w", "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone")
    absent = Statement("a", "SELECT * FROM absent")
    found, index = flipped(dsn, [TOTAL], [hidden, absent, BY_TOTAL])
    assert set(found.unread) == {"w", "a"}
    assert found.judgement(index).kind == "proven"
    assert one(dsn, "SELECT count(*) FROM orders") == 40_000


def test_a_statement_that_the_database_refuses_leaves_the_rest_of_the_union(dsn):
    bad = "CREATE INDEX nowhere ON orders (no_such_column)"
    with standing(dsn, [bad, TOTAL]) as stand:
        assert "no_such_column" in stand.refused[bad]
        assert stand.built[TOTAL].name == "public.orders_total"
        assert stand.built[TOTAL].bytes > 0


def test_an_index_that_takes_too_long_to_build_is_refused(dsn):
    with standing(dsn, [TOTAL, STATUS], build_s=0.001) as stand:
        assert not stand.built
        assert "statement timeout" in stand.refused[TOTAL]


def test_an_index_that_exists_is_not_taken_for_the_candidate(dsn):
    again = "CREATE INDEX IF NOT EXISTS orders_customer_total ON orders (total)"
    with standing(dsn, [again]) as stand:
        assert stand.refused[again] == "an index of this name exists"
    assert one(dsn, "SELECT count(*) FROM pg_class WHERE relname = 'orders_customer_total'") == 1


def test_a_clone_that_does_not_answer_is_an_error():
    with (
        pytest.raises(UnslowError, match="does not answer"),
        standing("host=127.0.0.1 port=1 connect_timeout=2"),
    ):
        pass


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_ending_it_in_the_middle_leaves_no_index_and_no_lock(dsn, end):
    before = one(dsn, CATALOGUE)
    endless = Statement("endless", "SELECT count(*) FROM orders, pg_sleep(600)")
    ended = threading.Thread(target=lambda: _end_the_sleeper(dsn, end))
    ended.start()
    with pytest.raises(psycopg.OperationalError):
        measured_with(dsn, endless)
    ended.join()
    assert one(dsn, CATALOGUE) == before
    assert one(dsn, LOCKS) == 0


LOCKS = """
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.pid <> pg_backend_pid()
"""


def measured_with(dsn, read):
    with standing(dsn, [TOTAL]) as stand:
        measure(
            stand.connection,
            Alternative("before", stand.without()),
            {Alternative("slow", settings=(("enable_seqscan", "off"),)): [read]},
            random=Random(7),
            seconds_left=lambda: 60.0,
        )


def _end_the_sleeper(dsn, how):
    question = f"SELECT {how}(pid) FROM pg_stat_activity WHERE query ~ 'EXPLAIN .ANALYZE.*pg_sleep'"
    question += " AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'"
    until = time.monotonic() + 60
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not connection.execute(question).fetchall() and time.monotonic() < until:
            pass
