import pytest

from tests.builders import cached, request, trace
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 visits"
OTHER = "shop/views.py:30:8 footer"


def gets(times=10, *stack, command="GET", **fields):
    return cached(command, "visits:*", *(stack or (USE,)), times=times, **fields)


def seen(*calls):
    return trace(request("GET", "visits/", cache=calls))


def rare(*calls):
    plain = request("GET", "visits/")
    return trace(request("GET", "visits/", cache=calls), plain, plain)


CASES = {
    "three settings in a loop": seen(*gets(3)),
    "four flags that a view reads": seen(*gets(4)),
    "five places that read one key each": seen(
        *(call for n in range(5) for call in gets(1, f"shop/views.py:{n + 1} view"))
    ),
    "a lock that is tried until it is free": seen(
        *gets(30, command="SET", key_digest="lock", writes=True)
    ),
    "a value that is polled until it is there": seen(*gets(30, key_digest="job")),
    "a counter that is counted up": seen(*gets(30, command="INCR", key_digest="n", writes=True)),
    "keys in chunks of a hundred": seen(*gets(command="MGET", keys=100)),
    "a pipeline for each chunk": seen(*gets(commands=50, keys=50)),
    "a scan over a set by its cursor": seen(*gets(command="SSCAN")),
    "messages to many channels": seen(*gets(command="PUBLISH", writes=True)),
    "a queue that is waited on": seen(*gets(command="BLPOP", writes=True)),
    "a library that reads its own keys": seen(*cached("GET", "session:*", times=10)),
    "an empty cache that one request fills": rare(*gets(30, command="SET", writes=True)),
    "an admin's request that looks at everything once": rare(*gets(30, OTHER)),
    "scripts without keys": seen(*gets(30, command="EVALSHA", key_digest="")),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("repeated-cache-call", one) == []


def test_the_slow_form_fires():
    assert found("repeated-cache-call", seen(*gets()))
