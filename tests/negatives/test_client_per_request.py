"""Clients that a request builds, and may."""

import pytest

from tests.builders import plus, request, trace
from tests.negatives.cases import cases, found_in
from tests.sited import at
from unslow.model import Built, Site, Trace

SOURCE = """
import httpx, requests, stripe
from functools import cache
from local.clients import Client

def slow():
    return httpx.Client()

@cache
def lazy():
    return httpx.Client(timeout=1)

def sdk():
    return stripe.Charge.create()

def own():
    return Client()

async def awaited(pool):
    return await pool.acquire()

def session():
    return requests.get("/")

def module_level(): pass
client = httpx.Client(timeout=9)
"""


def built(
    text: str, within: str, what: str = "httpx.Client", ms: float = 25.0, times: int = 4
) -> Trace:
    """Four requests, `times` of which build a client at `text`."""
    plain = request("GET", "/page", ms=60.0)
    one = plus(plain, built=(Built(what, 0.0, ms, _stack(text, within)),))
    return trace(*[one] * times, *[plain] * (4 - times))


def _stack(text: str, within: str) -> tuple[Site, ...]:
    return (at(SOURCE, text, within),) if text else ()


CASES = {
    "the first request leaves the client for the others": built(
        "httpx.Client(timeout=1)", "lazy", times=1
    ),
    "a library builds it below the application's call": built("stripe.Charge.create()", "sdk"),
    "the application's own class builds it": built("Client()", "own"),
    "something else is awaited there": built("await pool.acquire()", "awaited"),
    "it takes half a millisecond": built("httpx.Client()", "slow", ms=0.5),
    "a session of requests costs next to nothing": built(
        'requests.get("/")', "session", "requests.Session", ms=0.1
    ),
    "it stands at the top of a module that the request imports": built(
        "httpx.Client(timeout=9)", "module_level"
    ),
    "no line of the application was seen": built("", ""),
    "the line calls another library than the client's": built(
        'requests.get("/")', "session", "httpx.Client"
    ),
}


@pytest.mark.parametrize("seen", cases(CASES))
def test_silent(seen: Trace) -> None:
    assert [one.title for one in found_in(seen, {"shop/api.py": SOURCE})] == []


def test_the_slow_form_fires() -> None:
    found = found_in(built("httpx.Client()", "slow"), {"shop/api.py": SOURCE})
    assert [one.id for one in found] == ["client-per-request"]
