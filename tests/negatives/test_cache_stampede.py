import pytest
from msgspec.structs import replace

from tests.builders import cached, request, trace
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 turnover"
(MISS,) = cached("GET", "turnover:*", USE, key_digest="k", hit=False)
(FILL,) = cached("SET", "turnover:*", USE, key_digest="k", writes=True, ttl_s=300.0, start_ms=81.0)
(LOCK,) = cached("SETNX", "lock:*", USE, writes=True)
(RELEASE,) = cached("EVALSHA", "", USE, writes=True)


def seen(*calls):
    return trace(request("GET", "turnover/", cache=calls, ms=100.0))


CASES = {
    "the value is there": seen(replace(MISS, hit=True)),
    "the value is there and written anew": seen(replace(MISS, hit=True), FILL),
    "it is computed in a moment": seen(MISS, replace(FILL, start_ms=5.0)),
    "a value that is written without being asked for": seen(FILL),
    "a value that is asked for afterwards": seen(FILL, MISS),
    "another key is missing": seen(MISS, replace(FILL, key_digest="other")),
    "a lock by a name of its own": seen(MISS, LOCK, FILL),
    "redis-py's lock": seen(MISS, FILL, RELEASE),
    "a value that is kept for good": seen(MISS, replace(FILL, ttl_s=None)),
    "an installed package's cache": seen(MISS, replace(FILL, stack=())),
    "a counter after the miss": seen(MISS, replace(FILL, command="INCR")),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("cache-stampede", one) == []


def test_the_slow_form_fires():
    assert found("cache-stampede", seen(MISS, FILL))
