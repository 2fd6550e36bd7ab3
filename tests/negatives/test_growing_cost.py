import pytest

from tests.builders import load, query
from tests.growth.traces import grown, plan
from tests.negatives.cases import cases, found

USE = "shop/views.py:9:11 search"
SEARCH = "SELECT id FROM item WHERE score(name) > 3 LIMIT 10"
LOOK = "SELECT id FROM seen WHERE key = %s"


def reads(*counts: int, removed: int = 4790, rows: int = 10, returned=(10, 10, 10), top: str = ""):
    seen = [query(SEARCH, USE, rows=number) for number in returned]
    planned = plan(query(SEARCH, USE), rows, removed, top=top, limit=rows)
    return grown(seen, read={SEARCH: counts}, plans=[planned])


def asks(one, *more, counts=(2, 8, 32)):
    return grown([sum(more, one) * count for count in counts])


CASES = {
    "an index finds the rows at every size": reads(10, 10, 10),
    "an index gets deeper": reads(10, 12, 14),
    "as many rows come back as are read": reads(300, 1200, 4800, returned=(300, 1200, 4800)),
    "all rows are added up": reads(300, 1200, 4800, rows=4800, removed=0, top="Aggregate"),
    "the table stays small at every size": reads(30, 120, 480, removed=470),
    "the table is left at its size": reads(4800, 4800, 4800),
    "a large scan, which others look at": reads(1000, 4000, 16000, removed=15990),
    "a larger table gets an index scan": reads(900, 40, 40),
    "the plan is not known": grown(
        [query(SEARCH, USE, rows=10)] * 3, read={SEARCH: (300, 1200, 4800)}
    ),
    "one query per row, which others look at": asks(query(LOOK, USE, rows=0)),
    "the same query again and again, which others look at": grown(
        [query(LOOK, USE, rows=0).same(count) for count in (2, 8, 32)]
    ),
    "batches of keys": asks(query("SELECT id FROM seen WHERE key IN (%s, %s)", USE, rows=0)),
    "pages of a long result": asks(query("SELECT id FROM seen LIMIT 9 OFFSET %s", USE, rows=0)),
    "rows are locked one by one": asks(query(f"{LOOK} FOR UPDATE", USE, rows=0)),
    "an eager load of each page": asks(query(LOOK, USE, rows=0, load=load("prefetch"))),
    "a loop that a constant bounds": asks(
        query(LOOK, USE, rows=0), query("INSERT INTO seen VALUES (%s)", USE), counts=(9, 9, 9)
    ),
    "a few more queries": asks(
        query(LOOK, USE, rows=0), query("INSERT INTO seen VALUES (%s)", USE), counts=(1, 2, 4)
    ),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen):
    assert seen.growth
    assert found("growing-cost", seen) == []


def test_the_slow_forms_fire():
    assert found("growing-cost", reads(300, 1200, 4800))
    looked = query(LOOK, USE, rows=0)
    assert found("growing-cost", asks(looked, query("INSERT INTO seen VALUES (%s)", USE)))
