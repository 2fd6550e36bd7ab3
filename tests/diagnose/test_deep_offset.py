import pytest

from tests.builders import query, request, trace
from unslow.lab.diagnose.deep_offset import find

USE = "shop/views.py:15:20 archive"


@pytest.fixture
def found(planned):
    def run(sql, *parameters):
        return list(find(planned(query(sql, USE, parameters=parameters, ms=5.0))))

    return run


def test_silent_without_plans():
    asked = query("SELECT * FROM orders ORDER BY id LIMIT 10 OFFSET 9000")
    assert list(find(trace(request("GET", "a/", asked)))) == []


def test_silent_on_the_first_page(found):
    assert found("SELECT * FROM orders ORDER BY id LIMIT %s OFFSET %s", "50", "100") == []


def test_fires_on_a_page_far_behind(found):
    [one] = found("SELECT * FROM orders o ORDER BY o.id LIMIT %s OFFSET %s", "50", "15000")
    assert one.id == "deep-offset"
    assert one.title == ("GET orders/ skips 15000 rows to return 50 (shop/views.py:15 in archive)")
    assert one.evidence.table == "orders"
    assert one.evidence.reference == "WHERE id > :last_id ORDER BY id LIMIT …"
    assert (one.evidence.rows_read, one.evidence.rows_used) == (15050, 50)
    assert 0.0 < one.cost.ms_per_request <= 5.0


@pytest.mark.parametrize(
    ("order", "reference"),
    [
        (
            "created_at DESC, id DESC",
            "WHERE (created_at, id) < (:last_created_at, :last_id) "
            "ORDER BY created_at DESC, id DESC LIMIT …",
        ),
        ("created_at DESC, id", ""),
        ("upper(status), id", ""),
    ],
)
def test_the_condition_compares_with_the_last_row_where_the_order_goes_one_way(
    found, order, reference
):
    [one] = found(f"SELECT * FROM orders ORDER BY {order} LIMIT 50 OFFSET 15000")
    assert one.evidence.reference == reference
