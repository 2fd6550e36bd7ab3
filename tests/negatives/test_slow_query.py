import pytest

from tests.builders import query
from tests.diagnose.test_slow_query import USE, summed
from tests.negatives.cases import cases, found


def asked(sql: str, *parameters: str):
    return query(sql, USE, parameters=parameters, ms=5.0)


ASKED = {
    "an unindexed column, which an index cures": asked(
        "SELECT * FROM orders WHERE customer_id = %s", "70"
    ),
    "a range of the time itself": asked(
        "SELECT * FROM orders WHERE created_at BETWEEN '2026-01-02' AND '2026-01-03'"
    ),
    "a year that most rows are of": asked(
        "SELECT * FROM orders WHERE extract(year FROM created_at) = 2026"
    ),
    "a day among other conditions": asked(
        "SELECT * FROM orders WHERE created_at::date = '2026-01-02' AND customer_id = 70"
    ),
    "the day of another row's time": asked(
        "SELECT a.id FROM orders a JOIN orders b ON a.created_at::date = b.paid_at::date "
        "WHERE b.id = 7"
    ),
    "another function": asked("SELECT * FROM orders WHERE abs(total) = 7"),
    "a number as a text": asked("SELECT * FROM orders WHERE total::text = '7'"),
    "a summary of twenty thousand rows": asked(
        "SELECT status, count(*) FROM orders GROUP BY status"
    ),
    "a list of a whole table": asked("SELECT * FROM orders"),
    "the length of a text": asked("SELECT * FROM log WHERE length(line) = 3"),
}
SEEN = {
    "a long list": summed("SELECT * FROM log", root={"rows": 2_000_000}),
    "the first rows of many": summed("SELECT * FROM log ORDER BY id LIMIT 5", limit=True),
    "few of the rows are left": summed(scan={"rows": 10, "rows_removed": 2_000_000}),
    "half a million rows": summed(scan={"rows": 500_000}),
    "a count": summed("SELECT count(*) FROM log"),
}


@pytest.mark.parametrize("what", cases(ASKED))
def test_silent(what, planned):
    assert found("slow-query", planned(what)) == []


@pytest.mark.parametrize("seen", cases(SEEN))
def test_silent_beside_a_summary(seen):
    assert found("slow-query", seen) == []


def test_the_slow_form_fires(planned):
    day = asked("SELECT * FROM orders WHERE created_at::date = '2026-01-02'")
    assert found("slow-query", planned(day))
    assert found("slow-query", summed())
