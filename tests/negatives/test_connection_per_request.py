import pytest
from msgspec.structs import replace

from tests.builders import query, request, site, trace
from tests.negatives.cases import cases, found
from unslow.model import Opened

PLACE = site("shop/settings.py:30:15 <module>")
MADE = Opened("default", "CONN_MAX_AGE=0", 0.0, 5.0, True, PLACE)


def asked(*connections, database="default"):
    one = query("SELECT 1", database=database)
    return request("GET", "orders/", one, ms=20.0, connections=connections)


def seen(*requests):
    return trace(*requests)


def kept(kind):
    return replace(MADE, kind=kind)


CASES = {
    "connections that are kept for a minute": seen(*[asked(kept("CONN_MAX_AGE=60"))] * 3),
    "connections that are kept for good": seen(*[asked(kept("CONN_MAX_AGE=None"))] * 3),
    "Django's own pool": seen(*[asked(kept("pool"))] * 3),
    "SQLAlchemy's pool while it grows": seen(*[asked(kept("QueuePool"))] * 3),
    "the asynchronous pool while it grows": seen(*[asked(kept("AsyncAdaptedQueuePool"))] * 3),
    "one connection for a thread": seen(*[asked(kept("SingletonThreadPool"))] * 3),
    "a single request": seen(asked(MADE)),
    "a first request that opens": seen(asked(MADE), asked(), asked()),
    "most requests find a connection": seen(*[asked(MADE)] * 3, *[asked()] * 2),
    "a library's own engine": seen(*[asked(replace(MADE, site=None))] * 3),
    "no database at all": seen(request("GET", "health/")),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("connection-per-request", one) == []


def test_the_slow_form_fires():
    assert found("connection-per-request", seen(*[asked(MADE)] * 3))
