from pglast import parse_sql

from unslow.lab.indexing.wants import Order, asked


def test_a_name_that_is_no_table_wants_nothing(wants):
    assert wants("WITH orders AS (SELECT 1 AS total) SELECT * FROM orders WHERE total = 1") == []
    assert wants("SELECT * FROM nowhere, generate_series(1, 3) AS orders WHERE total = 1") == []


def test_an_expression_of_a_column_is_no_condition_on_it(wants):
    (orders,) = wants("SELECT id FROM orders WHERE total + 1 = 5 AND lower(status) = 'open'")
    assert (orders.equal, orders.ranges) == ({}, [])
    assert set(orders.used) == {"id", "total", "status"}


def test_a_pattern_that_begins_with_a_wildcard_is_no_range(wants):
    (customer,) = wants("SELECT id FROM customer WHERE email LIKE '%.org'")
    assert customer.ranges == []


def test_columns_without_an_alias_belong_to_the_table_that_has_them(wants):
    customer, orders = wants(
        "SELECT name, total FROM customer c, orders"
        " WHERE c.id = customer_id AND status = 'open' AND total > 5 AND made IN ('2026-01-02')"
    )
    assert customer.joins == {"orders": ["id"]}
    assert orders.joins == {"c": ["customer_id"]}
    assert orders.equal == {"status": "'open'"}
    assert orders.ranges == ["total"]
    assert orders.listed == ["made"]
    assert set(customer.used) == {"id", "name"}


def test_a_subquery_joins_with_the_statement_around_it(wants):
    customer, orders = wants(
        "SELECT name FROM customer c WHERE EXISTS"
        " (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.late)"
    )
    assert orders.joins == {"c": ["customer_id"]}
    assert orders.always == {("late",): "late"}
    assert customer.joins == {"o": ["id"]}


def test_in_with_a_subquery_joins_both_sides(wants):
    customer, orders = wants(
        "SELECT name FROM customer WHERE id IN (SELECT customer_id FROM orders WHERE total = 3)"
    )
    assert customer.joins == {"": ["id"]}
    assert orders.joins == {"": ["customer_id"]}


def test_only_what_all_sides_of_an_or_ask_counts(wants):
    (orders,) = wants(
        "SELECT id FROM orders WHERE (status = 'open' AND total > 5) OR (status = 'new' AND late)"
    )
    assert orders.listed == ["status"]
    assert orders.ranges == []
    assert orders.always == {}


def test_two_columns_of_one_row_are_compared_without_a_value(wants):
    (orders,) = wants("SELECT id FROM orders WHERE shipped > made")
    assert list(orders.always) == [("made", "shipped")]


def test_order_and_group_are_seen_through_positions_and_names(wants):
    (orders,) = wants("SELECT id, made AS day FROM orders ORDER BY 2 DESC, id")
    assert orders.order == (Order("made", True), Order("id", False))
    (orders,) = wants("SELECT status AS s, count(*) FROM orders GROUP BY s ORDER BY count(*)")
    assert (orders.group, orders.order) == (("status",), ())
    (orders,) = wants("SELECT max(total) FROM orders")
    assert orders.order == (Order("total"),)


def test_a_star_reads_the_whole_row(wants):
    customer, orders = wants("SELECT o.* FROM customer c JOIN orders o ON o.customer_id = c.id")
    assert (customer.whole, orders.whole) == (False, True)


def test_parameters_know_their_columns(known):
    found = asked(
        parse_sql(
            "SELECT id FROM orders WHERE status = $1 AND made BETWEEN $2 AND $3 LIMIT $4 OFFSET $5"
        )[0].stmt,
        known,
    )
    assert [(one.column, one.operator) for one in found.parameters.values()] == [
        ("status", "="),
        ("made", "between >="),
        ("made", "between <="),
    ]
    assert found.limits == {4: "limit", 5: "offset"}
