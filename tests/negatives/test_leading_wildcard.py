import pytest

from tests.builders import query
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 search"


def asked(sql: str, *parameters: str):
    return query(sql, USE, parameters=parameters, ms=5.0)


CASES = {
    "a pattern with a beginning": asked("SELECT * FROM log WHERE line LIKE 'line 77%'"),
    "a pattern without a wildcard": asked("SELECT * FROM log WHERE line LIKE 'line 77'"),
    "what does not match a pattern": asked("SELECT * FROM log WHERE line NOT LIKE '%777%'"),
    "most rows match": asked("SELECT * FROM log WHERE line LIKE '%line%'"),
    "two letters have no trigram": asked("SELECT * FROM log WHERE line LIKE '%77%'"),
    "single letters between wildcards": asked("SELECT * FROM log WHERE line LIKE '%7_7%7_'"),
    "a small table": asked("SELECT * FROM tiny WHERE status LIKE '%endin%'"),
    "another condition may narrow": asked(
        "SELECT * FROM orders WHERE status LIKE '%endin%' AND customer_id = 70"
    ),
    "another condition that an index answers": asked(
        "SELECT * FROM orders WHERE status LIKE '%endin%' AND total = 7"
    ),
    "either of two, one of them no pattern": asked(
        "SELECT * FROM orders WHERE status LIKE '%endin%' OR total < 50"
    ),
    "a computed text": asked("SELECT * FROM log WHERE line || 'x' LIKE '%777x'"),
    "a regular expression": asked("SELECT * FROM log WHERE line ~ '777'"),
    "a pattern in what is returned": asked("SELECT line LIKE '%777%' FROM log LIMIT 5"),
}


@pytest.mark.parametrize("what", cases(CASES))
def test_silent(what, planned):
    seen = planned(what)
    assert seen.plans
    assert found("leading-wildcard", seen) == []


def test_the_slow_form_fires(planned):
    assert found("leading-wildcard", planned(asked("SELECT * FROM log WHERE line LIKE '%777%'")))
