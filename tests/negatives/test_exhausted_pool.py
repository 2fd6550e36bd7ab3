import pytest
from msgspec.structs import replace

from tests.builders import plus, request, site, trace
from tests.negatives.cases import cases, found
from unslow.model import Checkout, Server

MADE = site("shop/database.py:9:9 <module>")
ONE = Checkout("shop", "AsyncAdaptedQueuePool", 1, 0.1, False, MADE)
THREAD = replace(ONE, threaded=True, kind="QueuePool")


def seen(*checkouts, server=None):
    made = trace(plus(request("GET", "orders/", ms=20.0), checkouts=checkouts))
    return replace(made, server=server)


CASES = {
    "the default pool": seen(replace(ONE, capacity=15)),
    "five connections for an event loop": seen(replace(ONE, capacity=5)),
    "a pool without a bound": seen(replace(ONE, capacity=0)),
    "one connection for one thread": seen(THREAD),
    "one connection for a sync worker": seen(THREAD, server=Server("gunicorn", "sync", 4, 1)),
    "as many connections as threads": seen(
        replace(THREAD, capacity=8), server=Server("gunicorn", "gthread", 2, 8)
    ),
    "an engine of an installed package": seen(replace(ONE, site=None)),
    "no pool at all": seen(),
    "a wait for another reason in a wide pool": seen(replace(ONE, capacity=15, waited_ms=60.0)),
}


@pytest.mark.parametrize("one", cases(CASES))
def test_silent(one):
    assert found("exhausted-pool", one) == []


def test_the_slow_form_fires():
    assert found("exhausted-pool", seen(ONE))
