from msgspec.structs import replace

from tests.builders import query, site
from tests.growth.traces import grown
from unslow.lab.diagnose.unbounded_result import find

USE = "shop/views.py:9:11 everything"
LIST = "SELECT id, name FROM item ORDER BY name"


def rows(sql: str, *counts: int):
    return [query(sql, USE, rows=count) for count in counts]


def test_silent_without_growth():
    assert list(find(replace(grown(rows(LIST, 60, 240, 960)), growth=()))) == []


def test_silent_on_a_list_with_a_limit():
    assert list(find(grown(rows(f"{LIST} LIMIT 50", 60, 240, 960)))) == []


def test_fires_on_a_list_that_grows_with_its_table():
    [one] = find(grown(rows(LIST, 60, 240, 960)))
    assert one.id == "unbounded-result"
    assert one.title == (
        "GET list/ returns all 60 rows of a list without a limit, 6000 at 100 times the data "
        "(shop/views.py:9 in everything)"
    )
    assert one.cause == site(USE)
    assert one.confidence == "likely"
    assert one.evidence.growth == "linear"
    assert (one.evidence.values, one.evidence.at_100) == ((60, 240, 960), 6000)


def test_a_condition_that_many_rows_meet_bounds_nothing():
    sql = "SELECT id FROM item WHERE status = %s AND NOT archived ORDER BY id"
    assert len(list(find(grown(rows(sql, 60, 240, 960))))) == 1


def test_a_join_changes_nothing():
    sql = "SELECT i.id, c.name FROM item i JOIN color c ON c.id = i.color_id"
    assert len(list(find(grown(rows(sql, 60, 240, 960))))) == 1
