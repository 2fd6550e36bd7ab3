from datetime import date

import pytest

from tests.builders import query, request, trace
from tests.negatives.cases import cases
from unslow.lab.diagnose import diagnose

TODAY = date(2026, 6, 1)
USE = "shop/views.py:3:8 page"
SLOW = trace(request("GET", "page/", query("SELECT * FROM a WHERE id = %s", USE) * 9))

LINES = {
    "a comment that is needed": "get(order)  # unslow: allow repeated-query -- three at most",
    "a comment without a reason": "get(order)  # unslow: allow repeated-query",
    "several rules of which one is found": (
        "get(order)  # unslow: allow duplicate-query, repeated-query -- small"
    ),
    "a date to come": "get(order)  # unslow: allow repeated-query -- soon (until=2026-07-01)",
    "a date that is today": "get(order)  # unslow: allow repeated-query -- soon (until=2026-06-01)",
    "no space after the sign": "get(order)  #unslow: allow repeated-query",
    "a comment that only talks": "get(order)  # unslow found nothing here",
    "the words in a string": 'get(order, "# unslow: allow duplicate-query")',
    "a rule that allows its own report": (
        "get(order)  # unslow: allow deep-offset, outdated-allowance -- large elsewhere"
    ),
    "another tool's comment": "get(order)  # noqa: allow unused -- reason (until=2020-01-01)",
}


@pytest.mark.parametrize("line", cases(LINES))
def test_silent(line):
    text = f"def page(orders):\n    for order in orders:\n        {line}\n"
    found = diagnose(SLOW, lambda path: text.encode(), TODAY)
    assert [one.title for one in found if one.id == "outdated-allowance"] == []


def test_the_outdated_comment_is_told():
    text = (
        "def page(orders):\n    for o in orders:\n        get(o)  # unslow: allow duplicate-query\n"
    )
    found = diagnose(SLOW, lambda path: text.encode(), TODAY)
    assert "outdated-allowance" in [one.id for one in found]
