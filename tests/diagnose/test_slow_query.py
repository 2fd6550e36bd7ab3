import pytest

from tests.builders import query, request, trace
from unslow.lab.diagnose.slow_query import find
from unslow.model import Plan, PlanNode

USE = "shop/views.py:15:20 report"


@pytest.fixture
def found(planned):
    def run(sql, *parameters):
        return list(find(planned(query(sql, USE, parameters=parameters, ms=5.0))))

    return run


def summed(sql="SELECT kind, sum(size) FROM log GROUP BY kind", *, scan=(), root=(), limit=False):
    """The trace of a summary of a table of two million rows."""
    asked = query(sql, USE, ms=200.0)
    table = {"rows": 2_000_000, "ms": 150.0, "self_ms": 150.0, **dict(scan)}
    inner = PlanNode("Seq Scan", "log", "log", **table)
    above = {"rows": 4, "children": (inner,), "ms": 200.0, **dict(root)}
    node = PlanNode("Limit" if limit else "HashAggregate", **above)
    plan = Plan(asked.all[0].fingerprint, sql, 200.0, node)
    return trace(request("GET", "report/", asked), plans=[plan])


def test_silent_without_plans():
    assert list(find(trace(request("GET", "a/", query("SELECT sum(size) FROM log"))))) == []


def test_silent_on_a_condition_on_the_column_itself(found):
    sql = "SELECT * FROM orders WHERE created_at >= %s AND created_at < %s"
    assert found(sql, "'2026-01-01'", "'2026-01-02'") == []


@pytest.mark.parametrize(
    "condition",
    [
        "created_at::date = %s",
        "(created_at AT TIME ZONE 'UTC')::date = %s",
        "date(created_at) = %s",
        "date_trunc('day', created_at) = %s",
        "to_char(created_at, 'YYYY-MM-DD') = %s",
    ],
)
def test_fires_on_the_day_of_a_time(found, condition):
    [one] = found(f"SELECT * FROM orders WHERE {condition}", "'2026-01-02'")
    assert one.id == "slow-query"
    assert one.title.startswith("GET orders/ reads 20000 rows of orders to use 1")
    assert one.evidence.reference == "WHERE created_at >= :start AND created_at < :end"
    assert "no index" in one.evidence.reason


def test_fires_on_a_summary_of_very_many_rows():
    [one] = find(summed())
    assert one.title == (
        "GET report/ reads 2000000 rows of log to use 2000000 (shop/views.py:15 in report)"
    )
    assert "needs 2000000 of the 2000000 rows" in one.evidence.reason
    assert one.cost.ms_per_request == 200.0
