import pytest
from pglast import parse_sql

from unslow.lab.indexing.candidates import Candidate
from unslow.lab.indexing.oracle import Real, Refused, with_first
from unslow.lab.indexing.workload import Executed, workload
from unslow.lab.prove._stand import standing

TOTAL = Candidate("orders", "orders", ("total",))
LATE = Candidate("orders", "orders", ("customer_id",), (), "shipped IS NULL")


def sources(sql):
    return [one.relname for one in parse_sql(sql)[0].stmt.fromClause]


def test_a_statement_keeps_its_order_where_that_could_change_it():
    for sql in (
        "SELECT * FROM a, b ORDER BY 1",
        "SELECT 1 FROM a JOIN b ON true",
        "SELECT 1 FROM a, (SELECT 2) b",
        "UPDATE b SET c = 1 FROM a",
        "SELECT nonsense FROM",
    ):
        assert with_first(sql, frozenset({"b"})) == sql


def test_the_wanted_table_comes_first():
    assert sources(with_first("SELECT a.c FROM a, b WHERE a.c = b.c", frozenset({"b"}))) == [
        "b",
        "a",
    ]


def question(sql, known, connection):
    return workload([Executed(sql)], known, connection).questions[0]


def test_a_statement_is_not_asked_about_what_it_cannot_use(known, connection):
    one = question("SELECT id FROM orders WHERE total = 3", known, connection)
    assert one.may_use("orders", ("total", "made"), frozenset({"total", "made"}))
    assert one.may_use("orders", ("made",), frozenset({"made", "id", "total"}))
    assert not one.may_use("orders", ("made",), frozenset({"made"}))
    assert not one.may_use("customer", ("id",), frozenset({"id"}))


def test_built_indexes_are_seen_only_where_they_are_wanted(shop, known, connection):
    one = question("SELECT id FROM orders WHERE total = 30000", known, connection)
    refused = Candidate("orders", "orders", ("nowhere",))
    with standing(shop, [each.sql() for each in (TOTAL, LATE, refused)]) as stand:
        oracle = Real(stand, [TOTAL, LATE, refused])
        without, used = oracle.plan(one, [])
        assert used == frozenset()
        cost, used = oracle.plan(one, [TOTAL, LATE])
        assert used == {TOTAL}
        assert cost < without / 2
        assert oracle.bytes_of(LATE) < oracle.bytes_of(TOTAL)
        with pytest.raises(Refused, match="does not exist"):
            oracle.bytes_of(refused)
        assert oracle.calls == 2


def test_what_may_do_something_is_left_out(known, connection):
    found = workload(
        [
            Executed("SELECT pg_sleep(10)"),
            Executed("SELECT nextval('s'), total FROM orders"),
            Executed("SELECT nowhere FROM orders"),
            Executed("SELECT total FROM orders WHERE id = $1 + abs($2)", parameters=None),
        ],
        known,
        connection,
    )
    assert found.questions == []
    assert list(found.left_out.values()) == [
        "it calls pg_sleep(), which may do something",
        "it calls nextval(), which may do something",
        'column "nowhere" does not exist',
        "a value of it is not known and cannot be guessed",
    ]


def test_a_view_is_asked_about_the_tables_behind_it(known, connection):
    one = question("SELECT total FROM shipped WHERE customer_id = 3", known, connection)
    assert one.tables == {"orders"}
    assert one.may_use("orders", ("made",), frozenset({"made"}))


def test_values_that_nobody_recorded_are_typical_ones(known, connection):
    sql = "SELECT id FROM orders WHERE customer_id = $1 AND made > $2 LIMIT $3"
    (one,) = workload([Executed(sql, parameters=None)], known, connection).questions
    assert "$" not in one.read.sql
    assert one.read.sql.endswith("LIMIT 20")
    assert "made > '2026-" in one.read.sql


def test_writes_are_planned_and_never_executed(known, connection):
    found = workload(
        [
            Executed("DELETE FROM orders WHERE total = 3"),
            Executed("SELECT id FROM orders FOR UPDATE"),
        ],
        known,
        connection,
    )
    assert [one.only_planned for one in found.questions] == [True, True]


def test_inserted_rows_are_counted(known, connection):
    found = workload(
        [Executed("INSERT INTO orders (id, total) VALUES (1, 2), (2, 3)", 10)], known, connection
    )
    (write,) = found.writes
    assert (write.kind, write.table, write.columns, write.rows) == (
        "insert",
        "orders",
        ("id", "total"),
        20,
    )
