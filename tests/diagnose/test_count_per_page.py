import pytest

from tests.builders import query, request, trace
from unslow.lab.diagnose.count_per_page import find
from unslow.model import Plan, PlanNode

USE = "shop/views.py:15:20 archive"
COUNT = "SELECT COUNT(*) AS c FROM log"
PAGE = query("SELECT * FROM log ORDER BY id LIMIT %s OFFSET %s", USE, ms=1.0)


def counted(sql=COUNT, rows=80_000, pages=PAGE, ms=9.0):
    """The trace of an endpoint that counts and shows a page, with the count's plan."""
    count = query(sql, USE, ms=ms)
    scan = PlanNode("Index Only Scan", "log", "log", rows=rows, ms=ms, self_ms=ms)
    plan = Plan(count.all[0].fingerprint, sql, ms, PlanNode("Aggregate", rows=1, children=(scan,)))
    return trace(request("GET", "log/", count, pages), plans=[plan])


def test_silent_on_a_smaller_table():
    assert list(find(counted(rows=20_000))) == []


@pytest.mark.parametrize(
    "sql",
    [
        COUNT,
        'SELECT COUNT(*) AS "__count" FROM "log"',
        "SELECT count(l.id) FROM log l WHERE l.kind = %s",
        "SELECT count(*) FROM (SELECT l.id FROM log l WHERE l.kind = %s) AS anon_1",
    ],
)
def test_fires_on_a_count_beside_a_page(sql):
    [one] = find(counted(sql))
    assert one.id == "count-per-page"
    assert one.title == "GET log/ counts 80000 rows of log (shop/views.py:15 in archive)"
    assert one.endpoints == ("GET log/",)
    assert one.cost.ms_per_request == 9.0
    assert one.evidence.rows_read == 80_000
    assert "log" in one.evidence.reference
