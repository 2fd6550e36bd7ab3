import pytest

from tests.builders import query
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 newest"


def asked(sql: str, *parameters: str):
    return query(sql, USE, parameters=parameters, ms=5.0)


CASES = {
    "an index gives the order": asked("SELECT * FROM orders ORDER BY total DESC LIMIT 20"),
    "an index gives the order, backwards": asked("SELECT * FROM orders ORDER BY id DESC LIMIT 20"),
    "every row is returned": asked("SELECT * FROM orders ORDER BY created_at"),
    "most rows are returned": asked("SELECT * FROM orders ORDER BY created_at LIMIT 15000"),
    "a small table": asked("SELECT * FROM tiny ORDER BY status LIMIT 2"),
    "few rows are left to sort": asked(
        "SELECT * FROM orders WHERE total = 5 ORDER BY created_at LIMIT 5"
    ),
    "groups are sorted": asked(
        "SELECT status, count(*) FROM orders GROUP BY status ORDER BY status LIMIT 1"
    ),
    "sums are sorted": asked(
        "SELECT customer_id, sum(total) AS spent FROM orders GROUP BY 1 ORDER BY 2 DESC LIMIT 5"
    ),
    "an expression orders": asked("SELECT * FROM orders ORDER BY total % 7 LIMIT 20"),
    "chance orders": asked("SELECT * FROM orders ORDER BY random() LIMIT 20"),
    "missing values come last": asked(
        "SELECT * FROM orders ORDER BY paid_at DESC NULLS LAST LIMIT 20"
    ),
    "columns of two tables order": asked(
        "SELECT * FROM orders o JOIN note n ON n.order_id = o.id "
        "ORDER BY o.created_at, n.body LIMIT 20"
    ),
    "one row by its key": asked("SELECT * FROM orders WHERE id = 7 ORDER BY created_at LIMIT 1"),
    "no order": asked("SELECT * FROM orders LIMIT 20"),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what, planned):
    seen = planned(what)
    assert seen.plans
    assert found("unindexed-sort", seen) == []


def test_the_slow_form_fires(planned):
    slow = asked("SELECT * FROM orders ORDER BY created_at DESC LIMIT 20")
    assert found("unindexed-sort", planned(slow))
