import pytest

from tests.builders import cached, request, trace
from tests.negatives.cases import cases, found

USE = "shop/views.py:15:20 teaser"


def kept(key="teaser:*", times=5, command="SET", stack=(USE,), **fields):
    return cached(command, key, *stack, times=times, writes=True, **fields)


def seen(*calls):
    return trace(request("GET", "teaser/", cache=calls))


CASES = {
    "values that end in a minute": seen(*kept(ttl_s=60.0)),
    "values that end by SETEX": seen(*kept(command="SETEX", ttl_s=30.0)),
    "values that get their end afterwards": seen(*kept(), *kept(command="EXPIRE", times=1)),
    "values that are deleted again": seen(*kept(), *kept(command="DEL", times=1)),
    "a setting under a fixed name": seen(*kept("settings", key_digest="one")),
    "two flags": seen(*kept(times=2)),
    "one key that is written each time": seen(*kept(key_digest="same")),
    "counters": seen(*kept(command="INCRBY")),
    "members of sets": seen(*kept(command="SADD")),
    "a queue": seen(*kept(command="RPUSH")),
    "a hash for each user": seen(*kept(command="HSET")),
    "a pipeline whose end is not seen": seen(*kept(commands=2)),
    "keys of an installed package": seen(*kept(stack=())),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("unexpiring-cache", one) == []


def test_the_slow_form_fires():
    assert found("unexpiring-cache", seen(*kept()))
