import pytest

from tests.builders import cached, request, site, trace
from unslow.lab.diagnose.cache_scan import find

USE = "shop/views.py:15:20 forget"


def findings(*calls):
    return list(find(trace(request("GET", "forget/", cache=calls))))


@pytest.mark.parametrize("command", ["GET", "MGET", "SMEMBERS", "HSCAN", "SSCAN", "ZSCAN"])
def test_silent_for_what_knows_its_key(command):
    assert findings(*cached(command, "user:*", USE, times=9)) == []


def test_silent_for_a_library():
    assert findings(*cached("KEYS", "user:*")) == []


def test_keys_are_severe():
    (finding,) = findings(*cached("KEYS", "user:*", USE))
    assert finding.cause == site(USE)
    assert finding.severity == "high"
    assert finding.title == (
        "GET forget/ looks through all keys of the cache for user:* (KEYS) (shop/views.py:15 "
        "in forget)"
    )


def test_a_cursor_blocks_less_and_takes_longer():
    (finding,) = findings(*cached("SCAN", "0", USE, times=7))
    assert finding.severity == "medium"
    assert finding.evidence.calls == 7
