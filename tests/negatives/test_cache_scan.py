import pytest

from tests.builders import cached, request, trace
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 forget"


def seen(*calls):
    return trace(request("GET", "forget/", cache=calls))


CASES = {
    "a set that names its keys": seen(*cached("SMEMBERS", "tag:users", USE)),
    "a set that is walked through": seen(*cached("SSCAN", "tag:users", USE, times=5)),
    "a hash that is walked through": seen(*cached("HSCAN", "user:*", USE, times=5)),
    "a sorted set that is walked through": seen(*cached("ZSCAN", "ranks", USE, times=5)),
    "the fields of a hash": seen(*cached("HKEYS", "user:*", USE)),
    "many keys by their names": seen(*cached("MGET", "user:*", USE, keys=500)),
    "many keys forgotten by their names": seen(*cached("UNLINK", "user:*", USE, keys=500)),
    "the number of keys": seen(*cached("DBSIZE", "", USE)),
    "a monitor of an installed package": seen(*cached("SCAN", "0", times=9)),
    "a request without the cache": seen(),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("cache-scan", one) == []


def test_the_slow_form_fires():
    assert found("cache-scan", seen(*cached("KEYS", "user:*", USE)))
