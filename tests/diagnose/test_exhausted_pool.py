from msgspec.structs import replace

from tests.builders import plus, request, site, trace
from unslow.lab.diagnose.exhausted_pool import find
from unslow.model import Checkout, Server

MADE = site("shop/database.py:9:9 <module>")
ASYNC = Checkout("shop", "AsyncAdaptedQueuePool", 1, 0.1, False, MADE)


def findings(*checkouts, threads=0, ms=20.0):
    one = plus(request("GET", "orders/", ms=ms), checkouts=checkouts)
    seen = trace(one, one)
    server = Server("gunicorn", "gthread", 1, threads) if threads else None
    return list(find(replace(seen, server=server)))


def test_silent_for_the_default_size():
    assert findings(replace(ASYNC, capacity=15)) == []


def test_silent_for_a_pool_without_bounds():
    assert findings(replace(ASYNC, capacity=0)) == []


def test_silent_where_one_thread_serves():
    one = replace(ASYNC, threaded=True)
    assert findings(one) == []
    assert findings(one, threads=1) == []


def test_silent_for_a_librarys_engine():
    assert findings(replace(ASYNC, site=None)) == []


def test_an_event_loop_has_no_bound():
    (finding,) = findings(ASYNC)
    assert finding.cause == MADE
    assert finding.title == (
        "GET orders/ shares 1 connection to shop among any number of requests "
        "(shop/database.py:9 in <module>)"
    )
    assert (finding.severity, finding.confidence) == ("medium", "likely")


def test_more_threads_than_connections():
    (finding,) = findings(replace(ASYNC, threaded=True, capacity=4), threads=8)
    assert finding.evidence.value == "4"
    assert findings(replace(ASYNC, threaded=True, capacity=8), threads=8) == []


def test_a_wait_that_was_seen_is_certain():
    (finding,) = findings(replace(ASYNC, waited_ms=50.0), ms=100.0)
    assert finding.confidence == "certain"
    assert finding.cost.ms_per_request == 50
