from msgspec.structs import replace

from tests.builders import query, request, site, trace
from unslow.lab.diagnose.connection_per_request import find
from unslow.model import Opened

PLACE = site("shop/settings.py:30:15 <module>")
MADE = Opened("default", "CONN_MAX_AGE=0", 0.0, 5.0, True, PLACE)


def asked(*connections, database="default", ms=20.0):
    return request(
        "GET", "orders/", query("SELECT 1", database=database), ms=ms, connections=connections
    )


def findings(*requests):
    return list(find(trace(*requests)))


def test_silent_where_the_first_request_opens_what_others_use():
    assert findings(asked(MADE), *[asked()] * 9) == []


def test_silent_for_a_pool_that_grows():
    pooled = replace(MADE, kind="QueuePool")
    assert findings(*[asked(pooled)] * 3) == []


def test_silent_where_the_place_is_not_the_applications():
    assert findings(*[asked(replace(MADE, site=None))] * 3) == []


def test_silent_for_one_request():
    assert findings(asked(MADE)) == []


def test_the_settings_are_the_cause():
    (finding,) = findings(*[asked(MADE)] * 4)
    assert finding.cause == PLACE
    assert finding.title == (
        "GET orders/ opens a connection to default in each request (CONN_MAX_AGE=0) "
        "(shop/settings.py:30 in <module>)"
    )
    assert (finding.evidence.name, finding.evidence.value) == ("CONN_MAX_AGE", "0")
    assert finding.cost.ms_per_request == 5
    assert finding.cost.share == 0.25


def test_two_engines_of_one_database_are_told_apart():
    other = replace(MADE, kind="NullPool", site=site("shop/reports.py:3"))
    (finding,) = findings(*[asked()] * 9, *[asked(other)] * 3, *[asked(replace(MADE))])
    assert finding.evidence.name == "NullPool"
