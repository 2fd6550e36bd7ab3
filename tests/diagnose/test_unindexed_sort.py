import pytest
from msgspec.structs import replace

from tests.builders import query, request, site, trace
from unslow.lab.diagnose.unindexed_sort import find
from unslow.model import Index

USE = "shop/views.py:15:20 newest"


@pytest.fixture
def found(planned):
    def run(sql, *parameters):
        return list(find(planned(query(sql, USE, parameters=parameters, ms=5.0))))

    return run


def test_silent_without_plans():
    assert list(find(trace(request("GET", "a/", query("SELECT * FROM orders"))))) == []


@pytest.mark.parametrize(
    ("reason", "sql"),
    [
        ("an index gives the order", "SELECT * FROM orders ORDER BY total DESC LIMIT 20"),
        ("all rows are returned", "SELECT * FROM orders ORDER BY created_at"),
        ("most rows are returned", "SELECT * FROM orders ORDER BY created_at LIMIT 15000"),
        ("few rows are there", "SELECT * FROM tiny ORDER BY status LIMIT 2"),
        (
            "few rows are left",
            "SELECT * FROM orders WHERE total = 5 ORDER BY id LIMIT 5",
        ),
        ("groups are ordered", "SELECT status FROM orders GROUP BY status ORDER BY status LIMIT 1"),
        ("an expression orders", "SELECT * FROM orders ORDER BY total % 7 LIMIT 20"),
        ("nulls are moved", "SELECT * FROM orders ORDER BY paid_at DESC NULLS LAST LIMIT 20"),
        (
            "two tables order",
            "SELECT * FROM orders o JOIN note n ON n.order_id = o.id "
            "ORDER BY o.created_at, n.body LIMIT 20",
        ),
    ],
)
def test_silent_when(found, reason, sql):
    assert found(sql) == [], reason


def test_silent_when_many_small_sorts_make_a_large_one(planned):
    asked = query("SELECT * FROM tiny ORDER BY status LIMIT 2", USE, parameters=()).same(50)
    assert list(find(planned(asked))) == []


def test_silent_for_a_selective_condition_which_is_a_filter(found):
    assert found("SELECT * FROM orders WHERE customer_id < 201 ORDER BY created_at LIMIT 5") == []


def test_fires_on_the_first_rows_of_a_sorted_table(found):
    [one] = found("SELECT * FROM orders ORDER BY created_at DESC LIMIT 20")
    assert one.id == "unindexed-sort"
    assert one.title == (
        "GET orders/ sorts 20000 rows of orders to return 20 (shop/views.py:15 in newest)"
    )
    assert one.cause == site(USE)
    assert one.confidence == "certain"
    assert one.evidence.order == ("-created_at",)
    assert one.evidence.model == "shop.Order"
    assert (one.evidence.rows_read, one.evidence.rows_used) == (20000, 20)


def test_an_unselective_condition_leads_the_index(found):
    [one] = found(
        "SELECT * FROM orders WHERE status = %s ORDER BY created_at, id LIMIT 20", "'done'"
    )
    assert (one.evidence.equality, one.evidence.order) == (("status",), ("created_at", "id"))


def test_a_list_of_values_is_left_to_be_filtered_along_the_order(found):
    sql = "SELECT * FROM orders WHERE channel IN (%s, %s) ORDER BY created_at LIMIT 20"
    [one] = found(sql, "'ch1'", "'ch2'")
    assert (one.evidence.equality, one.evidence.order) == ((), ("created_at",))


def test_positions_and_output_names_are_resolved(found):
    [one] = found("SELECT created_at AS made, id FROM orders ORDER BY made DESC, 2 LIMIT 20")
    assert one.evidence.order == ("-created_at", "id")


def test_a_join_may_lie_between_sort_and_table(found):
    sql = (
        "SELECT o.id, c.email FROM orders o JOIN customer c ON c.id = o.customer_id "
        "ORDER BY o.created_at DESC LIMIT 20"
    )
    [one] = found(sql)
    assert one.evidence.table == "orders"
    assert one.confidence == "likely"


@pytest.mark.parametrize(
    ("definition", "served"),
    [
        ("CREATE INDEX i ON orders USING btree (created_at)", True),
        ("CREATE INDEX i ON orders USING btree (created_at DESC, id DESC)", True),
        ("CREATE INDEX i ON orders USING btree (created_at DESC, id)", False),
        ("CREATE INDEX i ON orders USING btree (id, created_at)", False),
    ],
)
def test_an_index_serves_in_either_direction(planned, definition, served):
    order = "created_at DESC" if "id" not in definition else "created_at, id"
    sql = f"SELECT * FROM orders ORDER BY {order} LIMIT 20"
    seen = planned(query(sql, USE, parameters=(), ms=5.0))
    columns = tuple(part.split()[0] for part in definition.split("(")[1].rstrip(")").split(","))
    index = Index("i", columns, definition=definition)
    tables = tuple(replace(table, indexes=(index,)) for table in seen.tables)
    assert bool(list(find(replace(seen, tables=tables)))) is not served
