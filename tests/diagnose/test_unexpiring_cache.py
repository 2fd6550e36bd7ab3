from tests.builders import cached, request, site, trace
from unslow.lab.diagnose.unexpiring_cache import find

USE = "shop/views.py:15:20 teaser"


def kept(key="teaser:*", times=5, command="SET", **fields):
    return cached(command, key, USE, times=times, writes=True, **fields)


def findings(*calls):
    return list(find(trace(request("GET", "teaser/", cache=calls))))


def test_silent_with_an_end():
    assert findings(*kept(ttl_s=60.0)) == []


def test_silent_for_a_fixed_name():
    assert findings(*kept("teaser", key_digest="one")) == []


def test_silent_for_two_keys():
    assert findings(*kept(times=2)) == []


def test_silent_where_another_command_ends_them():
    assert findings(*kept(), *kept(command="EXPIRE", times=1)) == []
    assert findings(*kept(), *kept(command="UNLINK", times=1)) == []


def test_silent_for_data():
    assert findings(*kept(command="INCR"), *kept(command="SADD"), *kept(command="LPUSH")) == []


def test_silent_for_one_key_that_is_written_again():
    assert findings(*kept(key_digest="same")) == []


def test_the_place_and_the_keys():
    (finding,) = findings(*kept())
    assert finding.cause == site(USE)
    assert finding.title == (
        "GET teaser/ keeps teaser:* for good, 5 keys in 5 writes (shop/views.py:15 in teaser)"
    )
    assert (finding.evidence.ttl_s, finding.confidence) == (None, "likely")
