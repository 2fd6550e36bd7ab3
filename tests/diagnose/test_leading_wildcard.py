import pytest
from msgspec.structs import replace

from tests.builders import query, request, trace
from unslow.lab.diagnose.leading_wildcard import find

USE = "shop/views.py:15:20 search"


@pytest.fixture
def found(planned):
    def run(sql, *parameters, extensions=()):
        seen = planned(query(sql, USE, parameters=parameters, ms=5.0))
        return list(find(replace(seen, extensions=extensions)))

    return run


def test_silent_without_plans():
    asked = query("SELECT * FROM log WHERE line LIKE '%777%'")
    assert list(find(trace(request("GET", "a/", asked)))) == []


def test_silent_on_a_pattern_with_a_beginning(found):
    assert found("SELECT * FROM log WHERE line LIKE %s", "'line 777%'") == []


@pytest.mark.parametrize(
    ("condition", "key"),
    [
        ("line LIKE %s", "line"),
        ("line ILIKE %s", "line"),
        ("upper(line::text) LIKE upper(%s)", "upper(line)"),
        ("lower(line) LIKE lower(%s)", "lower(line)"),
    ],
)
def test_fires_on_a_text_anywhere_in_a_column(found, condition, key):
    [one] = found(f"SELECT * FROM log WHERE {condition}", "'%ne 777%'")
    assert one.id == "leading-wildcard"
    assert one.title == (
        f"GET orders/ searches 20000 rows of log for a text anywhere in {key} "
        "(shop/views.py:15 in search)"
    )
    assert one.evidence.reference.endswith(f"ON log USING gin ({key} gin_trgm_ops)")
    assert one.evidence.rows_read == 20000


def test_each_column_of_a_search_is_indexed(found):
    sql = "SELECT * FROM orders WHERE status LIKE %s OR channel ILIKE %s"
    [one] = found(sql, "'%endin%'", "'%endin%'")
    assert one.evidence.reference.endswith("(status gin_trgm_ops, channel gin_trgm_ops)")


def test_the_advice_says_when_the_server_has_no_trigrams(found):
    sql = "SELECT * FROM log WHERE line LIKE %s"
    [one] = found(sql, "'%ne 777%'")
    assert "does not have the extension" in one.evidence.advice
    [one] = found(sql, "'%ne 777%'", extensions=("pg_trgm",))
    assert "does not have the extension" not in one.evidence.advice
