import pytest

from tests.builders import cached, request, site, trace
from unslow.lab.diagnose.repeated_cache_call import find

USE = "shop/views.py:15:20 visits"
CALLER = "shop/views.py:40 page"


def findings(*calls, requests=1):
    return list(find(trace(*[request("GET", "visits/", cache=calls, ms=100.0)] * requests)))


def gets(times=10, *stack, command="GET", **fields):
    return cached(command, "visits:*", *(stack or (USE,)), times=times, **fields)


@pytest.mark.parametrize("command", ["SCAN", "HSCAN", "BLPOP", "XREAD", "PUBLISH"])
def test_silent_for_commands_that_are_meant_to_be_many(command):
    assert findings(*gets(command=command)) == []


def test_silent_for_a_few():
    assert findings(*gets(4)) == []


def test_silent_for_one_key_again_and_again():
    assert findings(*gets(20, key_digest="same")) == []


def test_silent_for_many_keys_at_once():
    assert findings(*gets(command="MGET", keys=50)) == []


def test_silent_for_pipelines():
    assert findings(*gets(commands=100, keys=100)) == []


def test_silent_without_a_place_in_the_application():
    assert list(find(trace(request("GET", "a/", cache=cached("GET", "k", times=10))))) == []


def test_silent_while_a_cache_is_filled():
    full = request("GET", "visits/", cache=gets(1))
    filling = request("GET", "visits/", cache=gets(30, command="SET", writes=True))
    assert list(find(trace(filling, full, full, full))) == []


def test_the_place_the_number_and_the_cost():
    (finding,) = findings(*gets(10, USE, CALLER), requests=3)
    assert (
        finding.title
        == "GET visits/ sends 10 GET of visits:* one by one (shop/views.py:15 in visits)"
    )
    assert finding.cause == site(USE)
    assert finding.symptom == site(CALLER)
    assert finding.evidence.calls == 10
    assert finding.cost.queries_per_request == 10
    assert finding.cost.ms_per_request == 10
    assert finding.cost.share == 0.1


def test_writes_of_each_request_count():
    (finding,) = findings(*gets(30, command="SET", writes=True), requests=3)
    assert finding.evidence.command == "SET"


def test_one_finding_for_each_place():
    assert len(findings(*gets(10), *gets(10, "shop/views.py:30 other"))) == 2
