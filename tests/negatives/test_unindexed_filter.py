import pytest

from tests.builders import query, request, trace
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 pending"


def asked(sql: str, *parameters: str):
    return query(sql, USE, parameters=parameters, ms=5.0)


CASES = {
    "an index answers": asked("SELECT * FROM orders WHERE total = %s", "5"),
    "the primary key answers": asked("SELECT * FROM orders WHERE id = %s", "5"),
    "a list of primary keys": asked("SELECT * FROM orders WHERE id IN (%s, %s)", "5", "6"),
    "a range of the primary key": asked("SELECT * FROM orders WHERE id BETWEEN 10 AND 20"),
    "a unique column answers": asked("SELECT * FROM customer WHERE email = %s", "'c5@x.org'"),
    "nearly every row is wanted": asked("SELECT * FROM orders WHERE status = %s", "'done'"),
    "a flag that most rows have": asked("SELECT * FROM orders WHERE archived"),
    "a flag that few rows lack, read with the rest": asked("SELECT * FROM orders WHERE total >= 0"),
    "three values of four": asked(
        "SELECT * FROM customer WHERE region IN ('r1', 'r2', 'r3') AND id > 0"
    ),
    "a report of the whole table": asked("SELECT status, count(*) FROM orders GROUP BY status"),
    "a maximum of the whole table": asked("SELECT max(paid_at) FROM orders"),
    "a small table": asked("SELECT * FROM tiny WHERE status = %s", "'pending'"),
    "a table that fits in a few pages": asked("SELECT * FROM draft WHERE order_id = %s", "7"),
    "any of two conditions": asked("SELECT * FROM orders WHERE status = 'pending' OR total < 5"),
    "a reversed text": asked("SELECT * FROM orders WHERE reverse(status) = %s", "'gnidnep'"),
    "an upper case that an index holds": asked(
        "SELECT * FROM log l WHERE upper(l.line) = upper(%s)", "'line 7'"
    ),
    "a date of a time": asked(
        "SELECT * FROM orders WHERE date_trunc('day', created_at) = %s", "'2026-01-01'"
    ),
    "a computed value": asked("SELECT * FROM orders WHERE total % 7 = 3"),
    "another than a value": asked("SELECT * FROM orders WHERE status <> %s", "'done'"),
    "a pattern that starts with a wildcard": asked(
        "SELECT * FROM orders WHERE status LIKE %s", "'%ding'"
    ),
    "a join of two whole tables": asked(
        "SELECT count(n.body) FROM orders o JOIN note n ON n.order_id = o.id"
    ),
    "no row lacks the value": asked("SELECT * FROM orders WHERE created_at IS NOT NULL"),
    "rows that have no partner": asked(
        "SELECT o.id FROM orders o LEFT JOIN note n ON n.order_id = o.id WHERE n.id IS NULL"
    ),
    "the first rows that come": asked("SELECT * FROM orders WHERE status = 'done' LIMIT 5"),
    "whether there is any": asked("SELECT 1 FROM orders WHERE status = 'done' LIMIT 1"),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what, planned):
    seen = planned(what)
    assert seen.plans
    assert found("unindexed-filter", seen) == []


def test_silent_for_a_statement_without_a_plan():
    asked_once = asked("SELECT * FROM orders WHERE customer_id = %s", "70")
    assert found("unindexed-filter", trace(request("GET", "orders/", asked_once))) == []


def test_the_slow_form_fires(planned):
    slow = asked("SELECT * FROM orders WHERE customer_id = %s", "70")
    assert found("unindexed-filter", planned(slow))
