from tests.builders import query, site
from tests.growth.traces import grown, plan
from unslow.lab.diagnose.growing_cost import find

USE = "shop/views.py:9:11 search"
SEARCH = "SELECT id FROM item WHERE score(name) > 3 LIMIT 10"


def search(rows: int = 10):
    return query(SEARCH, USE, rows=rows)


def reads(*counts: int, removed: int = 1590, rows: int = 10):
    seen = [search(rows) for _ in counts]
    return grown(seen, read={SEARCH: counts}, plans=[plan(search(), rows, removed)])


def test_silent_when_what_is_read_stays():
    assert list(find(reads(1600, 1600, 1600))) == []


def test_fires_when_more_and_more_is_read_for_the_same_rows():
    [one] = find(reads(300, 1200, 4800))
    assert one.id == "growing-cost"
    assert one.title == (
        "GET list/ grows linear in rows read, 300 → 4800, while its result stays constant "
        "(shop/views.py:9 in search)"
    )
    assert one.cause == site(USE)
    assert (one.evidence.counter, one.evidence.at_100) == ("rows_read", 30000)


def test_fires_when_more_and_more_is_asked_for_nothing():
    looked = query("SELECT id FROM seen WHERE key = %s", USE, rows=0)
    noted = query("INSERT INTO seen VALUES (%s)", USE)
    [one] = find(grown([(looked + noted) * count for count in (2, 8, 32)]))
    assert one.evidence.counter == "queries"
    assert "grows linear in queries, 2 → 32, while its result stays constant" in one.title


def test_a_large_scan_is_left_to_those_who_look_at_scans():
    assert list(find(reads(1000, 4000, 16000, removed=15990))) == []


def test_fires_on_what_grows_with_the_square_however_large_it_is():
    [one] = find(reads(1000, 16000, 256000, removed=255990))
    assert one.evidence.growth == "quadratic"
