from dataclasses import replace as replaced

import psycopg
import pytest
from msgspec.structs import replace

from tests.builders import link, load, origin, query, request, site, trace
from tests.diagnose.conftest import MODELS
from unslow.lab.diagnose.unindexed_filter import find
from unslow.lab.plans import collect

VIEW = "shop/views.py:12:13 pending"
USE = "shop/views.py:15:20 pending"


@pytest.fixture
def found(planned):
    def run(sql, *parameters, path="", times=2, **fields):
        asked = query(sql, USE, parameters=parameters, ms=5.0, **fields)
        return list(find(planned(asked, path=path, times=times)))

    return run


@pytest.fixture
def evidence(found):
    def run(*args, **fields):
        [one] = found(*args, **fields)
        return one.evidence

    return run


def test_silent_without_plans():
    assert list(find(trace(request("GET", "a/", query("SELECT * FROM orders"))))) == []


@pytest.mark.parametrize(
    ("reason", "sql", "value"),
    [
        ("an index serves", "SELECT * FROM orders WHERE total = %s", "5"),
        ("the primary key serves", "SELECT * FROM orders WHERE id = %s", "5"),
        ("a unique key serves", "SELECT * FROM customer WHERE email = %s", "'c5@x.org'"),
        ("most rows are wanted", "SELECT * FROM orders WHERE status = %s", "'done'"),
        ("a third of the rows is wanted", "SELECT * FROM orders WHERE channel = %s", "'ch1'"),
        ("the table is small", "SELECT * FROM tiny WHERE status = %s", "'pending'"),
        ("either may hold", "SELECT * FROM orders WHERE status = %s OR total < 5", "'pending'"),
        (
            "a function hides the column",
            "SELECT * FROM orders WHERE reverse(status) = %s",
            "'gnidnep'",
        ),
        ("a cast hides it", "SELECT * FROM orders WHERE created_at::date = %s", "'2026-01-01'"),
        ("it differs", "SELECT * FROM orders WHERE status <> %s", "'done'"),
        (
            "the selective condition is another one",
            "SELECT * FROM orders WHERE archived AND customer_id::text = %s",
            "'70'",
        ),
        ("no column stands alone", "SELECT * FROM log WHERE reverse(line) = %s", "'7 enil'"),
        ("an index of the function serves", "SELECT * FROM log WHERE upper(line) = %s", "'LINE 7'"),
        (
            "two columns of a row are compared",
            "SELECT * FROM log l WHERE l.line = l.line || %s",
            "'x'",
        ),
        ("a wildcard leads", "SELECT * FROM orders WHERE status LIKE %s", "'%ding'"),
    ],
)
def test_silent_when(found, reason, sql, value):
    assert found(sql, value) == [], reason


def test_a_comparison_without_regard_to_case_wants_an_index_of_the_function(evidence):
    found = evidence("SELECT * FROM orders WHERE upper(status::text) = upper(%s)", "'Pending'")
    assert found.equality == ("upper(status)",)
    found = evidence("SELECT line FROM log WHERE lower(line) = %s", "'line 7'")
    assert found.equality == ("lower(line)",)


def test_the_few_narrow_columns_of_many_rows_may_be_held_by_the_index(evidence):
    sql = "SELECT sum(total) FROM orders WHERE created_at > '2026-01-13'"
    assert evidence(sql).included == ("total",)
    assert evidence("SELECT * FROM orders WHERE created_at > '2026-01-13'").included == ()
    assert evidence("SELECT status FROM orders WHERE created_at > '2026-01-13'").included == ()
    assert evidence("SELECT sum(total) FROM orders WHERE customer_id = 70").included == ()
    assert evidence("SELECT count(o) FROM orders o WHERE created_at > '2026-01-13'").included == ()


def test_silent_when_the_whole_table_is_joined(found):
    sql = "SELECT count(n.body) FROM orders o JOIN note n ON n.order_id = o.id"
    assert found(sql) == []


@pytest.mark.parametrize(
    ("reason", "sql"),
    [
        (
            "much is found by the join",
            "SELECT o.id FROM customer c JOIN orders o ON o.customer_id = c.id "
            "WHERE c.region = 'r1'",
        ),
        (
            "both sides are large",
            "SELECT n.id FROM orders o JOIN note n ON n.order_id = o.id AND n.id = o.customer_id",
        ),
        (
            "the primary key would serve",
            "SELECT o.id, n.body FROM note n JOIN orders o ON o.id = n.order_id WHERE n.id < 3500",
        ),
    ],
)
def test_silent_for_a_join_when(found, reason, sql):
    assert found(sql) == [], reason


def test_silent_when_many_small_scans_make_a_large_one(planned):
    sql = "SELECT * FROM tiny WHERE status = %s"
    assert list(find(planned(query(sql, USE, parameters=("'pending'",)).same(50)))) == []


def test_silent_when_the_scan_is_a_small_part_of_the_statement(found):
    sql = (
        "SELECT (SELECT count(*) FROM orders a, generate_series(1, 40) n) FROM orders "
        "WHERE status = %s"
    )
    assert found(sql, "'pending'") == []


def test_silent_when_a_request_reads_few_rows_in_all(found):
    assert found("SELECT * FROM draft WHERE order_id = %s", "7") == []


def test_small_scans_add_up(planned):
    sql = "SELECT max(id) FROM note WHERE order_id = %s"
    asked = query(sql.replace("note", "draft"), USE, parameters=("7",), ms=1.0)
    assert list(find(planned(asked))) == []
    [one] = find(planned(asked.same(4)))
    assert one.evidence.rows_read == 2000


def test_an_equality_that_is_selective_counts_beside_another_condition(evidence):
    sql = "SELECT * FROM orders WHERE customer_id = %s AND upper(status) = 'DONE'"
    assert evidence(sql, "70").equality == ("customer_id",)


def test_fires_on_a_selective_condition(found):
    [one] = found("SELECT * FROM orders WHERE customer_id = %s", "70")
    assert one.id == "unindexed-filter"
    assert one.title == (
        "GET orders/ reads 20000 rows of orders to use 10 (shop/views.py:15 in pending)"
    )
    assert one.confidence == "certain"
    assert one.evidence.table == "orders"
    assert one.evidence.model == "shop.Order"
    assert one.evidence.equality == ("customer_id",)
    assert (one.evidence.rows_read, one.evidence.rows_used) == (20000, 10)
    assert one.cost.queries_per_request == 1
    assert 2.0 < one.cost.ms_per_request <= 5.0


def test_the_cause_is_the_expression_that_states_the_query(found):
    own = origin("shop.Order", link("filter", VIEW))
    asked = load("select", model="shop.Order", queryset=own)
    [one] = found("SELECT * FROM orders WHERE customer_id = %s", "70", load=asked)
    assert (one.cause, one.symptom) == (site(VIEW), site(USE))


def test_a_lazy_relation_without_an_application_frame_blames_the_parents(planned):
    orders = origin("shop.Order", link("all", VIEW))
    notes = load("reverse", parent="shop.Order", relation="notes", origin=orders)
    asked = query("SELECT * FROM note WHERE order_id = %s", parameters=("7",), load=notes, ms=5.0)
    [one] = find(planned(asked))
    assert one.cause == site(VIEW)
    assert one.evidence.model == "shop.Note"


def test_a_range_alone(evidence):
    sql = "SELECT * FROM orders WHERE created_at >= %s AND created_at < %s"
    one = evidence(sql, "'2026-01-02'::timestamptz", "'2026-01-03'::timestamptz")
    assert (one.equality, one.ranges) == ((), ("created_at",))


def test_equality_comes_before_range_and_many_values_before_few(evidence):
    sql = "SELECT * FROM orders WHERE created_at >= %s AND status = %s AND customer_id = %s"
    one = evidence(sql, "'2026-01-02'::timestamptz", "'done'", "70")
    assert (one.equality, one.ranges) == (("customer_id", "status"), ("created_at",))


def test_the_order_of_a_limited_result_follows(evidence):
    sql = "SELECT * FROM orders WHERE status = %s ORDER BY created_at DESC, id LIMIT 20"
    one = evidence(sql, "'pending'")
    assert one.order == ("-created_at", "id")


def test_the_order_of_a_few_rows_does_not_matter(evidence):
    sql = "SELECT * FROM orders WHERE customer_id = %s ORDER BY created_at LIMIT 5"
    assert evidence(sql, "70").order == ()


def test_the_order_of_an_unlimited_result_does_not_matter(evidence):
    sql = "SELECT * FROM orders WHERE status = %s ORDER BY created_at DESC"
    assert evidence(sql, "'pending'").order == ()


def test_a_list_of_values_cannot_keep_the_order(evidence):
    sql = "SELECT * FROM orders WHERE status IN (%s, %s) ORDER BY created_at LIMIT 20"
    one = evidence(sql, "'pending'", "'lost'")
    assert (one.equality, one.order) == (("status",), ())


def test_conditions_without_a_value_count(evidence):
    one = evidence("SELECT * FROM orders WHERE NOT archived AND paid_at IS NULL")
    assert set(one.equality) == {"archived", "paid_at"}
    assert one.predicate == "NOT archived AND paid_at IS NULL"


def test_a_join_through_a_column_without_index(found):
    sql = (
        "SELECT n.body FROM orders o JOIN note n ON n.order_id = o.id "
        "WHERE o.id IN (%s, %s) AND length(n.body) > 1"
    )
    [one] = found(sql, "5", "6")
    assert one.evidence.equality == ("order_id",)
    assert one.evidence.model == "shop.Note"


def test_a_correlated_subquery_through_a_column_without_index(found):
    sql = (
        "SELECT o.id, (SELECT max(n.body) FROM note n WHERE n.order_id = o.id) "
        "FROM orders o WHERE o.id < %s"
    )
    [one] = found(sql, "6")
    assert (one.evidence.table, one.evidence.equality) == ("note", ("order_id",))


def test_a_walk_along_another_index_that_drops_most_rows(planned):
    sql = "SELECT * FROM orders WHERE status = %s ORDER BY total LIMIT 25"
    seen = planned(query(sql, USE, parameters=("'pending'",), ms=5.0).same(5))
    assert seen.plans[0].root.children[0].node == "Index Scan"
    [one] = find(seen)
    assert (one.evidence.equality, one.evidence.order) == (("status",), ("total",))


def test_a_constant_state_is_worth_a_partial_index(evidence):
    assert evidence("SELECT * FROM orders WHERE status = %s", "'pending'").predicate == (
        "status = 'pending'"
    )


def test_a_literal_in_the_statement_is_constant(evidence):
    one = evidence("SELECT * FROM orders WHERE status = 'pending'", times=1)
    assert one.predicate == "status = 'pending'"


def test_a_value_from_the_url_is_not_constant(evidence):
    sql = "SELECT * FROM orders WHERE status = %s"
    for path in ("/orders/?status=pending", "/orders/pending/", "/orders/?in=done%2Cpending"):
        assert evidence(sql, "'pending'", path=path).predicate == ""


def test_a_value_that_is_a_part_of_a_word_in_the_url_is_constant(evidence):
    sql = "SELECT * FROM orders WHERE status = %s"
    assert evidence(sql, "'pending'", path="/orders/pendings/").predicate == "status = 'pending'"


def test_a_value_seen_once_is_not_constant(evidence):
    assert evidence("SELECT * FROM orders WHERE status = %s", "'pending'", times=1).predicate == ""


def test_an_owner_is_not_constant_although_one_user_logs_in(evidence):
    assert evidence("SELECT * FROM orders WHERE customer_id = %s", "70").predicate == ""


def test_a_value_that_varies_is_not_constant(shop):
    sql = "SELECT * FROM orders WHERE status = %s"
    values = ("'pending'", "'lost'")
    asked = [query(sql, USE, parameters=(value,), ms=5.0) for value in values]
    [one] = find(collect(trace(*(request("GET", "a/", a) for a in asked * 2)), [shop]))
    assert one.evidence.predicate == ""


def test_statements_that_want_one_index_are_one_finding(planned):
    page = "SELECT * FROM orders WHERE status = %s ORDER BY created_at DESC LIMIT 20"
    count = "SELECT count(*) FROM orders WHERE status = %s"
    asked = [query(sql, USE, parameters=("'pending'",), ms=5.0) for sql in (page, count)]
    [one] = find(planned(*asked))
    assert one.evidence.order == ("-created_at",)
    assert one.cost.queries_per_request == 2


def test_an_index_serves_the_opposite_order_as_well(planned):
    base = "SELECT * FROM orders WHERE status = %s ORDER BY"
    orders = ("created_at, id LIMIT 20", "created_at DESC, id DESC LIMIT 20")
    asked = [query(f"{base} {one}", USE, parameters=("'pending'",)) for one in orders]
    assert len(list(find(planned(*asked)))) == 1
    mixed = query(f"{base} created_at DESC, id LIMIT 20", USE, parameters=("'pending'",))
    assert len(list(find(planned(asked[0], mixed)))) == 2


def test_a_constant_and_a_varying_state_are_two_findings(shop):
    def page(order, value, path):
        sql = f"SELECT * FROM orders WHERE status = %s ORDER BY created_at {order} LIMIT 20"
        return request("GET", path, query(sql, USE, parameters=(value,), ms=5.0), path=path)

    dashboard = page("ASC", "'pending'", "dashboard/")
    chosen = page("DESC", "'pending'", "orders/?status=pending")
    seen = collect(trace(dashboard, dashboard, chosen, chosen, models=MODELS), [shop])
    predicates = {one.evidence.predicate for one in find(seen)}
    assert predicates == {"status = 'pending'", ""}


def test_indexes_that_differ_are_two_findings(planned):
    by_status = query("SELECT * FROM orders WHERE status = %s", USE, parameters=("'pending'",))
    by_customer = query("SELECT * FROM orders WHERE customer_id = %s", USE, parameters=("7",))
    assert len(list(find(planned(by_status, by_customer)))) == 2


def test_silent_once_the_index_is_there(planned, shop, postgres):
    asked = query("SELECT * FROM orders WHERE status = %s", USE, parameters=("'pending'",), ms=5.0)
    dsn = postgres.dsn("cured")
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE cured TEMPLATE {shop.name}")
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE INDEX ON orders (status, created_at)")
    seen = trace(request("GET", "orders/", asked))
    assert list(find(collect(seen, [replaced(shop, dsn=dsn)]))) == []


def test_an_unusable_partial_index_does_not_count(planned):
    seen = planned(query("SELECT * FROM orders WHERE status = %s", USE, parameters=("'pending'",)))
    orders = next(table for table in seen.tables if table.name == "orders")
    other = replace(orders.indexes[0], columns=("status",), predicate="total > 5", definition="")
    tables = tuple(
        replace(table, indexes=(other,)) if table is orders else table for table in seen.tables
    )
    assert len(list(find(replace(seen, tables=tables)))) == 1
