import pytest

from tests.builders import query
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 archive"
PAGE = "SELECT * FROM orders ORDER BY id LIMIT {} OFFSET {}"


def asked(sql: str, *parameters: str):
    return query(sql, USE, parameters=parameters, ms=5.0)


CASES = {
    "the first page": asked(PAGE.format(50, 0)),
    "the tenth page": asked(PAGE.format(50, 450)),
    "far behind, but much of it is returned": asked(PAGE.format(5000, 15000)),
    "behind the end: nothing is returned": asked(PAGE.format(50, 90000)),
    "a limit without an offset": asked("SELECT * FROM orders ORDER BY id LIMIT 50"),
    "after the last row of the page before": asked(
        "SELECT * FROM orders WHERE id > %s ORDER BY id LIMIT 50", "15000"
    ),
    "an offset in a small table": asked("SELECT * FROM tiny ORDER BY id LIMIT 10 OFFSET 280"),
    "rows that a condition throws away": asked(
        "SELECT * FROM orders WHERE customer_id = 70 ORDER BY id LIMIT 5"
    ),
    "an offset of a few groups": asked(
        "SELECT status, count(*) FROM orders GROUP BY status ORDER BY 1 LIMIT 1 OFFSET 1"
    ),
    "the median of a column": asked(
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY total) FROM orders"
    ),
    "a short cut through an inner query": asked(
        "SELECT * FROM (SELECT * FROM orders ORDER BY id LIMIT 60) o ORDER BY id LIMIT 10 OFFSET 50"
    ),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what, planned):
    seen = planned(what)
    assert seen.plans
    assert found("deep-offset", seen) == []


def test_the_slow_form_fires(planned):
    assert found("deep-offset", planned(asked(PAGE.format(50, 15000))))
