from datetime import date

import pytest

from tests.builders import link, load, origin, query, request, site, trace
from unslow.lab.diagnose import diagnose

TODAY = date(2026, 6, 1)
SQL = "SELECT * FROM customer WHERE id = ?"
USE = "shop/views.py:3:8 list_orders"
OTHER = "shop/views.py:2:13 list_orders"
FILE = """\
def list_orders(orders):
    for order in rows(orders):{above}
        get(order){here}
    return 1


def other(orders):
    return rows(orders){elsewhere}
"""

SLOW = trace(request("GET", "orders/", query(SQL, USE) * 10))
FAST = trace(request("GET", "orders/", query("SELECT * FROM orders", OTHER)))


def reported(seen, here="", above="", elsewhere=""):
    text = FILE.format(here=here, above=above, elsewhere=elsewhere)
    return diagnose(seen, lambda path: text.encode(), TODAY)


def ids(*args, **fields):
    return [one.id for one in reported(*args, **fields)]


@pytest.mark.parametrize(
    "comment",
    [
        "  # unslow: allow repeated-query -- three at most",
        "  # unslow: allow repeated-query",
        "  # unslow: allow repeated-query, duplicate-query -- one of them is found",
        "  # unslow: allow repeated-query -- soon (until=2026-06-01)",
        "  # unslow: allow repeated-query -- soon (until=2027-01-31)",
    ],
)
def test_silent_for_a_comment_that_is_needed(comment):
    assert ids(SLOW, here=comment) == []


def test_silent_for_a_comment_in_a_function_that_was_not_seen():
    assert ids(FAST, elsewhere="  # unslow: allow repeated-query -- small") == []


def test_silent_for_a_comment_that_allows_its_own_report():
    comment = "  # unslow: allow unindexed-filter, outdated-allowance -- large elsewhere"
    assert ids(FAST, above=comment) == []


def test_silent_for_what_a_string_says():
    assert ids(FAST, here='; text = "# unslow: allow repeated-query"') == []


def test_silent_without_the_source():
    assert diagnose(FAST) == []


def test_a_comment_on_several_lines_speaks_of_the_code_below_them():
    above = "\n        # unslow: allow repeated-query -- three,\n        # as the law has it"
    assert ids(trace(request("GET", "a/", query(SQL, "shop/views.py:5:8") * 9)), above=above) == []


def test_a_past_date_brings_the_finding_back_and_is_told():
    comment = "  # unslow: allow repeated-query -- soon (until=2026-05-31)"
    found = reported(SLOW, here=comment)
    assert [one.id for one in found] == ["repeated-query", "outdated-allowance"]
    past = found[1]
    assert past.title == (
        "A comment on repeated-query allows until 2026-05-31, which is past "
        "(shop/views.py:3 in list_orders)"
    )
    assert (past.severity, past.confidence) == ("low", "certain")
    assert past.cause == site("shop/views.py:3:20 list_orders", width=len(comment) - 2)
    assert past.evidence.rules == ("repeated-query",)
    assert (past.evidence.reason, past.evidence.until) == ("soon", "2026-05-31")


def test_what_is_no_date_is_past():
    found = reported(SLOW, here="  # unslow: allow repeated-query -- soon (until=june)")
    assert [one.id for one in found] == ["repeated-query", "outdated-allowance"]
    assert 'until "june", which is no date' in found[1].title


def test_a_past_date_is_told_where_no_request_came_by():
    comment = "  # unslow: allow repeated-query -- soon (until=2026-05-31)"
    [found] = reported(FAST, elsewhere=comment)
    assert found.endpoints == ()
    assert found.cause.function == "other"


def test_an_unused_comment_is_told_where_its_function_ran():
    [found] = reported(FAST, here="  # unslow: allow repeated-query -- three at most")
    assert found.id == "outdated-allowance"
    assert (found.severity, found.confidence) == ("low", "possible")
    assert found.endpoints == ("GET orders/",)
    assert "allows what is not found" in found.title
    assert found.cost.share == 0


def test_a_function_ran_when_it_built_a_queryset_in_a_comprehension():
    place = "shop/views.py:2:13 list_orders.<locals>.<listcomp>"
    made = load("select", model="shop.Order", queryset=origin("shop.Order", link("all", place)))
    seen = trace(request("GET", "orders/", query("SELECT 1 FROM orders", load=made)))
    assert ids(seen, here="  # unslow: allow repeated-query") == ["outdated-allowance"]
