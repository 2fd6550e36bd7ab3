import pytest

from tests.builders import query
from tests.diagnose.test_count_per_page import PAGE, USE, counted
from tests.negatives.cases import cases, found

CASES = {
    "the number is all that is wanted": counted(pages=query("SELECT 1", USE)),
    "the page is of another table": counted(
        pages=query("SELECT * FROM news ORDER BY id LIMIT 5", USE)
    ),
    "all rows are listed": counted(pages=query("SELECT * FROM log ORDER BY id", USE)),
    "some row, in no order": counted(pages=query("SELECT * FROM log LIMIT 1", USE)),
    "a smaller table": counted(rows=20_000),
    "a condition that an index answers": counted("SELECT count(*) FROM log WHERE id = 5", rows=1),
    "counts of groups": counted("SELECT kind, count(*) FROM log GROUP BY kind"),
    "a count of groups' rows": counted("SELECT count(*) FROM log GROUP BY kind"),
    "a count of different values": counted("SELECT count(DISTINCT kind) FROM log"),
    "a count up to a limit": counted(
        "SELECT count(*) FROM (SELECT id FROM log LIMIT 1000) AS some", rows=100_000
    ),
    "a sum": counted("SELECT sum(size) FROM log"),
    "a count with a sum": counted("SELECT count(*), sum(size) FROM log"),
    "the page takes nearly all of the time": counted(
        pages=query("SELECT * FROM log ORDER BY id LIMIT 5", USE, ms=90.0)
    ),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen):
    assert found("count-per-page", seen) == []


def test_the_slow_form_fires():
    assert found("count-per-page", counted(pages=PAGE))
