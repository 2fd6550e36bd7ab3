from msgspec.structs import replace

from tests.builders import cached, request, site, trace
from unslow.lab.diagnose.cache_stampede import find

USE = "shop/views.py:15:20 turnover"
(MISS,) = cached("GET", "turnover:*", USE, key_digest="k", hit=False)
(FILL,) = cached("SET", "turnover:*", USE, key_digest="k", writes=True, ttl_s=300.0, start_ms=81.0)


def findings(*calls, ms=100.0):
    return list(find(trace(request("GET", "turnover/", cache=calls, ms=ms))))


def test_silent_after_little_work():
    assert findings(MISS, replace(FILL, start_ms=20.0)) == []


def test_silent_for_a_hit():
    assert findings(replace(MISS, hit=True), FILL) == []


def test_silent_for_another_key():
    assert findings(MISS, replace(FILL, key_digest="other")) == []


def test_silent_under_a_lock():
    (lock,) = cached("SETNX", "lock:*", USE, writes=True)
    assert findings(MISS, lock, FILL) == []


def test_silent_for_a_value_that_does_not_expire():
    assert findings(MISS, replace(FILL, ttl_s=None)) == []


def test_the_place_and_the_work():
    (finding,) = findings(MISS, FILL)
    assert finding.cause == site(USE)
    assert finding.title.startswith("GET turnover/ computes turnover:* for 80 ms when it has")
    assert finding.evidence.ttl_s == 300.0
    assert finding.confidence == "possible"
